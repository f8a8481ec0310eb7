"""The stories, by name. A row says what it shows, who fills the cast, and how it is played."""

from collections import namedtuple

from . import abuse, crowds, guessing, honest, injection, wider

Story = namedtuple("Story", "name live summary fill")
LIVE, VIRTUAL = True, False

STORIES = (
    Story("hydra", LIVE, "hydra on SMTP AUTH, IMAP and POP3; a held connection is cut", guessing.hydra),
    Story("guessing", LIVE, "fast guesses on every service, also many on one connection", guessing.fast),
    Story("spray", LIVE, "one password over many accounts, from one address and from a prefix", guessing.spray),
    Story("crowd", LIVE, "300 addresses, one try each, on one account whose owner mistypes", crowds.fast),
    Story("rotator", LIVE, "one IPv6 /64 with an address per try, and a /56 of them", crowds.rotator),
    Story("probes", LIVE, "relay, recipients, HTTP, SOCKS, TLS rubbish, early talk, exploits, nmap", abuse.probes),
    Story("injection", LIVE, "hostile text in every free field names addresses of others", injection.live),
    Story("honest", LIVE, "typos, stale phone, NAT, monitor, mail servers, forgetful sender", honest.live),
    Story("lockout", LIVE, "attempts to get administrator, gateway and resolver banned", honest.lockout),
    Story("rotation", LIVE, "a spray through the /64 of a /48, and through a /24", wider.rotation),
    Story("shared-nat", LIVE, "ten users behind one address, and an attacker among them", wider.shared_nat),
    Story("mx-burst", LIVE, "a desk's computer asks a resolver for the mail servers of many", wider.mx_burst),
    Story("slow", VIRTUAL, "guesses minutes to hours apart, for days", guessing.slow),
    Story("slow-spray", VIRTUAL, "an account every ten minutes, each tried once", guessing.slow_spray),
    Story("slow-crowd", VIRTUAL, "300 addresses over 20 hours on one account", crowds.slow),
    Story("slow-sixty", VIRTUAL, "60 addresses, one try each in ten hours, the owner works on", wider.slow_sixty),
    Story("takeover", VIRTUAL, "the right password from a new place, then 60 messages", wider.takeover),
    Story("honest-days", VIRTUAL, "ordinary days: typos, stale phone, NAT, monitor, mail", honest.days),
)


def find(names):
    """The stories with these names; `all` is all of them. Unknown names are told."""
    known = {story.name: story for story in STORIES}
    if list(names) == ["all"]:
        return list(STORIES)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise SystemExit(f"no story {' '.join(unknown) or 'named'}: there are {' '.join(known)}, and all")
    return [known[name] for name in names]
