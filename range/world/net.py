"""The wires: this process's own network namespace is the internet, `mail` is the mail host.

Every address below is local to the internet side without being configured one by one, so that a
client may bind any of them. Tools that cannot bind get their source by the user they run as.
"""

import subprocess

MAIL = "192.0.2.10"  # Postfix and Dovecot
EXIM = "192.0.2.11"
SCREEN = "192.0.2.12"  # port 25 behind postscreen
GATEWAY = "192.0.2.1"  # also the resolver
SINK = "192.0.2.20"
MAIL6 = "2001:db8:10::10"
EXIM6 = "2001:db8:10::11"

# Who may live where: attackers, honest people, and the two networks for large crowds.
ATTACKERS = "198.51.100.0/24"
HONEST = "203.0.113.0/24"
CROWD = "198.18.0.0/15"  # RFC 2544
OUTSIDE6 = "2001:db8:8000::/33"
_SPREAD = True
TOOL_UID = 21000  # uid TOOL_UID + N sends from 198.51.100.N
TOOLS = range(200, 216)


def keep_to_documentation():
    """From now on only addresses of RFC 5737 and 3849, for what is published."""
    global _SPREAD
    _SPREAD = False


def attacker(number):
    """A lone attacker, 0 to 199; each in a /24 of its own, so that no prefix ban helps the guard."""
    return f"198.19.{number}.9" if _SPREAD else f"198.51.100.{number}"


def crowd(number):
    """A member of a large crowd: five in each of sixty prefixes."""
    if _SPREAD:
        return f"198.18.{100 + number % 60}.{7 + number // 60 * 11}"
    return f"2001:db8:{0xa000 + number % 60:x}:{number // 60 * 0x101:x}::{7 + number:x}"


def neighbour(number):
    """Those who live in one /24, 0 to 120."""
    return f"198.18.5.{number}" if _SPREAD else f"192.0.2.{130 + number}"


def _ip(*lines):
    batch = "\n".join(lines)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def _mail(*command):
    subprocess.run(["ip", "-n", "mail", *command], check=True)


def up():
    """Makes the second namespace and joins the two."""
    subprocess.run(["ip", "netns", "add", "mail"], check=True)
    for name in ("all", "default"):
        _sysctl("net.ipv6.conf." + name + ".accept_dad=0")
    _sysctl("net.ipv4.ip_unprivileged_port_start=0")
    _ip(
        "link set lo up",
        "link add a0 type veth peer name m0 netns mail",
        f"addr add {GATEWAY}/26 dev a0",
        f"addr add {SINK}/26 dev a0",
        "addr add 2001:db8:10::1/64 dev a0 nodad",
        "link set a0 up",
        *(f"route add local {network} dev lo" for network in (ATTACKERS, HONEST, CROWD)),
        "route add local 192.0.2.128/25 dev lo",
        f"route add local {OUTSIDE6} dev lo",
    )
    _mail("link", "set", "lo", "up")
    for address in (MAIL, EXIM, SCREEN):
        _mail("addr", "add", f"{address}/26", "dev", "m0")
    for address in (MAIL6, EXIM6):
        _mail("addr", "add", f"{address}/64", "dev", "m0", "nodad")
    _mail("link", "set", "m0", "up")
    _mail("route", "add", "default", "via", GATEWAY)
    _mail("-6", "route", "add", "default", "via", "2001:db8:10::1")
    _tools()


def _tools():
    lines = []
    for number in TOOLS:
        uid, table = TOOL_UID + number, 1000 + number
        lines += [
            f"route add 192.0.2.0/26 via {MAIL} src 198.51.100.{number} table {table}",
            f"rule add uidrange {uid}-{uid} lookup {table} prio {table}",
        ]
    _ip(*lines)


def _sysctl(setting):
    subprocess.run(["sysctl", "-qw", setting], check=True)


def on_mail_host(*command):
    """The command line that runs `command` in the mail host's network."""
    return ["nsenter", "--net=/run/netns/mail", *command]
