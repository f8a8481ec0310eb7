"""One hostile day, for the demonstration: everything of the other stories, and a lot of mail."""

from world import clients
from world.accounts import LOCAL, address, good

from . import abuse, crowds, guessing, honest, injection

HOUR_S = 3600
DAY_S = 24 * HOUR_S
PARTS = (  # hour at which it begins, who
    (0, crowds.slow),
    (0, guessing.slow),
    (3, guessing.slow_spray),
    (9, guessing.fast),
    (11, guessing.spray),
    (13.5, crowds.rotator),
    (15, abuse.probes),
    (18, injection.live),
    (20, honest.lockout_by_mail),
)


def fill(cast):
    for hour, part in PARTS:
        cast.offset = hour * HOUR_S
        part(cast)
    cast.offset = 0
    honest.days(cast, count=1)
    _readers(cast)
    _partners(cast)
    cast.acts = [act for act in cast.acts if act.at < DAY_S]
    counts = {address: len(acts) for address, acts in cast.by_address().items()}
    for who in cast.players.values():
        if who.kind.startswith("a guess every") and counts[who.address] < 20:
            who.expect = "any"  # the day ends before there is enough to see


def _readers(cast):
    """Forty people with a phone and a laptop, in the rhythm of a working day."""
    for number, local in enumerate(LOCAL[:60:2] + LOCAL[1:40:4]):
        source = f"203.0.113.{150 + number}"
        account, right = good(local)
        cast.honest(source, "reads and writes all day")
        for hour in range(24):
            busy = 6 if 7 <= hour <= 19 else 1
            for turn in range(busy):
                when = hour * HOUR_S + (number * 37 + turn * HOUR_S / busy) % HOUR_S
                login = clients.pop3_login if number % 5 == 0 else clients.imap_login
                cast.at(when, source, login, account, right, port=995 if number % 5 == 0 else 993)
            if 8 <= hour <= 18 and cast.chance.random() < 0.7:
                friend = cast.chance.choice(("friend", "boss", "gone", "busy", "full", "shop", "club"))
                cast.at(hour * HOUR_S + number * 50, source, clients.send_mail, account,
                        [f"{friend}@partner.example", address(cast.chance.choice(LOCAL))],
                        port=587, tls=True, login=(account, right))


def _partners(cast):
    """Thirty mail servers that deliver; some of their addresses are stale."""
    for number in range(30):
        source = f"2001:db8:c000:{number:x}::25"
        cast.honest(source, "delivers mail")
        for turn in range(40):
            when = (turn * 2160 + number * 71) % DAY_S
            to = [address(cast.chance.choice(LOCAL)) for _ in range(1 + turn % 3)]
            if cast.chance.random() < 0.04:
                to.append(address(f"former{number}"))
            cast.at(when, source, clients.send_mail, f"someone@company{number}.example", to,
                    server="exim" if number % 4 == 0 else "postfix", tls=turn % 2 == 0)
