#!/usr/bin/env python3
"""A resolver that lies, stammers and is silent: what comes of it."""
import json, os, socket, struct, subprocess, sys, tempfile, threading, time

count = failed = 0


def ok(good, name, note=""):
    global count, failed
    count += 1
    failed += not good
    print(("" if good else "not ") + f"ok {count} - {name}", flush=True)
    if not good and note:
        print("\n".join("#   " + l for l in str(note).split("\n")), flush=True)


def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".")
                    if l) + b"\0"


def rr(owner, kind, data, ttl=300):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


A, CNAME, TXT = 1, 5, 16
ADDR = bytes([192, 0, 2, 1])
HERE = b"\xc0\x0c"


class Server:
    """Answers by the first label of the name; counts what it was asked."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        while True:
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.listen(16)
        self.seen = {}
        self.lock = threading.Lock()
        for loop in self.serve_udp, self.serve_tcp:
            threading.Thread(target=loop, daemon=True).start()

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            threading.Thread(target=self.handle, daemon=True, args=(
                query, lambda m: self.udp.sendto(m, peer), False)).start()

    def serve_tcp(self):
        while True:
            conn, _ = self.tcp.accept()
            threading.Thread(target=self.talk_tcp, args=(conn,),
                             daemon=True).start()

    def talk_tcp(self, conn):
        try:
            head = conn.recv(2)
            if len(head) < 2:
                return
            query = conn.recv(struct.unpack("!H", head)[0])
            self.handle(query, lambda m: conn.sendall(
                struct.pack("!H", len(m)) + m), True)
        except OSError:
            pass
        finally:
            conn.close()

    def handle(self, query, send, tcp):
        qid, flags = query[:2], struct.unpack("!H", query[2:4])[0]
        end = 12
        labels = []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode())
            end += 1 + query[end]
        question = query[12:end + 5]
        what = labels[0]
        with self.lock:
            seen = self.seen[what] = self.seen.get(what, 0) + 1

        def message(answers=(), rcode=0, bits=0x8180, qd=question, an=None,
                    more=b"", mid=qid):
            return mid + struct.pack(
                "!5H", bits | rcode, 1 if qd else 0,
                len(answers) if an is None else an, 0, 0) + qd + \
                b"".join(answers) + more
        good = message([rr(HERE, A, ADDR)])
        if what == "good":
            send(good)
        elif what == "silent":
            pass
        elif what == "late" and seen >= 3:
            send(good)
        elif what == "slow":
            time.sleep(0.9)
            send(good)
        elif what == "spoof":
            bad = bytes([192, 0, 2, 66])
            for i in range(1, 50):
                send(message([rr(HERE, A, bad)],
                             mid=bytes([qid[0] ^ i, qid[1]])))
            send(good)
        elif what == "otherq":
            send(message([rr(HERE, A, ADDR)],
                         qd=name("good.x.test") + b"\0\1\0\1"))
        elif what == "noq":
            send(message([rr(name("noq.x.test"), A, ADDR)], qd=b""))
        elif what == "query":
            send(message([rr(HERE, A, ADDR)], bits=0x0180))
        elif what == "empty":
            send(b"")
            send(qid)
        elif what == "noise":
            send(qid + os.urandom(500))
        elif what == "loop":
            at = 12 + len(question)
            send(message([rr(struct.pack("!H", 0xc000 | at), A, ADDR)]))
        elif what == "pingpong":
            at = 12 + len(question)
            send(message([rr(struct.pack("!HH", 0xc000 | at + 2, 0xc000 | at),
                             A, ADDR)]))
        elif what == "ahead":
            send(message([rr(HERE, CNAME, struct.pack("!H", 0xc0ff))]))
        elif what == "short":
            send(message([rr(HERE, A, ADDR)])[:-2])
        elif what == "size":
            send(message([rr(HERE, A, ADDR + b"x")]))
        elif what == "more":
            send(message([rr(HERE, A, ADDR)], an=9))
        elif what == "text":
            send(message([rr(HERE, TXT, b"\xffabc")]))
        elif what == "big":
            if tcp:
                send(message([rr(HERE, A, struct.pack("!I", 0xc6330000 + i))
                              for i in range(4000)]))
            else:
                send(message(bits=0x8380))
        elif what == "cut":
            if not tcp:
                send(message(bits=0x8380))
        elif what in ("servfail", "refused", "formerr", "notimp"):
            send(message(rcode={"formerr": 1, "servfail": 2, "notimp": 4,
                                "refused": 5}[what]))
        elif what == "bogus":
            send(message([rr(HERE, A, ADDR)]) if flags & 0x10 else
                 message(rcode=2))
        elif what == "alias":
            send(message([rr(HERE, CNAME, name("good.x.test"))]))
        elif what == "circle":
            send(message([rr(HERE, CNAME, name("circle.x.test"))]))
        elif what[0] == "n" and what[1:].isdigit():
            send(message([rr(HERE, CNAME, name(f"n{int(what[1:])+1}.x.test"))]))
        elif what == "manyalias":
            send(message([rr(name(f"c{i}.x.test"), CNAME,
                             name(f"c{i+1}.x.test")) for i in range(17)]))
        elif what == "deep":
            # Thousands of records share a name of 120 labels.
            long = b"\1a" * 115 + HERE
            first = rr(long, A, ADDR)
            at = 0xc000 | 12 + len(question)
            send(message([rr(HERE, A, ADDR), first] +
                         [rr(struct.pack("!H", at), A, ADDR)] * 3000)
                 if tcp else message(bits=0x8380))


server = Server()
dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dead.bind(("127.0.0.1", 0))
dead_port = dead.getsockname()[1]
refusing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
refusing.bind(("127.0.0.1", 0))
refusing_port = refusing.getsockname()[1]
refusing.close()
hermod = os.environ["HERMOD"]


def configure(root, servers, **more):
    os.makedirs(root + "/conf.d", exist_ok=True)
    with open(root + "/hermod.yaml", "w") as f:
        f.write(f"hostname: mail.example.org\ndata-dir: {root}/data\n")
    with open(root + "/conf.d/dns.yaml", "w") as f:
        f.write("enabled: yes\n")
    with open(root + "/conf.d/resolver-getdns.yaml", "w") as f:
        f.write("enabled: yes\n")
        if servers:
            f.write("servers: %s\n" % json.dumps(servers))
        for key, value in more.items():
            f.write(f"{key.replace('_', '-')}: {value}\n")
    return root


def ask(conf, kind, what):
    r = subprocess.run([hermod, "-c", conf, "dns", "lookup", "--json", kind,
                        what], capture_output=True, text=True)
    try:
        return json.loads(r.stdout), r.stderr
    except ValueError:
        return [{"outcome": f"exit {r.returncode}", "data": "", "reason": "",
                 "secure": ""}], r.stderr + r.stdout


def expect(conf, what, outcome, data=None, kind="A", reason=""):
    rows, err = ask(conf, kind, what + ".x.test")
    good = rows[0]["outcome"] == outcome and reason in rows[0]["reason"]
    if data is not None:
        good = good and rows[0]["data"] == data
    ok(good, f"{what}: {outcome} {reason}", f"{rows[0]}\n{err}")
    return rows


with tempfile.TemporaryDirectory() as root:
    here = f"127.0.0.1:{server.port}"
    conf = configure(root + "/one", [here], **{"try": "300ms", "timeout": "3s"})
    expect(conf, "good", "ok", "192.0.2.1")
    expect(conf, "silent", "timeout", reason=here)
    ok(server.seen["silent"] >= 3, "who is silent is asked again",
       server.seen["silent"])
    expect(conf, "late", "ok", "192.0.2.1")
    expect(conf, "slow", "ok", "192.0.2.1")
    expect(conf, "spoof", "ok", "192.0.2.1")
    for what in ("otherq", "noq", "query", "loop", "pingpong", "ahead", "short",
                 "size", "more"):
        expect(conf, what, "failed")
    expect(conf, "text", "failed", kind="TXT")
    for what in ("noise", "empty"):
        rows, err = ask(conf, "A", what + ".x.test")
        ok(rows[0]["outcome"] in ("failed", "timeout"),
           f"{what}: no answer is made of it", f"{rows[0]}\n{err}")
    rows = expect(conf, "big", "ok")
    ok(len(rows) == 256, "256 of 4000 records, over TCP", len(rows))
    expect(conf, "deep", "ok", "192.0.2.1")
    rows, err = ask(conf, "A", "cut.x.test")
    ok(rows[0]["outcome"] in ("failed", "timeout"),
       "cut: half an answer is none", f"{rows[0]}\n{err}")
    for what, word in (("servfail", "SERVFAIL"), ("refused", "REFUSED"),
                       ("formerr", "FORMERR"), ("notimp", "NOTIMP")):
        expect(conf, what, "failed", reason=word)
    expect(conf, "bogus", "bogus", reason="validation failed")
    rows = expect(conf, "alias", "ok", "192.0.2.1")
    ok(rows[0]["canonical"] == "good.x.test", "an alias nobody followed", rows)
    expect(conf, "circle", "failed", reason="circle")
    expect(conf, "n1", "failed", reason="aliases")
    ok(max(int(w[1:]) for w in server.seen if w[1:].isdigit()) <= 17,
       "a chain is not followed for ever", server.seen)
    expect(conf, "manyalias", "failed", reason="aliases")

    two = configure(root + "/two", [f"127.0.0.1:{dead_port}", here],
                    **{"try": "300ms", "timeout": "10s"})
    expect(two, "good", "ok", "192.0.2.1")
    two = configure(root + "/two", [f"127.0.0.1:{refusing_port}", here],
                    **{"try": "300ms", "timeout": "10s"})
    expect(two, "good", "ok", "192.0.2.1")

    r = subprocess.run([hermod, "-c", configure(root + "/port",
                        ["127.0.0.1", "::1"]), "config", "check"],
                       capture_output=True, text=True)
    ok(r.returncode == 0, "addresses need no port", r)

    # As the system says.
    with open(root + "/resolv.conf", "w") as f:
        f.write(f"# comment\nnameserver {here}\noptions edns0\n")
    system = configure(root + "/system", None,
                       resolv_conf=root + "/resolv.conf")
    expect(system, "good", "ok", "192.0.2.1")
    bad = configure(root + "/bad", ["unix:/run/x"])
    r = subprocess.run([hermod, "-c", bad, "config", "check"],
                       capture_output=True, text=True)
    ok(r.returncode == 1 and "is not an address" in r.stdout + r.stderr,
       "a Unix socket is no resolver", r)

print(f"1..{count}")
sys.exit(failed > 0)
