"""Compares what the guard did with the truth of the cast."""

import datetime
import ipaddress
import re
from collections import defaultdict
from dataclasses import dataclass, field

CAUGHT_MIN = 0.95


@dataclass
class Verdict:
    """One story's figures."""

    story: str
    attackers: int = 0  # that must be caught
    caught: int = 0
    honest: int = 0
    banned: int = 0
    delays: list = field(default_factory=list)  # seconds from the first act to the ban
    complaints: list = field(default_factory=list)

    @property
    def passed(self):
        enough = self.caught >= CAUGHT_MIN * self.attackers
        return enough and not self.banned and not self.complaints

    def median_delay(self):
        return sorted(self.delays)[len(self.delays) // 2] if self.delays else None


def network(subject):
    return ipaddress.ip_network(subject, strict=False)


def covers(subject, address):
    """True where a ban of `subject` hits `address`: an IPv6 client is its /64."""
    net_, host = network(subject), ipaddress.ip_address(address)
    if net_.version == 6 and net_.prefixlen == 128:
        net_ = net_.supernet(new_prefix=64)
    return host.version == net_.version and host in net_


def seconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def first_bans(decisions, subject_of):
    """For each banned subject the time of its first ban."""
    first = {}
    for decision in decisions:
        subject = subject_of(decision)
        if subject and decision.get("mode", "enforce") == "enforce":
            first.setdefault(subject, seconds(decision["at"]))
    return first


class Index:
    """Which ban covers an address; most bans are of one address, so those are looked up."""

    def __init__(self, first):
        self.hosts, self.networks = {}, []
        for subject, at in first.items():
            net_ = network(subject)
            if net_.version == 4 and net_.prefixlen == 32:
                self.hosts[str(net_.network_address)] = at
            else:
                self.networks.append((subject, at))

    def first_ban(self, address):
        times = [at for subject, at in self.networks if covers(subject, address)]
        if address in self.hosts:
            times.append(self.hosts[address])
        return min(times, default=None)


def judge(players, first, seen=()):
    """Verdicts by story, from bans with times and the clients that the parser named."""
    verdicts = defaultdict(lambda: Verdict(""))
    index = Index(first)
    for player in players.values():
        verdict = verdicts[player.story]
        verdict.story = player.story
        at = index.first_ban(player.address)
        if player.expect == "ban":
            verdict.attackers += 1
            verdict.caught += at is not None
            if at is None:
                verdict.complaints += _missed(player) if not player.group else []
            else:
                verdict.delays.append(max(0.0, at - player.first))
        elif player.expect == "spare":
            verdict.honest += 1
            if at is not None:
                verdict.banned += 1
                verdict.complaints.append(f"banned: {player.address} ({player.role}: {player.kind})")
        if player.role == "victim" and player.address in seen:
            verdict.complaints.append(f"blamed: {player.address} for a line that only names it")
    for name, members in _groups(players).items():
        missed = sum(index.first_ban(member.address) is None for member in members)
        if missed > (1 - CAUGHT_MIN) * len(members):
            verdicts[members[0].story].complaints.append(f"missed: {missed} of {len(members)} ({name})")
    strangers = [s for s in first if not any(covers(s, address) for address in players)]
    for story in verdicts.values():
        if story.story == "injection":
            story.complaints += [f"banned: {subject}, who was not there" for subject in strangers]
    return verdicts


def _groups(players):
    groups = defaultdict(list)
    for player in players.values():
        if player.group and player.expect == "ban":
            groups[player.group].append(player)
    return groups


def _missed(player):
    # A lone attacker stands for a whole kind: to miss him is to miss the kind.
    return [f"missed: {player.address} ({player.kind}, {player.acts} acts)"]


def judge_telling(telling, decisions, findings, log):
    """What detectors said of accounts, hosts and clients that are not banned: (story, complaint)."""
    with open(log, encoding="utf-8", errors="replace") as text:
        lines = text.read().splitlines()
    for wanted in telling:
        who = f"{wanted.detector} about {next(iter(wanted.subject.values()))} ({wanted.kind})"
        about = lambda found: found["subject"] == wanted.subject
        found = [item for item in findings if about(item) and item["detector"] == wanted.detector]
        if not wanted.expected:
            if found:
                yield wanted.story, f"told: {who}"
            continue
        if not found:
            yield wanted.story, f"not told: {who}"
            continue
        if wanted.counted:
            until = lines[: max(found[0]["evidence"])]
            acts = sum(bool(re.search(wanted.counted, line)) for line in until)
            if not 0 < acts <= wanted.most:
                yield wanted.story, f"told after {acts} acts, not within {wanted.most}: {who}"
        measures = {item["measure"] for item in decisions if about(item) and item["rule"] == wanted.detector}
        if wanted.measure and wanted.measure not in measures:
            yield wanted.story, f"no proposal to {wanted.measure}: {who}"


def judge_limits(cast, first):
    """Groups of which too many came before any ban met them: (story, complaint)."""
    index = Index(first)
    for group, (story, most) in cast.limits.items():
        members = [player for player in cast.players.values() if player.group == group]
        ban = min((at for player in members if (at := index.first_ban(player.address)) is not None), default=None)
        came = sum(1 for player in members if player.first and (ban is None or player.first < ban))
        if came > most:
            yield story, f"{came} of {group} came before the ban, not {most}"


def table(verdicts, unit):
    """The figures as text."""
    rows = [("story", "caught", "honest banned", "median time to ban", "")]
    for verdict in verdicts:
        delay = verdict.median_delay()
        rows.append((
            verdict.story,
            f"{verdict.caught}/{verdict.attackers}" if verdict.attackers else "-",
            f"{verdict.banned}/{verdict.honest}" if verdict.honest else "-",
            "-" if delay is None else f"{delay / unit[0]:.1f} {unit[1]}",
            "ok" if verdict.passed else "FAILED",
        ))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines)
