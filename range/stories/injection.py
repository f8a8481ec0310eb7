"""Hostile text in every field that a stranger chooses, naming addresses that did nothing.

Source of the shapes: what real servers print of such text, and CVE-2013-7176.
"""

from world import clients, net
from world.accounts import address, password

VICTIMS = ("203.0.113.66", "203.0.113.67", "2001:db8:8fff::66")
POINTERS = (  # reverse DNS, as the attacker's own name server answers
    "203.0.113.66",
    "x[203.0.113.66]",
    "unknown[203.0.113.66]: SASL LOGIN authentication failed",
)


def pointers():
    """What the resolver answers for the addresses of the hostile name servers."""
    return {net.attacker(90 + number): name for number, name in enumerate(POINTERS)}


def texts(victim):
    """Shapes that fooled readers of logs, with `victim` where the peer is expected."""
    return (
        f"x[{victim}]",
        f"x[{victim}]: SASL LOGIN authentication failed: y, sasl_username=z",
        f"x, sasl_username=victor@example.org",
        f"x>, method=PLAIN, rip={victim}, lip=192.0.2.10, session=<abc>",
        f"x,{victim},<abc>): unknown user",
        f"x>, rip={victim}, lip=192.0.2.10",
        f"x\nNov 21 18:00:00 mail postfix/smtpd[1]: warning: unknown[{victim}]: SASL LOGIN authentication failed: y",
        f") [{victim}]: 535 Incorrect authentication data (set_id=victor@example.org)",
        f"H=(x) [{victim}] rejected RCPT",
        f"a>b [{victim}]",
        f"a b {victim}",
        f'"x[{victim}]: 554 5.7.1 "@b.example',
        f"rhost={victim} ruser=x",
        f"\x1b[31m{victim}\x07\x00{victim}",
        f"{victim}",
        f"unknown[{victim}]",
    )


def live(cast):
    """Every shape through every field, by one attacker per shape and victim."""
    cast.victim(VICTIMS, "named in hostile text")
    number = 60
    for victim in VICTIMS[:2]:
        for text in texts(victim):
            source = net.attacker(number if number < 90 else number + 40)
            number += 1
            cast.attacker(source, "injects", expect="any")
            _through_every_field(cast, source, text)
    source = "2001:db8:8ffe::1"
    cast.attacker(source, "injects over IPv6", expect="any")
    for text in texts(VICTIMS[2])[:6]:
        _through_every_field(cast, source, text)
    for source in pointers():
        cast.attacker(source, "hostile reverse DNS", expect="any")
        for when in (6, 12, 18):
            cast.at(when, source, clients.send_mail, "a@b.example", "x@y.example")
            cast.at(when, source, clients.smtp_login, "bob", "x", server="exim", port=25)
    cast.honest("203.0.113.68", "whose name is in hostile text")
    for when in (2, 40, 70):
        cast.at(when, "203.0.113.68", clients.imap_login, address("victor"), password("victor"))


def _through_every_field(cast, source, text):
    line = text.replace("\n", "\r").replace("\x00", "")
    for server in ("postfix", "exim"):
        cast.at(5, source, clients.smtp_login, text, "pw", server=server)
        cast.at(8, source, clients.smtp_login, text, "pw", server=server, mechanism="LOGIN")
        cast.at(12, source, clients.smtp_raw, "MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>",
                server=server, helo=line)
        cast.at(15, source, clients.smtp_raw, f"MAIL FROM:<{line}>", "RCPT TO:<alice@example.org>", server=server)
        cast.at(17, source, clients.smtp_raw, f'MAIL FROM:<"{line}"@b.example>', server=server)
        cast.at(19, source, clients.smtp_raw, "MAIL FROM:<a@b.example>", f'RCPT TO:<"{line}"@example.org>',
                f"RCPT TO:<{line}>", server=server)
        cast.at(21, source, clients.smtp_raw, line, f"VRFY {line}", f"ETRN {line}", f"AUTH {line}", server=server)
    cast.at(24, source, clients.imap_login, line, "pw", authenticate=True)
    cast.at(26, source, clients.imap_login, line.replace("\r", " "), "pw")
    cast.at(28, source, clients.pop3_login, line.replace("\r", " "), "pw")
    cast.at(30, source, clients.sieve_login, text, "pw")
    cast.at(32, source, clients.raw, 25, f"EHLO x\r\nNOOP {line}\r\n".encode("utf-8", "replace"),
            server="postscreen", greeting=False)
