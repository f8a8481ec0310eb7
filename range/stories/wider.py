"""What counts by more than an address: an account, a prefix, a host, many who do little each."""

import time

from world import clients, net
from world.accounts import LOCAL, address, good

HOUR_S = 3600
DAY_S = 24 * HOUR_S


def slow_sixty(cast):
    """Sixty addresses, one try each in ten hours on one account, whose owner works on throughout."""
    account, right = good("judy")
    members = [f"198.19.{200 + number % 30}.{20 + number}" for number in range(60)]
    cast.attacker(members, "one slow try each", group="slow sixty")
    for number, member in enumerate(members):
        cast.at(DAY_S + number * 600, member, clients.imap_login, account, f"leaked{number % 7}")
    cast.honest("203.0.113.5", "owner, at his place throughout")
    for turn in range(68):
        secrets = [right + "1", right] if turn % 20 == 19 else right
        login = clients.smtp_login if turn % 3 == 0 else clients.imap_login
        cast.at(turn * 1800 + 300, "203.0.113.5", login, account, secrets)


def rotation(cast):
    """One password over forty accounts: from one /64 after the other of a /48, and through a /24."""
    for group, members, login in (
        ("spray through a /48", [f"2001:db8:9100:{number:x}::7" for number in range(1, 41)], clients.imap_login),
        ("spray through a /24", [f"198.18.6.{number}" for number in range(101, 141)], clients.smtp_login),
    ):
        cast.attacker(members[:20], group, expect="any", group=group)
        cast.attacker(members[20:], group, group=group)
        cast.within(group, 20)
        for number, member in enumerate(members):
            cast.at(5 + number * 2, member, login, address(LOCAL[20 + number]), "Spring2026!")


def takeover(cast):
    """A right password from a place never seen, then sixty messages to strangers in half a minute."""
    account, right = good("karl")
    home, thief = "203.0.113.92", net.attacker(150)
    cast.honest(home, "owner, writes to friends from his place")
    _daily_mail(cast, home, "karl", days=6)
    cast.attacker(thief, "has the right password, sends", expect="any")
    begin = 5 * DAY_S + 11 * HOUR_S
    cast.at(begin, thief, clients.imap_login, account, right)
    cast.at(begin + 300, thief, burst, account, right)
    messages = rf"client=\S*\[{thief}\].*sasl_username={account}"
    cast.told("outbound-surge", {"account": account}, "stolen, sends", messages, most=19, measure="hold")
    traveller, hotel = "203.0.113.93", "203.0.113.94"
    cast.honest((traveller, hotel), "writes eight mails from a hotel")
    _daily_mail(cast, traveller, "nina", days=5)
    for turn in range(8):
        _mail(cast, begin + turn * 240, hotel, "nina", f"contact{turn}@partner.example")
    cast.not_told("outbound-surge", {"account": address("nina")}, "writes from a hotel")


def _mail(cast, when, source, local, recipient):
    account, right = good(local)
    cast.at(when, source, clients.send_mail, account, recipient, port=587, tls=True, login=(account, right))


def _daily_mail(cast, source, local, days):
    for day in range(days):
        for turn in range(4):
            friend = f"friend{(day + turn) % 5}@partner.example"
            _mail(cast, day * DAY_S + (8 + turn * 2) * HOUR_S, source, local, friend)


def burst(source, account, secret, messages=60, pause_s=0.4):
    """One message after the other, each to another stranger; every third is gone."""
    for number in range(messages):
        local = "gone" if number % 3 == 2 else "target"
        result = clients.send_mail(source, account, f"{local}{number}@partner.example", port=587, tls=True,
                                   login=(account, secret), subject="your invoice")
        if result != "ok":
            return result
        time.sleep(pause_s)
    return "ok"


def shared_nat(cast):
    """Ten people work behind one address; somebody behind it guesses the passwords of others."""
    source, results = "203.0.113.85", []
    cast.honest(source, "NAT with ten users and one attacker")

    def work(source, local, login):
        account, right = good(local)
        results.append((local, login(source, account, right)))
        return results[-1][1]

    for number, local in enumerate(LOCAL[56:66]):
        for turn in range(4):
            login = clients.smtp_login if turn % 2 else clients.imap_login
            cast.at(2 + turn * 30 + number, source, work, local, login)
    for turn in range(30):
        # In the same address's line of acts, between those of the others.
        victim = address(LOCAL[turn % 3])
        cast.at(14 + turn * 3.3, source, clients.imap_login, victim, f"guess{turn}")
    cast.check("everybody behind the NAT could work until the end",
               lambda: len(results) == 40 and all(result == "ok" for _, result in results))


def mx_burst(cast):
    """A desk's computer asks a real resolver where the mail of many domains goes."""
    bot, admin, desk = "203.0.113.80", "203.0.113.81", "203.0.113.82"
    cast.honest(bot, "a spam program runs on it")
    for number in range(40):
        cast.at(10 + number, bot, clients.ask_dns, f"victim{number}.example", "MX")
    cast.told("mx-surge", {"client": bot}, "asks for MX", rf" {bot} \S+ MX IN$", most=10)
    cast.honest(admin, "looks for the mail servers of four partners")
    cast.honest(desk, "looks for web servers only")
    for number in range(40):
        cast.at(10 + number, admin, clients.ask_dns, f"partner{number % 4}.example", "MX")
        cast.at(10 + number, desk, clients.ask_dns, f"www{number}.example", "A")
    forged = [f"198.19.250.{number}" for number in range(1, 51)]
    cast.honest(forged, "whose address stands in front of a question")
    for number, source in enumerate(forged):
        cast.at(12 + number * 0.5, source, clients.ask_dns, f"forged{number}.example", "MX")
    for source in (admin, desk, *forged):
        cast.not_told("mx-surge", {"client": source}, "asks as everybody does")
