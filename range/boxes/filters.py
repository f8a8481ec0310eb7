"""What a mail server asks its filters, with the address of the client that it speaks for."""

import subprocess

from world import clients, net
from world.accounts import address, password

from . import world
from .play import TEXTS

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
RSPAMD, AMAVIS, SPAMD = 11333, 10024, 783


def message(subject="hello", body="good day", sender="a@b.example"):
    return (f"From: <{sender}>\r\nTo: <alice@example.org>\r\nDate: Sat, 28 Nov 2026 07:00:00 +0000\r\n"
            f"Message-ID: <1@b.example>\r\nSubject: {subject}\r\n\r\n{body}\r\n")


def rspamd(source, text, path="checkv2", **headers):
    """One question to rspamd over HTTP; `source` is the client that the asking server names."""
    named = {"IP": source, "From": "a@b.example", "Rcpt": "alice@example.org", "Helo": "mx.b.example",
             "Queue-Id": "4ABCdef", **{key.replace("_", "-"): value for key, value in headers.items()}}
    head = "".join(f"{key}: {value}\r\n" for key, value in named.items())
    return _ask(RSPAMD, f"POST /{path} HTTP/1.0\r\n{head}Content-Length: {len(text)}\r\n\r\n{text}")


def spamd(source, text, user="alice", verb="PROCESS"):
    return _ask(SPAMD, f"{verb} SPAMC/1.5\r\nUser: {user}\r\nContent-length: {len(text)}\r\n\r\n{text}", source)


def _ask(port, request, source=net.GATEWAY):
    def dialogue():
        line = clients.Line(source, net.MAIL, port, timeout=30)
        line.socket.sendall(request.encode("latin-1"))
        while line.socket.recv(65536):
            pass
        line.close()
    return clients.outcome(dialogue)


def amavis(source, text, sender="a@b.example", recipient="alice@example.org", helo="mx.b.example"):
    """One message as Postfix hands it over, with XFORWARD."""
    def dialogue():
        line = clients.Line(net.GATEWAY, net.MAIL, AMAVIS, timeout=30)
        line.reply()
        line.need("EHLO mail.example.org")
        line.need(f"XFORWARD NAME=mx.b.example ADDR={source} PORT=4711 PROTO=ESMTP HELO={_xtext(helo)}")
        line.need(f"MAIL FROM:<{sender}>")
        line.need(f"RCPT TO:<{recipient}>")
        line.need("DATA")
        line.need(text + ".")
        line.ask("QUIT")
        line.close()
    return clients.outcome(dialogue)


def _xtext(text):
    return "".join(c if c.isalnum() or c in ".-" else f"+{ord(c):02X}" for c in text)


def saslauthd(_source, account, secret):
    """One login as an SMTP server asks for it over saslauthd's socket."""
    local, _, realm = account.partition("@")
    done = subprocess.run(
        world.World.command("testsaslauthd", "-u", local, "-r", realm or "example.org", "-p", secret, "-s", "smtp",
                            "-f", "/run/saslauthd/mux"),
        stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return "refused" if done.returncode else "ok"


def fill(play):
    """Honest mail, spam and hostile text through every filter; logins at saslauthd."""
    for name, call in (("rspamd", rspamd), ("amavis", amavis), ("spamassassin", spamd)):
        for number in range(3):
            play.act(name, "mail", call, message(body=f"good day {number}"), honest=True)
        for number in range(2):
            play.act(name, "mail", call, message(subject="buy", body=GTUBE))
        for text in TEXTS:
            play.act(name, "mail", call, message(subject=text.replace("\r", " ")), field="subject")
    for text in (text.replace("\r", " ").replace("\x1b", " ") for text in TEXTS):
        for field in ("From", "Rcpt", "Helo", "User", "Hostname", "Queue_Id"):
            if len(text) % 3 == 0 or field in ("From", "User"):
                play.act("rspamd", "mail", rspamd, message(), field=field, **{field: text})
        play.act("amavis", "mail", amavis, message(), field="HELO", helo=text)
        play.act("amavis", "mail", amavis, message(), field="sender", sender=f'"{text}"@b.example'.replace('""', '"'))
        play.act("spamassassin", "mail", spamd, message(), field="user", user=text)
    play.act("rspamd", "rubbish", rspamd, message(), path="stat?password=x")
    play.act("spamassassin", "rubbish", spamd, "x", verb="GET / HTTP/1.1")
    for user in ("alice", "bob"):
        play.act("saslauthd", "login", saslauthd, address(user), password(user), honest=True, account=address(user))
    for user in ("carol", "nobody", "root"):
        play.act("saslauthd", "login-failure", saslauthd, address(user), "wrong", account=address(user))
    for text in TEXTS:
        play.act("saslauthd", "login-failure", saslauthd, text.replace("\r", " ").replace("@", "%"), "pw", field="user",
                 account=text)
