"""sink.py - a mail server that remembers what it took, and on which connection."""
import re
import socket
import threading
import time


class Connection:
    def __init__(self):
        self.begun = time.time()
        self.taken = []              # (token, recipient), in their order


class Sink:
    """Recipients say in their local parts what is to become of them: bounce-…
    is unknown, grey-… is refused the first time it comes."""

    def __init__(self, rng, slow=0.0):
        self.rng, self.slow = rng, slow
        self.lock = threading.Lock()
        self.copies = {}             # (token, recipient) -> [Connection, …]
        self.text = {}               # token -> the message as it came
        self.seen = set()            # grey ones
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        try:
            with s, s.makefile("rwb") as f:
                self.session(f, Connection())
        except OSError:
            pass

    def session(self, f, connection):
        rcpts = []

        def say(text):
            f.write(text + b"\r\n")
            f.flush()

        say(b"220 sink.example ESMTP")
        for line in f:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"MAIL":
                rcpts = []
                say(b"250 2.1.0 ok")
            elif verb == b"RCPT":
                rcpt = re.search(rb"<(.*)>", line).group(1).decode()
                reply = self.judge(rcpt)
                if reply.startswith(b"2"):
                    rcpts.append(rcpt)
                say(reply)
            elif verb == b"DATA":
                say(b"354 go on")
                text = self.read(f)
                if text is None:
                    return
                time.sleep(self.slow * self.rng.random())
                self.take(connection, text, rcpts)
                say(b"250 2.0.0 taken")
            elif verb == b"QUIT":
                say(b"221 2.0.0 bye")
                return
            else:
                say(b"250 2.0.0 ok")

    def judge(self, rcpt):
        if rcpt.startswith("bounce"):
            return b"550 5.1.1 no such user"
        if rcpt.startswith("grey") and rcpt not in self.seen:
            self.seen.add(rcpt)
            return b"451 4.7.1 come again"
        return b"250 2.1.5 ok"

    @staticmethod
    def read(f):
        lines = []
        for line in f:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def take(self, connection, text, rcpts):
        token = re.search(rb"X-Token: (\S+)", text).group(1).decode()
        with self.lock:
            self.text[token] = text
            for rcpt in rcpts:
                connection.taken.append((token, rcpt))
                self.copies.setdefault((token, rcpt), []).append(connection)
