"""Those who must never be banned, at their most suspicious."""

import os
import subprocess
import tempfile
import threading

from world import clients, net
from world.accounts import FIRST, LOCAL, address, good


def live(cast):
    """A few minutes of everybody's daily trouble."""
    _typos(cast)
    _stale_phone(cast, 2, "203.0.113.20", "wendy", count=40, gap=3)
    _office(cast)
    _monitor(cast, "203.0.113.40", count=20, gap=7)
    _mail_servers(cast)
    _forgetful(cast, "203.0.113.60", 6)
    cast.honest("203.0.113.61", "new device, wrong password seven times")
    account, right = good("yves")
    for turn in range(7):
        cast.at(10 + turn * 5, "203.0.113.61", clients.imap_login, account, right + " ")
    cast.at(60, "203.0.113.61", clients.imap_login, account, right)


def _typos(cast):
    logins = (clients.imap_login, clients.pop3_login, clients.smtp_login)
    for number in range(10):
        source = f"203.0.113.{10 + number}"
        account, right = good(LOCAL[26 + number])
        cast.honest(source, "mistypes, then right")
        login = logins[number % 3]
        wrong = [right[:-1], right.swapcase(), right + "1"][: 1 + number % 3]
        cast.at(4 + number * 3, source, login, account, [*wrong, right])
        cast.at(50 + number * 3, source, login, account, right)
        cast.at(90 + number, source, clients.send_mail, account, "friend@partner.example", port=587,
                tls=True, login=(account, right))


def _stale_phone(cast, start, source, local, count, gap):
    """The laptop knows the new password, the phone in the same house repeats the old one."""
    account, right = good(local)
    cast.honest(source, "stale phone beside a good laptop")
    cast.at(start, source, clients.imap_login, account, right)
    for turn in range(count):
        login = clients.imap_login if turn % 2 else clients.smtp_login
        cast.at(start + 2 + turn * gap, source, login, account, "Old-" + right)
        if turn % 12 == 11:
            cast.at(start + 2 + turn * gap, source, clients.imap_login, account, right)


def _office(cast):
    """Twelve people behind one address, one of them with a stale device."""
    source = "203.0.113.30"
    cast.honest(source, "office behind one address, one stale device")
    for number, local in enumerate(LOCAL[40:52]):
        account, right = good(local)
        cast.at(2 + number * 0.5, source, clients.imap_login, account, right)
        cast.at(30 + number * 4, source, clients.imap_login, account, [right + "q", right])
        cast.at(90 + number, source, clients.smtp_login, account, right, tls=True)
    account, right = good(LOCAL[41])
    for turn in range(30):
        cast.at(10 + turn * 4, source, clients.imap_login, account, "Old-" + right)


def _monitor(cast, source, count, gap):
    cast.honest(source, "monitor")
    for turn in range(count):
        when = 3 + turn * gap
        cast.at(when, source, clients.smtp_raw, port=25)
        cast.at(when + 1, source, clients.smtp_raw, port=587)
        cast.at(when + 2, source, clients.connect, 143)
        cast.at(when + 3, source, clients.connect, 995)
        cast.at(when + 4, source, clients.smtp_raw, server="exim")


def _mail_servers(cast):
    for number in range(6):
        source = f"203.0.113.{50 + number}"
        cast.honest(source, "mail server with stale addresses")
        for turn in range(8):
            server = "exim" if (turn + number) % 3 == 0 else "postfix"
            stale = [address(f"left{number}{turn}")] if turn % 4 == 1 else []
            cast.at(5 + turn * 9 + number, source, clients.send_mail, f"news@partner{number}.example",
                    [address(FIRST[(number + turn) % 20]), *stale], server=server, tls=turn % 2 == 0)


def _forgetful(cast, source, start):
    """Presses send twice without logging in, then with."""
    account, right = good("xavier")
    cast.honest(source, "forgot to log in")
    for when in (start, start + 5):
        cast.at(when, source, clients.send_mail, account, "friend@partner.example", port=587)
    cast.at(start + 20, source, clients.send_mail, account, "friend@partner.example", port=587,
            tls=True, login=(account, right))


def lockout_by_mail(cast):
    """An attacker knows a mailbox's name and guesses it hard; its owner goes on reading."""
    account, right = good("heidi")
    cast.honest("203.0.113.71", "owner of an account under attack")
    cast.attacker(net.attacker(140), "tries to lock an account out")
    for turn in range(60):
        cast.at(600 + turn * 5, net.attacker(140), clients.imap_login, account, f"x{turn}")
    for turn in range(8):
        cast.at(turn * 300, "203.0.113.71", clients.imap_login, account, right)


def lockout(cast):
    """Attacks seem to come from the gateway (which is the resolver, too) and an administrator."""
    account, right = good("zoe")
    cast.honest(net.GATEWAY, "gateway and resolver, attacks come through it")
    cast.honest("203.0.113.70", "administrator with a live SSH session")
    cast.at(0, "203.0.113.70", ssh_session)
    for source, start in ((net.GATEWAY, 10), ("203.0.113.70", 35)):
        for turn in range(30):
            cast.at(start + turn * 1.5, source, clients.imap_login, account, f"guess{turn}")
        for turn in range(4):
            cast.at(start + 60 + turn * 3, source, clients.raw, 25, b"GET / HTTP/1.0\r\n\r\n")
    cast.at(125, "203.0.113.70", clients.imap_login, account, right)


def ssh_session(source):
    """An administrator works on the mail host over a real SSH session, held to the end."""
    keys = tempfile.mkdtemp(prefix="mailward-ssh-", dir="/run")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{keys}/{name}"], check=True)
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    options = ["Port=22", f"ListenAddress={net.MAIL}", f"HostKey={keys}/host", f"AuthorizedKeysFile={keys}/user.pub",
               "PermitRootLogin=yes", "PubkeyAuthentication=yes", "UsePAM=no", "StrictModes=no", "PidFile=none"]
    _hold(net.on_mail_host("timeout", str(HELD_S), "/usr/sbin/sshd", "-D", "-f", "/dev/null",
                           *(word for option in options for word in ("-o", option))))
    quiet = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
             "IdentitiesOnly=yes", "ConnectionAttempts=20", "ServerAliveInterval=5"]
    command = ["ssh", "-F", "/dev/null", "-b", source, "-i", f"{keys}/user",
               *(word for option in quiet for word in ("-o", option)), f"root@{net.MAIL}"]
    for _ in range(50):
        if subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, check=False).returncode == 0:
            _hold(["timeout", str(HELD_S), *command, "sleep", str(HELD_S)])
            return "ok"
        threading.Event().wait(0.1)
    return "unreachable"


HELD_S = 1800  # longer than a part may last (LIMIT_S of world/main.py)


def _hold(command):
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def days(cast, count=2):
    """Two days of ordinary life."""
    for day in range(count):
        _ordinary_day(cast, day * 86400)
    account, right = good("laura")
    source = "203.0.113.90"
    cast.honest(source, "stale phone for days")
    cast.at(30, source, clients.imap_login, account, right)
    for turn in range(count * 96):
        cast.at(900 + turn * 900, source, clients.imap_login, account, "Old-" + right)
        if turn % 24 == 20:
            cast.at(900 + turn * 900, source, clients.imap_login, account, right)
    cast.honest("203.0.113.91", "monitor for days")
    for turn in range(count * 144):
        for port in (25, 587):
            cast.at(turn * 600 + 60, "203.0.113.91", clients.smtp_raw, port=port)
        cast.at(turn * 600 + 60, "203.0.113.91", clients.connect, 143)


def _ordinary_day(cast, start):
    for number in range(16):
        source = f"203.0.113.{100 + number}"
        account, right = good(LOCAL[35 + number])
        if not start:
            cast.honest(source, "at work, at home, sometimes a typo")
        for turn in range(8):
            when = start + 7 * 3600 + number * 300 + turn * 5400
            mistyped = cast.chance.random() < 0.15
            cast.at(when, source, clients.imap_login, account, [right[:-2], right] if mistyped else right)
        cast.at(start + 40000 + number * 600, source, clients.send_mail, account, "friend@partner.example",
                port=587, tls=True, login=(account, right))
    for number in range(5):
        source = f"203.0.113.{130 + number}"
        if not start:
            cast.honest(source, "mail server with stale addresses")
        for turn in range(24):
            stale = [address(f"left{number}")] if turn % 8 == 3 else []
            cast.at(start + turn * 3600 + number * 120, source, clients.send_mail,
                    f"news@partner{number}.example", [address(FIRST[turn % 20]), *stale])
