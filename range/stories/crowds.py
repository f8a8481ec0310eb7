"""Many addresses, one purpose."""

from world import clients, net
from world.accounts import address, good

OWNER_HOME, OWNER_AWAY = "203.0.113.1", "203.0.113.2"


def _members(count):
    """Addresses all over the place: a handful in each of sixty /24."""
    return [net.crowd(number) for number in range(count)]


def _one_each(cast, members, account, start, length):
    logins = (clients.smtp_login, clients.imap_login, clients.pop3_login)
    for number, member in enumerate(members):
        when = start + length * number / len(members)
        cast.at(when, member, logins[number % 3], account, f"leaked{number % 7}")


def fast(cast):
    """300 addresses in a minute; the owner mistypes at home and at a new place."""
    account, right = good("alice")
    members = _members(300)
    cast.attacker(members, "one try each", group="crowd")
    _one_each(cast, members, account, 12, 50)  # members are given a minute to log in before a ban
    cast.honest(OWNER_HOME, "owner at home, mistypes")
    cast.honest(OWNER_AWAY, "owner at a new place, mistypes")
    cast.at(1, OWNER_HOME, clients.imap_login, account, right)
    for when in (30, 45, 60, 125):
        cast.at(when, OWNER_HOME, clients.imap_login, account, [right + "x", right])
    cast.at(40, OWNER_AWAY, clients.imap_login, account, right[:-1])
    cast.at(46, OWNER_AWAY, clients.smtp_login, account, [right.lower(), right], tls=True)
    cast.at(130, OWNER_AWAY, clients.imap_login, account, right)


def slow(cast):
    """The same in twenty hours: four minutes between tries, no address seen twice."""
    account, right = good("ruth")
    members = _members(300)
    cast.attacker(members, "one slow try each", group="slow crowd")
    _one_each(cast, members, account, 7200, 20 * 3600)
    cast.honest("203.0.113.3", "owner under slow attack")
    cast.honest("203.0.113.4", "owner under slow attack, new place")
    for hour in range(0, 24, 2):
        secrets = [right + "1", right] if hour % 6 == 4 else right
        cast.at(hour * 3600 + 300, "203.0.113.3", clients.imap_login, account, secrets)
    cast.at(15 * 3600, "203.0.113.4", clients.imap_login, account, right[1:])
    cast.at(15 * 3600 + 30, "203.0.113.4", clients.imap_login, account, right)


def rotator(cast):
    """A new address for every try, all in one /64; then one each in eight /64 of a /56."""
    one = [f"2001:db8:9000:1::{number:x}" for number in range(0x100, 0x128)]
    cast.attacker(one[:20], "rotates in a /64", expect="any")
    cast.attacker(one[20:], "rotates in a /64", group="rotator, second half")
    for number, source in enumerate(one):
        cast.at(5 + number * 1.5, source, clients.imap_login, address("steve"), f"turn{number}")
    for number in range(8):
        source = f"2001:db8:9001:{0x10 + number:x}::1"
        cast.attacker(source, "a /64 of a bad /56")
        for turn in range(14):
            cast.at(6 + turn * 2.5, source, clients.smtp_login, address("trudy"), f"wrong{turn}")
