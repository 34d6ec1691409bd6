#!/usr/bin/env python3
# data-address.t - addresses and address lists that others collected.
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Error, Probe, raw, testdata, text  # noqa: E402

DIFFERENCES = {
    # isemail
    "64 octets are what every system must take (RFC 5321, 4.5.3.1.1); "
    "we take 128 unless pedantic": [
        "isemail 59 ISEMAIL_RFC5322_LOCAL_TOOLONG"],
    # flanker
    "a path's domain has letters, digits and hyphens only "
    "(RFC 5321, 4.1.2)": [
        "flanker-mailbox_valid.txt 29"],
    "words joined by dots, quoted ones among them, are an obsolete but legal "
    "local part (RFC 5322, 4.4)": [
        "flanker-mailbox_invalid.txt 1"],
    # jakarta
    "addresses are separated by commas (RFC 5322, 3.4); a row of words is "
    "a name": [
        "jakarta 6", "jakarta 12"],
    "a group is told apart from its members (RFC 5322, 3.4)": [
        "jakarta 11", "jakarta 23", "jakarta 80"],
    "quotes and backslashes are not part of the local part "
    "(RFC 5322, 3.2.4)": [
        "jakarta 17", "jakarta 18", "jakarta 22", "jakarta 90",
        "jakarta 95", "jsmime 58"],
    "damage: brackets, parentheses and quotes without a partner are no part "
    "of an address": [
        "jakarta 61", "jakarta 64", "jakarta 67", "jakarta 68", "jakarta 74",
        "jakarta 84", "jsmime 90"],
    "damage: what stands before @ is a local part without domain": [
        "jakarta 69", "jakarta 71", "jakarta 72"],
    "damage: a parenthesis without a partner is searched for once, to stay "
    "linear": [
        "jakarta 70", "jakarta 75"],
    "damage: words without address are a name": [
        "jakarta 92", "jakarta 93"],
    # mail-parser
    "comments are no part of the name; the last one is it only where there "
    "is no phrase (RFC 5322, 3.2.2 and 3.4)": [
        "mail-parser 2", "mail-parser 4", "mail-parser 26", "jsmime 56",
        "jsmime 73", "jsmime 80", "jsmime 82", "jsmime 83", "jsmime 94"],
    "unfolding comes first (RFC 5322, 2.2.3): the pair is of the space, and "
    "the comment ends": [
        "mail-parser 3"],
    "a route is dropped, white space around dots is not part of the domain "
    "(RFC 5322, 4.4)": [
        "mail-parser 5"],
    "white space around a name is not shown": [
        "mail-parser 11"],
    # jsmime
    "a group without a name is a group all the same": [
        "jsmime 63"],
    "this suite does not decode, the probe does (RFC 2047)": [
        "jsmime 76"],
    "invisible characters are removed where names are shown, not parsed": [
        "jsmime 84", "jsmime 99"],
    "two addresses in brackets are two addresses: neither may be hidden as "
    "the name of the other": [
        "jsmime 85"],
    "an encoded word must not be in an address (RFC 2047, 5)": [
        "jsmime 91"],
}

data = os.path.join(testdata(), "addr")
probe = Probe()
cases = Cases(DIFFERENCES)


def load(name):
    with open(os.path.join(data, name), encoding="utf-8") as f:
        return json.load(f)


def elements(value):
    """(kind, name, route, local, domain) of each element."""
    answer = probe("addresses", value)
    fields = answer[1:]
    return [(int(fields[i]),) + tuple(text(f) for f in fields[i + 1:i + 5])
            for i in range(0, len(fields), 5)]


def spec(local, domain):
    return "" if local is None else local + "@" + domain if domain else local


# isemail: what an SMTP path may be. DNSWARN is about DNS only.
for case in load("isemail.json"):
    good = not isinstance(probe("address-ascii",
                          bytes.fromhex(case["address_bytes_hex"])), Error)
    valid = case["category"] in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_RFC5321",
                                 "ISEMAIL_DNSWARN")
    name = "isemail %s %s" % (case["id"], case["diagnosis"])
    if valid or case["category"] == "ISEMAIL_ERR":
        cases.same(name, good, valid, case["address"])
    else:
        # legal in a header field at most: never in a path
        cases.same(name, good, False, case["address"])

# flanker: one mailbox of a header field, strictly.
for valid in (True, False):
    name = "flanker-mailbox_%s.txt" % ("valid" if valid else "invalid")
    with open(os.path.join(data, name), "rb") as f:
        lines = f.read().decode("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        line = re.sub(r"\s+# .*", "", line).strip()
        if line and not line.startswith("#"):
            good = not isinstance(probe("single", line), Error)
            cases.same("%s %d" % (name, number), good, valid, line)


# jakarta: how many addresses, and which. Its addresses keep their quotes and
# groups are one address.
def jakarta(value):
    out, group = [], None
    for kind, name, route, local, domain in elements(value):
        if kind == 1:
            group = name
        elif kind == 2:
            group = None
        elif local is not None:
            out.append(spec(local, domain))
    return out


def unquoted(address):
    match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"(@.*)?', address)
    if not match:
        return address
    return re.sub(r"\\(.)", r"\1", match.group(1)) + (match.group(2) or "")


for number, case in enumerate(load("jakarta-addrlist.json")):
    name = "jakarta %d" % number
    if case["expect"].startswith("Exception"):
        damaged = probe("addresses", case["value"])[0] == "1"
        cases.same(name, damaged, True, case["value"])
    else:
        cases.same(name, jakarta(case["value"]),
                   [unquoted(a) for a in case["addresses"]], case["value"])


# mail-parser: names are decoded.
def listed(value):
    out = []
    for kind, name, route, local, domain in elements(value):
        if kind == 1:
            out.append(("group", name))
        elif kind == 2:
            out.append(("end",))
        else:
            out.append((name, spec(local, domain)))
    return out


def mail_parser(expected):
    if "List" in expected:
        return [(a["name"], a["address"]) for a in expected["List"]]
    out = []
    for group in expected["Group"]:
        if group["name"] is not None:
            out.append(("group", group["name"]))
        out += [(a["name"], a["address"]) for a in group["addresses"]]
        if group["name"] is not None:
            out.append(("end",))
    return out


for number, case in enumerate(load("mail-parser-address.json")):
    cases.same("mail-parser %d" % number, listed(case["header"]),
               mail_parser(case["expected"]), case["header"])


# jsmime: "" for no name.
def jsmime(expected):
    out = []
    for element in expected:
        if "group" in element:
            out.append(("group", element["name"]))
            out += jsmime(element["group"])
            out.append(("end",))
        else:
            out.append((element["name"] or None, element["email"]))
    return out


for number, case in enumerate(load("jsmime-headers.json")):
    if case["suite"].startswith("parseAddressingHeader"):
        if case["input"] is None:
            continue
        cases.same("jsmime %d" % number, listed(case["input"]),
                   jsmime(case["expected"]), case["input"])

cases.ok(probe.close(), "the probe ended well")
cases.done()
