"""Starts real Postfix, Dovecot and Exim under one directory and waits until they greet."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

from . import accounts, net
from .box import DIR

CONF = pathlib.Path(__file__).parent.parent / "conf"
TRIXIE = "/var/cache/mailward-range/trixie"
EXIM12 = "/var/cache/mailward-range/exim/usr/sbin/exim4"
GREETING = [(net.MAIL, port) for port in (25, 587, 143, 110, 4190, 2587)] + [
    (net.EXIM, 25), (net.EXIM, 587), (net.SCREEN, 25)]


class Servers:
    """The mail servers of one world."""

    def __init__(self, root="", log="syslog", failure_delay="2 secs", exim_variant="debian"):
        """`root` is another Debian tree to run from; `log` is `syslog` or `files`."""
        self.root, self.log = root, log
        self.delay, self.variant = failure_delay, exim_variant

    def _run(self, *command):
        chroot = ["chroot", self.root] if self.root else []
        done = subprocess.run(
            net.on_mail_host(*chroot, *command), stdin=subprocess.DEVNULL,
            stdout=open(f"{DIR}/start.out", "a"), stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise SystemExit(f"{command[0]} did not start:\n" + open(f"{DIR}/start.out").read())

    def up(self):
        for name in ("spool", "lib", "dovecot/run", "dovecot/state", "mail", "exim/spool", "exim/mail"):
            os.makedirs(f"{DIR}/{name}")
        self._own()
        accounts.write(DIR + "/etc")
        certificate(DIR + "/etc")
        self._postfix()
        self._dovecot()
        self._exim()
        self._unbound()
        wait_for_greetings()

    def _id(self, user):
        for line in open(self.root + "/etc/passwd", encoding="utf-8"):
            if line.startswith(user + ":"):
                return tuple(int(part) for part in line.split(":")[2:4])
        raise SystemExit(f"no user {user}: run range/install")

    def _own(self):
        for path, user in (("lib", "postfix"), ("mail", "mail"), ("exim/mail", "mail"),
                           ("exim", "Debian-exim"), ("exim/spool", "Debian-exim"), ("log", "Debian-exim")):
            os.chown(f"{DIR}/{path}", *self._id(user))
        os.chmod(DIR + "/log", 0o777)

    def _write(self, source, target, **words):
        text = (CONF / source).read_text(encoding="ascii").replace("@DIR@", DIR)
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        with open(target, "w", encoding="ascii") as out:
            out.write(text)

    def _postfix(self):
        etc = DIR + "/etc"
        self._write("main.cf", etc + "/main.cf")
        self._write("master.cf", etc + "/master.cf")
        if self.log == "files":
            with open(etc + "/main.cf", "a", encoding="ascii") as out:
                out.write(f"maillog_file = {DIR}/log/postfix.log\nmaillog_file_prefixes = {DIR}\n")
        self._run("postfix", "-c", etc, "check")
        self._run("postfix", "-c", etc, "start")

    def _dovecot(self):
        new = os.path.exists(self.root + "/usr/share/doc/dovecot-core") and self.root
        log = f"log_path = {DIR}/log/dovecot.log" if self.log == "files" else "syslog_facility = mail"
        self._write("dovecot24.conf" if new else "dovecot23.conf", DIR + "/etc/dovecot.conf",
                    LOG=log, DELAY=self.delay)
        self._run("dovecot", "-c", DIR + "/etc/dovecot.conf")

    def _exim(self):
        binary = "/opt/exim/usr/sbin/exim4" if self.root else EXIM12
        log = f"log_file_path = {DIR}/log/exim-%slog"
        if self.log == "syslog":
            log = "log_file_path = syslog\nsyslog_timestamp = no\nsyslog_duplication = false"
        names = ("plain_server", "login_server")
        if self.variant == "cpanel":
            names = ("dovecot_plain", "dovecot_login")
            log += ("\nlog_selector = +incoming_port +smtp_connection +all_parents +retry_defer "
                    "+subject +arguments +received_recipients +pid +smtp_no_mail +smtp_mailauth")
        else:
            log += "\nlog_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified +tls_peerdn"
        etc = self.root + "/etc/exim4"
        os.makedirs(etc, exist_ok=True)
        self._write("exim.conf", etc + "/exim4.conf", EXIM=binary, LOG=log, PLAIN=names[0], LOGIN=names[1])
        self._run(binary, "-bd", "-q1m")

    def _unbound(self):
        """A resolver for whoever asks the mail host; the mail host itself asks the gateway."""
        self._write("unbound.conf", DIR + "/etc/unbound.conf")
        done = subprocess.run(net.on_mail_host("unbound", "-c", DIR + "/etc/unbound.conf"),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"unbound did not start:\n{done.stderr}")


def certificate(etc):
    """A key and a certificate of the mail host in the directory `etc`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         "/CN=mail.example.org", "-keyout", f"{etc}/key.pem", "-out", f"{etc}/cert.pem"],
        check=True, capture_output=True)
    shutil.chown(f"{etc}/key.pem", 0, 0)
    os.chmod(f"{etc}/key.pem", 0o644)  # Exim reads it after giving up root


def wait_for_greetings(limit_s=120):
    """Two greetings in a row from every server: an open port alone is no proof of readiness."""
    deadline = time.monotonic() + limit_s
    for where in GREETING * 2:
        while not greets(where):
            if time.monotonic() > deadline:
                raise SystemExit(f"{where} does not greet; see {DIR}/start.out and the log")
            time.sleep(0.2)


def greets(where):
    """Whether a server at (address, port) says something of its own accord."""
    try:
        with socket.create_connection(where, timeout=3) as peer:
            return bool(peer.recv(200))
    except OSError:
        return False
