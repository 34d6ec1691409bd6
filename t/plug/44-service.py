"""What a service manager hands over and hears: sockets, notifications, watchdog.

44-service.py PROGRAM CONF: speaks TAP."""
import os
import signal
import socket
import subprocess
import sys
import time

program, conf = sys.argv[1:]
trash = os.path.dirname(conf)
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)


def settings(port, extra=''):
    with open(conf + '/conf.d/probe.yaml', 'w') as f:
        f.write('enabled: yes\nlisten: [127.0.0.1:%d]\n%s' % (port, extra))


class Manager:
    """A service manager with one service."""

    def __init__(self, name, sockets=(), environment={}):
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inbox.bind(name)
        if name[0] != '\0':
            os.chmod(name, 0o666)
        self.inbox.settimeout(60)
        env = dict(os.environ, NOTIFY_SOCKET=name.replace('\0', '@'),
                   **environment)
        fds = [s.fileno() for s in sockets]

        def child():
            # Descriptors from 3 on, and whom they are for.
            high = [os.dup(fd) for fd in fds]
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(3 + len(high), 200)
        command = [program, '-c', conf, 'serve']
        if fds:
            command = ['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=%d exec "$@"' %
                       len(fds), 'sh'] + command
        self.log = open(trash + '/log', 'w+')
        self.process = subprocess.Popen(
            command, env=env, stderr=self.log, close_fds=False,
            preexec_fn=child)

    def hear(self, want, give_up=60):
        """The next message with such a line; None after a while."""
        end = time.monotonic() + give_up
        while time.monotonic() < end:
            try:
                self.inbox.settimeout(max(0.01, end - time.monotonic()))
                lines = self.inbox.recv(4096).decode().splitlines()
            except socket.timeout:
                break
            if any(line.startswith(want) for line in lines):
                return dict(line.split('=', 1) for line in lines)
        return None

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        heard = self.hear('STOPPING=1')
        status = self.process.wait(60)
        self.inbox.close()
        return heard, status

    def said(self, text):
        self.log.seek(0)
        return text in self.log.read()


def control(*words):
    return subprocess.run([program, '-c', conf] + list(words),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def listener(family, address):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((address, 0))
    s.listen()
    return s


def greeting(port, host='127.0.0.1'):
    with socket.create_connection((host, port), 30) as s:
        return s.makefile().readline().strip()


# ---- notifications ----
settings(0)
m = Manager(trash + '/notify')
heard = m.hear('READY=1')
ok(heard and 'generation 1' in heard.get('STATUS', ''), 'ready: %s' % heard)
before = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
m.process.send_signal(signal.SIGHUP)
heard = m.hear('RELOADING=1')
now = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
ok(heard and before - 1 <= int(heard['MONOTONIC_USEC']) <= now,
   'SIGHUP: reloading, and since when')
heard = m.hear('READY=1')
ok(heard and 'generation 2' in heard['STATUS'], 'ready again: %s' % heard)
ok(control('reload').returncode == 0, 'hermod reload')
ok(m.hear('RELOADING=1') is not None, 'reloading')
heard = m.hear('READY=1')
ok(heard and 'generation 3' in heard['STATUS'], 'ready again: %s' % heard)
settings(0, 'nonsense: 1\n')
m.process.send_signal(signal.SIGHUP)
ok(m.hear('RELOADING=1') is not None, 'a reload with a mistake')
heard = m.hear('READY=1')
ok(heard and 'generation 3' in heard['STATUS'] and
   'refused' in heard['STATUS'], 'still the old one: %s' % heard)
settings(0)
heard, status = m.end()
ok(heard is not None, 'stopping')
ok(status == 0, 'and stopped')

# ---- a socket without a name, and the watchdog ----
m = Manager('\0hermod-test-%d' % os.getpid(),
            environment={'WATCHDOG_USEC': '400000'})
ok(m.hear('READY=1') is not None, 'an abstract socket')
ok(all(m.hear('WATCHDOG=1') for i in range(4)), 'signs of life')
if os.geteuid() == 0:
    workers = subprocess.run(['pgrep', '-P', str(m.process.pid)],
                             stdout=subprocess.PIPE).stdout.split()
    os.kill(int(workers[0]), signal.SIGKILL)
    ok(m.hear('STATUS=The worker died') is not None, 'the worker died')
    ok(m.hear('READY=1') is not None, 'the next one is ready')
    ok(m.hear('WATCHDOG=1') is not None, 'and lives')
control('stop')
ok(m.hear('STOPPING=1') is not None, 'hermod stop: stopping')
ok(m.process.wait(60) == 0, 'and stopped')

m = Manager(trash + '/notify2', environment={
    'WATCHDOG_USEC': '400000', 'WATCHDOG_PID': '1'})
ok(m.hear('READY=1') is not None, 'a watchdog of somebody else')
ok(m.hear('WATCHDOG=1', 1) is None, 'hears nothing')
m.end()

# ---- sockets ----
wanted = listener(socket.AF_INET, '127.0.0.1')
unwanted = listener(socket.AF_INET, '127.0.0.1')
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = wanted.getsockname()[1]
settings(port)
early = socket.create_connection(('127.0.0.1', port), 30)
m = Manager(trash + '/notify3', [unwanted, datagrams, wanted])
ok(m.hear('READY=1') is not None, 'sockets are handed over')
ok(early.makefile().readline().startswith('probe'),
   'who came before the server is served')
ok(greeting(port).startswith('probe'), 'and who comes now')
ok(m.said('a socket was handed over that no module listens on'),
   'one that is not in the configuration is complained about')
ok(m.said('nobody can connect to it'), 'and one of the wrong kind')
ok(control('reload').returncode == 0 and
   greeting(port).endswith(' 2'), 'it is kept over a reload')
settings(0)
ok(control('reload').returncode == 0, 'it is given up')
settings(port)
ok(control('reload').returncode == 0 and
   greeting(port).endswith(' 4'), 'and taken again')
if os.geteuid() == 0:
    workers = subprocess.run(['pgrep', '-P', str(m.process.pid)],
                             stdout=subprocess.PIPE).stdout.split()
    os.kill(int(workers[0]), signal.SIGKILL)
    ok(greeting(port).startswith('probe'), 'a new worker has it, too')
ok(m.end()[1] == 0, 'stopped')
ok(socket.create_connection(('127.0.0.1', port), 30) is not None,
   'the manager still has it')

if socket.has_ipv6 and os.path.exists('/proc/net/if_inet6'):
    both = listener(socket.AF_INET6, '::')
    port = both.getsockname()[1]
    settings(0)
    with open(conf + '/conf.d/probe.yaml', 'w') as f:
        f.write('enabled: yes\nlisten: ["0.0.0.0:%d", "[::]:%d"]\n' %
                (port, port))
    m = Manager(trash + '/notify4', [both])
    ok(m.hear('READY=1') is not None, 'one socket for both families')
    ok(greeting(port).startswith('probe'), 'serves one')
    ok(greeting(port, '::1').startswith('probe'), 'and the other')
    m.end()
else:
    count += 1
    print('ok %d # SKIP no IPv6' % count)

print('1..%d' % count)
sys.exit(failed != 0)
