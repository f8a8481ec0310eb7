"""One box at work: its root on tmpfs, the range's two networks, its servers started."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

from world import accounts, box, dns, net, servers, sink, syslog
from world.clock import Clock

from . import backend, build

ROOT = "/run/zoo/root"
INSIDE = "/zoo"  # where a box finds its configuration
CONF = pathlib.Path(__file__).parent.parent / "conf"
START_LIMIT_S = 120


class World:
    """A box with everything around it; `pointers` are the hostile names of reverse DNS."""

    def __init__(self, name, suite, pointers):
        self.name, self.suite = name, suite
        self.clock = Clock()
        _mounts(name, suite)
        net.up()
        os.makedirs(f"{ROOT}{INSIDE}/log", exist_ok=True)
        os.chmod(f"{ROOT}{INSIDE}/log", 0o777)
        self.log = f"{ROOT}{INSIDE}/log/syslog"
        self.writer = syslog.SyslogWriter("/dev/log", self.clock, {"rfc3339": self.log})
        self.names = dns.Resolver(net.GATEWAY, {"198.51.100.198"}, pointers)
        sink.start(net.SINK)
        backend.start(net.SINK)
        _configuration()

    def start(self, greeting, limit_s=60):
        """Runs the box's start script and waits until each port greets."""
        script = f"{INSIDE}/conf/boxes/{self.name}.sh"
        with open("/run/zoo/start.out", "a", encoding="utf-8") as out:
            done = subprocess.run(self.command("sh", "-eu", script), stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=out, timeout=START_LIMIT_S, check=False)
        if done.returncode:
            raise SystemExit(f"{self.name} of {self.suite} did not start:\n" + self.started())
        deadline = time.monotonic() + limit_s
        for where in greeting * 2:
            while not servers.greets(where):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{where} of {self.name} does not greet:\n" + self.started())
                time.sleep(0.2)

    @staticmethod
    def command(*words):
        """The command line that runs `words` in the box."""
        return net.on_mail_host("chroot", ROOT, *words)

    def end_files(self):
        """Ends the writers that keep what they write until they end (of dnstap)."""
        ending = "for pid in $(pidof fstrm_capture); do kill $pid; done; sleep 1"
        subprocess.run(["sh", "-c", ending], stdin=subprocess.DEVNULL, check=False)

    def started(self):
        """What the start script printed, and the first lines of the log."""
        with open("/run/zoo/start.out", encoding="utf-8", errors="replace") as out:
            told = out.read()[-3000:]
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read(2000) + told


def _mounts(name, suite):
    def mount(*words):
        subprocess.run(["mount", *words], check=True)

    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in ("netns", "zoo/upper", "zoo/work", "zoo/root"):
        os.makedirs(f"/run/{path}")
    box.devices()
    layers = f"lowerdir={build.lower(name, suite)},upperdir=/run/zoo/upper,workdir=/run/zoo/work"
    mount("-t", "overlay", "overlay", "-o", layers, ROOT)
    mount("--rbind", "/dev", ROOT + "/dev")
    mount("--rbind", "/proc", ROOT + "/proc")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", ROOT + "/run")
    os.makedirs(ROOT + "/run/lock")
    socket.sethostname("mail.example.org")


def _configuration():
    """The files of the range's `conf` with their places filled in, accounts and a certificate."""
    etc = f"{ROOT}{INSIDE}/etc"
    os.makedirs(etc)
    accounts.write(etc)
    rows = [f"{accounts.address(local)}\t{accounts.password(local)}\n" for local in accounts.FIRST]
    pathlib.Path(etc, "users.tsv").write_text("".join(rows), encoding="ascii")
    plain = "".join(f"{accounts.password(local)}\n" for local in accounts.FIRST)
    hashes = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=plain, capture_output=True, text=True,
                            check=True).stdout.split()
    rows = [f"{accounts.address(local)} {secret}\n" for local, secret in zip(accounts.FIRST, hashes)]
    pathlib.Path(etc, "credentials").write_text("".join(rows), encoding="ascii")
    servers.certificate(etc)
    words = {"@DIR@": INSIDE, "@DELAY@": "2 secs", "@EXIM@": "/usr/sbin/exim4",
             "@PLAIN@": "plain_server", "@LOGIN@": "login_server"}
    for source in [*CONF.glob("*.*"), *CONF.glob("boxes/*")]:
        if source.is_dir():
            continue
        text = source.read_text(encoding="ascii")
        words["@LOG@"] = _LOG.get(source.name, "")
        for word, value in words.items():
            text = text.replace(word, value)
        target = pathlib.Path(f"{ROOT}{INSIDE}/conf", source.relative_to(CONF))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="ascii")
    for name, text in (("resolv.conf", f"nameserver {net.GATEWAY}\noptions timeout:2 attempts:2\n"),
                       ("hosts", "127.0.0.1 localhost\n192.0.2.10 mail.example.org mail\n"),
                       ("mailname", "mail.example.org\n"), ("hostname", "mail.example.org\n")):
        pathlib.Path(f"{ROOT}/etc/{name}").write_text(text, encoding="ascii")
    shutil.rmtree(f"{ROOT}/var/log/journal", ignore_errors=True)


_LOG = {
    "dovecot23.conf": "syslog_facility = mail",
    "dovecot24.conf": "syslog_facility = mail",
    "exim.conf": f"log_file_path = {INSIDE}/log/exim-%slog : syslog\nsyslog_timestamp = no\n"
                 "syslog_duplication = false\n"
                 "log_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified +tls_peerdn",
}
