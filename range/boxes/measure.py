"""What Mailward understands of a log, against the truth of who did what."""

import dataclasses
import json
import pathlib
import re
import socket
import subprocess

from world import guard, net
from world.accounts import DOMAIN

from .play import VICTIM

CONFIG = pathlib.Path(__file__).with_name("measure.toml")
# Addresses of the range itself: hosts that servers talk to, and their own.
OWN = {net.MAIL, net.EXIM, net.SCREEN, net.GATEWAY, net.SINK, "127.0.0.1", "::1", net.MAIL6, net.EXIM6}
ENOUGH = 0.995
_FRAMES = b"\0\0\0\0"  # how a file of dnstap begins
FAILS = {"rejected", "deferred", "dropped", "tarpitted", "challenged"}


@dataclasses.dataclass
class Share:
    """So many of so many."""

    of: int = 0
    found: int = 0

    def add(self, found):
        self.of += 1
        self.found += bool(found)

    def __str__(self):
        return f"{self.found} of {self.of}" if self.of else "-"


@dataclasses.dataclass
class Figures:
    """The figures of one log."""

    server: str
    version: str
    suite: str
    label: str
    parser: bool
    lines: int = 0
    understood: int = 0
    failures: Share = dataclasses.field(default_factory=Share)
    tries: Share = dataclasses.field(default_factory=Share)
    logins: Share = dataclasses.field(default_factory=Share)
    others: Share = dataclasses.field(default_factory=Share)
    accounts: Share = dataclasses.field(default_factory=Share)
    hostile: Share = dataclasses.field(default_factory=Share)
    silent: int = 0
    wrong: list = dataclasses.field(default_factory=list)
    missed: list = dataclasses.field(default_factory=list)
    unknown: list = dataclasses.field(default_factory=list)

    @property
    def share(self):
        return self.understood / self.lines if self.lines else 0.0

    @property
    def passed(self):
        return self.parser and self.share >= ENOUGH and not self.wrong


def parsers():
    """The names of the parsers that the program has."""
    told = subprocess.run([guard.program(), "parsers"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in told.stdout.splitlines() if line.strip()}


def figures(log, known):
    """Parses one log and holds it against `NAME.truth.json` beside it."""
    log = pathlib.Path(log)
    truth = json.loads(log.with_name(log.name.removesuffix(".log") + ".truth.json").read_text(encoding="ascii"))
    label = log.name.removesuffix(f"-{truth['version']}-{truth['suite']}.log")
    result = Figures(truth["server"], truth["version"], truth["suite"], label, truth["server"] in known)
    whole = log.read_bytes()
    lines = whole.split(b"\n")
    told = subprocess.run([guard.program(), "parse", "--config", str(CONFIG), "--format", "json", "--tz", "UTC",
                           str(log)], capture_output=True, check=True)
    rows = [json.loads(row) for row in told.stdout.splitlines()]
    if whole.startswith(_FRAMES):
        lines = [b"a frame"] * len(rows)  # mailward makes a line of each
    # Where SOGo's processes write at once, lines run together and an empty one is left.
    rows = [row for row in rows if lines[row["line"] - 1].strip()]
    result.lines = len(rows)
    result.understood = sum(_understood(row) for row in rows)
    result.unknown = [(row["line"], lines[row["line"] - 1]) for row in rows if not _understood(row)]
    events = [(row["line"], row["event"]) for row in rows if row["event"]]
    _attributions(result, truth, events, lines)
    _found(result, truth, events, _text(whole, truth))
    return result


def _text(whole, truth):
    """The log as text; of dnstap's frames the addresses of clients that stand in it as four bytes."""
    if not whole.startswith(_FRAMES):
        return whole.decode("utf-8", "replace")
    there = [act["address"] for act in truth["acts"] if b"\x04" + socket.inet_aton(act["address"]) in whole]
    return " ".join(there)


def _understood(row):
    return bool(row["event"]) or row.get("why", "").startswith("noise")


def _attributions(result, truth, events, lines):
    """Who is charged, named or said to have logged in although he did not."""
    acts = {act["address"]: act for act in truth["box"]}
    owners = {}
    for act in truth["box"]:
        if act["account"] and not act["hostile_text"]:
            owners.setdefault(act["account"].lower(), set()).add(act["address"])
    for number, event in events:
        why = _wrong(event, acts, owners)
        if why:
            result.wrong.append(f"line {number}: {why}: {lines[number - 1][:300].decode('utf-8', 'replace')}")


def _wrong(event, acts, owners):
    client, account = event["client"], event["account"]
    if client == VICTIM:
        return "names who never came"
    if client and client not in acts and client not in OWN:
        return f"names {client}, who never came"
    account = (account or "").lower()
    owned = owners.get(account, owners.get(f"{account}@{DOMAIN}"))
    if client in acts and event["kind"] == "auth" and owned and client not in owned:
        return f"{client} never tried {account}"
    if event.get("hostile") and client in acts and _blameless(acts[client]):
        return f"charges {client}, who did nothing wrong"
    return None


def _blameless(act):
    return act["does"] in ("login", "mail", "query") and not act["hostile_text"] and act["address"].startswith("203.")


def _found(result, truth, events, text):
    by_client = {}
    for _, event in events:
        by_client.setdefault(event["client"], []).append(event)
    plain = text.replace("::ffff:", "")
    for act in truth["acts"]:
        if act["answer"] == "unreachable":
            result.wrong.append(f"{act['address']} found no server: the play is wrong")
        if not re.search(rf"(?<![\d.]){re.escape(act['address'])}(?!\.?\d)", plain):
            result.silent += 1  # the server's log does not name the address at all
            if act["account"] and not act["hostile_text"] and _written(act["account"], text, result.server):
                result.accounts.add(any(_names(event, act) and _tells(event, act["does"]) for _, event in events))
            continue
        mine = by_client.get(act["address"], [])
        found = any(_tells(event, _done(act)) for event in mine)
        does = _done(act)
        share = {"login": result.logins, "login-failure": result.failures}.get(does, result.others)
        share.add(found)
        if not found:
            result.missed.append(act)
        if does == "login-failure":
            told = _attempts([event for event in mine if _tells(event, does)])
            result.tries.of += act["tries"]
            result.tries.found += min(told, act["tries"])  # one told twice makes up for none that was missed
            if told > act["tries"]:
                _told_too_often(result, act, told)
        if act["hostile_text"]:
            result.hostile.add(found)
        elif does in ("login", "login-failure") and _written(act["account"], text, result.server):
            result.accounts.add(any(_names(event, act) for event in mine))


def _told_too_often(result, act, told):
    """More attempts than there were: wrong, unless he wrote the other lines himself, by a line break."""
    if "\n" not in (act["account"] or ""):
        result.wrong.append(f"{act['address']} tried {act['tries']} times, told {told} times")


def _attempts(failures):
    """Attempts told; of two services that tell of one session (Dovecot's, Horde's) the one that tells more."""
    sessions = {}
    for event in failures:
        services = sessions.setdefault(event.get("session"), {})
        told_twice = event.get("session") or event["server"] == "horde"
        service = event["service"] if told_twice else ""
        services[service] = services.get(service, 0) + event["attempts"]
    return sum(max(services.values()) for services in sessions.values())


def _written(account, text, server):
    """Whether the log has the account where a login is told. Cyrus drops its default domain."""
    if server == "cyrus":
        account = account.split("@")[0]
    word = re.compile(r"(?i)(?:auth|login|user).*(?<![\w@.])" + re.escape(account) + r"(?![\w@])")
    return word.search(text) is not None


def _done(act):
    """What came of an act: what the server did not take to its end is no login and no refusal."""
    happened = {"login": ("ok",), "login-failure": ("ok", "refused")}.get(act["does"])
    if happened and act["answer"] not in happened:
        return "other"
    if act["does"] == "refusal" and act["answer"] == "ok" and act["field"] in (None, "PTR"):
        return "mail"
    return act["does"]


def _names(event, act):
    account = act["account"].lower()
    return (event["account"] or "").lower() in (account, account.removesuffix("@" + DOMAIN))


def _tells(event, does):
    if does == "login":
        return event["kind"] in ("auth", "message", "session") and event["outcome"] == "allowed" and event["account"]
    if does == "login-failure":
        return event["kind"] == "auth" and event["outcome"] in FAILS
    if does == "refusal":
        return event["outcome"] in FAILS
    if does == "query":
        return event["kind"] == "query"
    return True


def table(rows):
    """The table of docs/accuracy.md."""
    out = ["| server | Debian | lines | understood | failed logins | their tries | logins | others | account named | hostile text "
           "| told nowhere | wrong |",
           "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        name = f"{row.label} {row.version}"
        if not row.parser:
            out.append(f"| {name} | {row.suite} | {row.lines} | no parser | | | | | | | | |")
            continue
        out.append(f"| {name} | {row.suite} | {row.lines} | {row.share * 100:.1f} % | {row.failures} | {row.tries} | {row.logins} "
                   f"| {row.others} | {row.accounts} | {row.hostile} | {row.silent} | {len(row.wrong)} |")
    return "\n".join(out)
