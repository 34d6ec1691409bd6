#!/usr/bin/env python3
# data-idna.t - Unicode's tests of internationalised domain names (UTS 46).
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Error, Probe, testdata, text  # noqa: E402

# Line numbers of IdnaTestV2.txt.
DIFFERENCES = {
    "IDNA2008 itself is stricter than UTS 46: code points that RFC 5892 "
    "disallows, allows in some contexts only, or did not know": [
        104, 275, 311, 436, 437, 438, 457, 458, 461, 659, 660, 661, 662, 663,
        664, 665, 666, 778, 779, 780, 781, 782, 987, 988, 989, 990, 1195,
        1196, 1256, 1463, 1464, 1465, 1597, 1611, 1612, 1613, 1663, 1664,
        1665, 1666, 1667, 1782, 1961, 2063, 2122, 2127, 2128, 2129, 2215,
        2216, 2222, 2754, 2755, 2756, 2757, 2800, 2801, 3097, 3098,
    ],
    "capital sharp s: mapped to ss before Unicode 15.1": [
        116,
    ],
    "libidn2 applies the rule for bidirectional text to labels that have "
    "some, not to their neighbours, and not its number rule "
    "(RFC 5893, 2)": [
        67, 68, 71, 72, 74, 75, 76, 77, 221, 243, 244, 266, 290, 291, 292,
        1385, 1386, 2058, 2359, 2360, 2361, 2362, 2363, 2364, 2397, 2398,
    ],
    "hyphens in third and fourth place: such ASCII hosts exist, and a mail "
    "server must reach them": [
        206,
    ],
}
DIFFERENCES = {reason: ["IdnaTestV2 line %d" % n for n in lines]
               for reason, lines in DIFFERENCES.items()}
DIFFERENCES["a whole sentence is no label: too long, and it has spaces"] = [
    "punycode 3"]

data = os.path.join(testdata(), "idna")
probe = Probe()
cases = Cases(DIFFERENCES)


def unescape(s):
    s = re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda m: chr(int(m[1], 16)), s)
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), s)


def ascii_of(name):
    answer = probe("domain-ascii", name)
    return None if isinstance(answer, Error) else text(answer[0])


# Column 4: toAsciiN, column 5: its status; empty means "as the column before".
with open(os.path.join(data, "IdnaTestV2.txt"), encoding="utf-8") as f:
    for number, line in enumerate(f, 1):
        line = line.split("#")[0].rstrip("\n")
        columns = [c.strip() for c in line.split(";")]
        if len(columns) < 7:
            continue
        source = unescape(columns[0])
        if source == '""':
            source = ""
        unicode_form = unescape(columns[1]) or source
        status = columns[2]
        ascii_form = unescape(columns[3]) or unicode_form
        if ascii_form == '""':
            ascii_form = ""
        ascii_status = columns[4] or status
        good = ascii_status in ("", "[]")
        want = ascii_form if good else None
        try:
            source.encode("utf-8")
        except UnicodeEncodeError:
            continue        # a lone surrogate cannot be written in UTF-8
        cases.same("IdnaTestV2 line %d" % number, ascii_of(source), want,
                   "%s %s" % (source, ascii_status))

with open(os.path.join(data, "punycode_tests.json"), encoding="utf-8") as f:
    for number, case in enumerate(json.load(f)):
        if not case["encoded"]:
            continue
        label = "xn--" + case["encoded"]
        answer = probe("domain-unicode", label)
        cases.same("punycode %d" % number, text(answer[0]), case["decoded"],
                   label)

# A name far too long, which once broke an encoder.
with open(os.path.join(data, "bad_punycode_tests.json"),
          encoding="utf-8") as f:
    for number, case in enumerate(json.load(f)):
        cases.same("bad punycode %d" % number, ascii_of(case["decoded"]), None,
                   "%d characters" % len(case["decoded"]))

cases.ok(probe.close(), "the probe ended well")
cases.done()
