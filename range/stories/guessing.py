"""People and programs that guess passwords."""

from world import clients, net, tools
from world.accounts import FIRST, LOCAL, address


def hydra(cast):
    """Three hydras with a hundred passwords each; one holds an idle connection from before."""
    held = {}

    def hold(source):
        held["line"] = clients.Line(source, net.MAIL, 143, timeout=3)
        held["line"].read()
        return "ok"

    def was_cut():
        """A closed socket answers at once; a dropped one does not answer a command."""
        line = held["line"]
        try:
            line.send("a NOOP")
            line.read()
        except (TimeoutError, OSError):
            return True
        return False

    for source, service in (
        ("198.51.100.200", f"smtp://{net.MAIL}:587"),
        ("198.51.100.201", f"imap://{net.MAIL}"),
        ("198.51.100.202", f"pop3://{net.MAIL}"),
    ):
        cast.attacker(source, "hydra")
        if source.endswith(".201"):
            cast.at(3, source, hold)
        cast.at(8, source, tools.hydra, service, address("mike"))
    cast.check("connection held since before the ban is cut", was_cut)


def _tries(cast, source, start, gap, count, login, *arguments, **options):
    for number in range(count):
        cast.at(start + number * gap, source, login, *arguments, f"wrong{number}", **options)


def fast(cast):
    """Thirty guesses in half a minute on each service, and many on one connection."""
    imap, pop3, smtp = clients.imap_login, clients.pop3_login, clients.smtp_login
    rows = (
        (10, imap, address("nina"), {"port": 993}),
        (11, pop3, address("nina"), {}),
        (12, clients.sieve_login, address("nina"), {}),
        (13, smtp, address("oscar"), {"server": "exim"}),
        (14, smtp, "admin", {"server": "exim", "port": 465, "mechanism": "LOGIN"}),
        (15, smtp, "root", {"port": 465, "leave": "drop"}),
        (16, smtp, address("peggy"), {"port": 25, "mechanism": "LOGIN"}),
    )
    for number, login, account, options in rows:
        source = net.attacker(number)
        cast.attacker(source, "fast guesses")
        _tries(cast, source, 5, 1.5, 30, login, account, **options)
    many = [f"many{number}" for number in range(15)]
    for number, login in ((17, imap), (18, pop3), (19, smtp)):
        source = net.attacker(number)
        cast.attacker(source, "many guesses on one connection")
        for start in (5, 30, 55):
            cast.at(start, source, login, address("quentin"), many)


def spray(cast):
    """`Summer2026` on thirty accounts; then twelve neighbours with one account each."""
    source = net.attacker(20)
    cast.attacker(source, "spray")
    for number, local in enumerate(LOCAL[30:60]):
        cast.at(5 + number * 1.5, source, clients.imap_login, address(local), "Summer2026")
    crowd = [net.neighbour(number) for number in range(10, 34)]
    cast.attacker(crowd, "spray by a prefix", group="prefix spray", expect="any")
    late = [net.neighbour(number) for number in range(60, 72)]
    cast.attacker(late, "spray by a prefix", group="prefix spray, latecomers")
    for number, neighbour in enumerate(crowd + late):
        local = LOCAL[30 + number % 36]
        cast.at(5 + number * 1.2, neighbour, clients.smtp_login, address(local), "Summer2026")
    for number, neighbour in enumerate(late):
        cast.at(60 + number * 0.5, neighbour, clients.smtp_login, address(LOCAL[31 + number]), "Summer2026")


def slow(cast):
    """Twelve attackers, each too slow for any window of minutes or hours."""
    # Laura has a device with an old password at home: a slow guesser hides behind it (detectors.md).
    names = [name for name in FIRST if name != "laura"]
    logins = (clients.imap_login, clients.pop3_login, clients.smtp_login)
    for number, gap_min in enumerate((15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 90, 120)):
        source = net.attacker(101 + number)
        cast.attacker(source, f"a guess every {gap_min} min")
        # At an account that somebody uses a client has up to a hundred tries (detectors.md).
        count = 110 if gap_min == 90 else 30 if gap_min > 60 else 24
        account = address(names[number]) if number % 3 else f"office{number}@example.org"
        _tries(cast, source, 600 + number * 60, gap_min * 60, count, logins[number % 3], account)
    for number in range(4):
        source = net.attacker(115 + number)
        cast.attacker(source, "a guess every 30 min at Exim")
        _tries(cast, source, 900, 1800, 24, clients.smtp_login, address("victor"), server="exim")


def slow_spray(cast):
    """Each account once, ten minutes apart, from each of four addresses."""
    for number in range(4):
        source = net.attacker(121 + number)
        cast.attacker(source, "slow spray")
        for turn, local in enumerate(LOCAL[number * 10:number * 10 + 24]):
            cast.at(1200 + number * 120 + turn * 600, source, clients.imap_login, address(local), "Winter2026!")


