#!/usr/bin/env python3
# data-header.t - parameters, dates and encoded words that others collected.
import json
import os
import sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Error, Probe, raw, testdata, text  # noqa: E402

DIFFERENCES = {
    "only the first piece has a charset (RFC 2231, 4.1)": [
        "mail-parser type 19"],
    "= ends a token (RFC 2045, 5.1)": [
        "mail-parser type 28"],
    "NUL is removed; pieces are counted up to 999": [
        "mail-parser type 33"],
    "the first of several pieces with one number counts, the others are not "
    "an end": [
        "jsmime 28"],
    "a charset that is missing or unknown is guessed (RFC 2231 says "
    "nothing)": [
        "jsmime 38", "jsmime 39"],
    "malformed bytes become U+FFFD, the rest of the value is kept": [
        "jsmime 44"],
    "direction controls are replaced where a name of a file is made of the "
    "value, see test-mime": [
        "jsmime 52"],
    "missing padding is taken as meant (RFC 2045, 6.8: be robust)": [
        "jsmime 146"],
    "there is no hint about the charset of raw bytes: what is not UTF-8 is "
    "read as windows-1252": [
        "jsmime 155", "jsmime 156", "jsmime 157", "jsmime 158", "jsmime 159",
        "jsmime 160"],
    "a line end within a comment is white space": [
        "mail-parser date 7"],
    "this is a whole Received field, not the date in it": [
        "mail-parser date 14"],
}

data = os.path.join(testdata(), "addr")
probe = Probe()
cases = Cases(DIFFERENCES)


def load(name):
    with open(os.path.join(data, name), encoding="utf-8") as f:
        return json.load(f)


def shown(field):
    """A parameter's value as people see it: encoded words undone."""
    value = text(field)
    return text(probe("words", value)[0]) if "=?" in value else value


def params(value):
    fields = probe("params", value)
    rest = fields[2:]
    return (text(fields[0]), text(fields[1]),
            {text(rest[i]): shown(rest[i + 1])
             for i in range(0, len(rest), 2)})


for number, case in enumerate(load("mail-parser-content_type.json")):
    kind, sub, got = params(case["header"])
    want = case["expected"]
    if want is None:
        # no type at all
        cases.same("mail-parser type %d" % number, kind == "", True,
                   case["header"])
        continue
    attributes = {k: v for k, v in want.get("attributes") or []
                  if not k.endswith("-language")}
    cases.same("mail-parser type %d" % number, (kind, sub, got),
               (want["c_type"], want["c_subtype"], attributes),
               case["header"])

for number, case in enumerate(load("jsmime-headers.json")):
    name = "jsmime %d" % number
    if case["suite"].startswith("parseParameterHeader"):
        kind, sub, got = params(case["input"])
        if sub is not None:
            kind += "/" + sub
        cases.same(name, [kind, got], case["expected"], case["input"])
    elif case["suite"] == "parseDateHeader":
        answer = probe("date", case["input"])
        got = None
        if not isinstance(answer, Error):
            zone = timezone(timedelta(minutes=int(answer[1])))
            got = datetime.fromtimestamp(int(answer[0]), zone) \
                .strftime("%Y-%m-%dT%H:%M:%S%z")
        want = case["expected"]
        cases.same(name, got, want and want.replace("Z", "+0000"),
                   case["input"])
    elif case["suite"] == "decodeRFC2047Words":
        cases.same(name, text(probe("words", case["input"])[0]),
                   case["expected"], case["input"])
    elif case["suite"] == "8-bit header processing":
        cases.same(name, text(probe("words",
                   case["input"].encode("latin-1"))[0]),
                   case["expected"], case["input"])

for number, case in enumerate(load("mail-parser-date.json")):
    answer = probe("date", case["header"])
    got = want = None
    if not isinstance(answer, Error):
        got = [int(f) for f in answer]
    if case["expected"] is not None:
        e = case["expected"]
        zone = e["tz_hour"] * 60 + e["tz_minute"]
        zone = -zone if e["tz_before_gmt"] else zone
        moment = datetime(e["year"], e["month"], e["day"], e["hour"],
                          e["minute"], e["second"],
                          tzinfo=timezone(timedelta(minutes=zone)))
        want = [int(moment.timestamp()), zone]
    cases.same("mail-parser date %d" % number, got, want, case["header"])

for number, case in enumerate(load("rfc2047.json")):
    name = "rfc2047 %d" % number
    if case["op"] == "decode":
        cases.same(name, text(probe("words", case["input"])[0]),
                   case["expected"], case["input"])
    else:
        # our own encoding of the same text, read back
        coded = text(probe("encode", case["input"])[0])
        cases.same(name, text(probe("words", coded)[0]), case["input"], coded)
        cases.ok(coded.isascii() and
                 all(len(w) <= 75 for w in coded.split(" ")),
                 name + " in legal words", coded)

cases.ok(probe.close(), "the probe ended well")
cases.done()
