#!/usr/bin/env python3
# data-structure.t - trees of parts and their content as other parsers see them.
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Probe, raw, testdata, text  # noqa: E402

def both(folder, *names):
    return [folder + "/" + name + suffix for name in names
            for suffix in (".json", ".crlf.json")]


DIFFERENCES = {
    "a message with a transfer encoding is not looked into: offsets in it "
    "would be of no use, and RFC 2046, 5.2.1 forbids it": [
        "mime4j-mimetools/multi-2gifs-base64.msg",
        "mime4j-testmsgs/bad-newlines-multiple-parts-base64.msg",
        "mime4j-testmsgs/base64encoded-rfc822message-nested.msg"],
    "a line that is no field does not end the header, the empty line does "
    "(RFC 5322, 2.1)": [
        "mime4j-testmsgs/malformedHeaderStartsBody-nocrlfcrlf.msg",
        "mime4j-testmsgs/"
        "malformedHeaderStartsBody-nocrlfcrlf_decoded_1.txt"],
    "a boundary does not end with white space, which may follow it on its "
    "line (RFC 2046, 5.1.1)": [
        "mime4j-testmsgs/very-long-boundary.msg",
        "mime4j-testmsgs/very-long-boundary_decoded_1_1.txt",
        "mime4j-testmsgs/weird-boundary.msg",
        "mime4j-testmsgs/weird-boundary_decoded_1_1.txt"],
    "the outer boundary ends what is open inside, wherever it stands "
    "(RFC 2046, 5.1.2)": both(
        "mail-parser-malformed", "000", "008", "009", "011", "012", "016"),
    "a boundary is followed by white space or the line end (RFC 2046, "
    "5.1.1): one that goes on is another": both(
        "mail-parser-malformed", "001", "007"),
    "a boundary line opens a part, even at the very end": both(
        "mail-parser-malformed", "014"),
    "the first of two Content-Type fields counts": both(
        "mail-parser-malformed", "020"),
    "a message that is none is a message with a strange header": both(
        "mail-parser-malformed", "022"),
    "an unknown transfer encoding is left to the caller (RFC 2045, 6.4)": [
        "mail-parser-legacy/026.json at 1411",
        "mail-parser-legacy/026.crlf.json at 1444"],
    "8-bit text without a charset that is not UTF-8 is read as "
    "windows-1252": [
        "mail-parser-legacy/052.json at 0",
        "mail-parser-legacy/052.crlf.json at 0"],
    "base64 that was cut off keeps the bytes of its last, unpadded group": [
        "mime4j-mimetools/frag_decoded_1_2_1_2_1_2_1_2.bin"],
    "junk in base64 is skipped, also behind padding (RFC 2045, 6.8)": [
        "mail-parser-thirdparty/002.json at 165",
        "mail-parser-thirdparty/002.json at 275",
        "mail-parser-thirdparty/002.crlf.json at 174",
        "mail-parser-thirdparty/002.crlf.json at 289"],
    "the size is that before the conversion to UTF-8 (RFC 8621, 4.1.4)": [
        "stalwart-jmap/email_get-multipart_related.json",
        "stalwart-jmap/email_get-single_part.json"],
}

data = os.path.join(testdata(), "mime")
probe = Probe()
cases = Cases(DIFFERENCES)


class Part:
    def __init__(self, fields):
        self.depth = int(fields[0])
        self.type = "%s/%s" % (text(fields[1]), text(fields[2]))
        flags = int(fields[3])
        self.multipart, self.message = bool(flags & 1), bool(flags & 2)
        self.damaged = bool(flags & 4)
        self.header, self.body, self.end, self.lines = \
            (int(f) for f in fields[4:8])
        self.encoding = text(fields[8])
        self.decoded, self.text = raw(fields[9]), raw(fields[10])
        self.filename = text(fields[11])
        self.children = []


def parts_of(message):
    fields = probe("parts", message)
    parts = [Part(fields[i:i + 12]) for i in range(0, len(fields), 12)]
    path = []
    for part in parts:
        del path[part.depth:]
        if path:
            path[-1].children.append(part)
        path.append(part)
    return parts


def read(*path):
    with open(os.path.join(data, *path), "rb") as f:
        return f.read()


def lf(s):
    return s.replace(b"\r\n", b"\n")


# mime4j: events of its parser, raw bodies. "m" and "M" stand for multipart and
# message, a leaf is its body.
def mime4j(element):
    """The tree of a message or body-part."""
    for child in element:
        if child.tag == "multipart":
            return ("m", [mime4j(c) for c in child if c.tag == "body-part"])
        if child.tag == "message":
            return ("M", mime4j(child))
        if child.tag == "body":
            return ("", lf((child.text or "").encode("latin-1", "replace"))
                    .strip())
    return ("", b"")


def ours(part, message):
    if part.multipart:
        return ("m", [ours(c, message) for c in part.children])
    if part.message:
        return ("M", ours(part.children[0], message))
    return ("", lf(message[part.body:part.end]).strip())


def leaves(part, path):
    """Leaves with their path in mime4j's way: 1_2 is the second part of the
    message."""
    if part.message:
        yield from leaves(part.children[0], path + "_1")
    elif part.multipart:
        for number, child in enumerate(part.children, 1):
            yield from leaves(child, "%s_%d" % (path, number))
    else:
        yield path, part


for folder in ("mime4j-mimetools", "mime4j-testmsgs"):
    for name in sorted(os.listdir(os.path.join(data, folder))):
        if not name.endswith(".msg"):
            continue
        xml = read(folder, name[:-4] + ".xml").decode("latin-1")
        xml = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "?", xml)
        want = mime4j(ElementTree.fromstring(xml.encode("utf-8")))
        message = read(folder, name)
        shown = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"?", message)
        parts = parts_of(message)
        cases.same("%s/%s" % (folder, name), ours(parts[0], shown), want)
        for path, part in leaves(parts[0], "1"):
            for suffix in (".txt", ".bin"):
                decoded = "%s_decoded_%s%s" % (name[:-4], path, suffix)
                if os.path.exists(os.path.join(data, folder, decoded)):
                    cases.same("%s/%s" % (folder, decoded),
                               lf(part.decoded), lf(read(folder, decoded)))

# mail-parser: parts with their offsets; a message within has its own list.
def offsets(parts):
    out = []
    for part in parts:
        out.append((part["offset_header"], part["offset_body"],
                    part["offset_end"]))
        if "Message" in part["body"]:
            out += offsets(part["body"]["Message"]["parts"])
    return out


def contents(parts):
    """Where a part lies -> its kind and content."""
    out = {}
    for part in parts:
        where = (part["offset_header"], part["offset_body"],
                 part["offset_end"])
        for kind, body in part["body"].items():
            if kind == "Message":
                out.update(contents(body["parts"]))
            elif kind != "Multipart":
                out[where] = (kind, body.encode("utf-8") if
                              isinstance(body, str) else bytes(body))
    return out


for folder in ("legacy", "malformed", "rfc", "thirdparty"):
    folder = "mail-parser-" + folder
    for name in sorted(os.listdir(os.path.join(data, folder))):
        if not name.endswith(".eml"):
            continue
        message = read(folder, name)
        for suffix, form in (".json", lf(message)), \
                (".crlf.json", lf(message).replace(b"\n", b"\r\n")):
            if not os.path.exists(os.path.join(data, folder,
                                               name[:-4] + suffix)):
                continue
            want = json.loads(read(folder, name[:-4] + suffix))
            cases.same("%s/%s" % (folder, name[:-4] + suffix),
                       [(p.header, p.body, p.end) for p in parts_of(form)],
                       offsets(want["parts"]))
            # decoded bodies of the parts that both see
            bodies = contents(want["parts"])
            for p in parts_of(form):
                where = (p.header, p.body, p.end)
                if where in bodies and not p.message and not p.multipart:
                    kind, body = bodies[where]
                    mine = p.decoded if kind == "Binary" else \
                        p.text if p.text is not None else p.decoded
                    cases.same("%s/%s at %d" % (folder, name[:-4] + suffix,
                               p.header), lf(mine), lf(body))

# Stalwart: bodyStructure of JMAP (RFC 8621, 4.1.4).
def jmap(part):
    if "subParts" in part:
        return (part["type"], [jmap(p) for p in part["subParts"]])
    return (part["type"], part.get("size"), part.get("name"))


def our_jmap(part):
    if part.multipart:
        return (part.type, [our_jmap(c) for c in part.children])
    return (part.type, len(part.decoded), part.filename)


folder = "stalwart-jmap"
for name in sorted(os.listdir(os.path.join(data, folder))):
    if not name.endswith(".json"):
        continue
    want = json.loads(read(folder, name))
    if "bodyStructure" not in want:
        continue
    got = parts_of(read(folder, name[:-5] + ".eml"))
    # Email/parse is about the message that is attached.
    root = got[0] if "parse-attachment" not in name else \
        next(p for p in got if p.message).children[0]
    have, want = our_jmap(root), jmap(want["bodyStructure"])
    if want[1] is None:
        have = (have[0], None, have[2])
    cases.same("%s/%s" % (folder, name), have, want)

cases.ok(probe.close(), "the probe ended well")
cases.done()
