"""One part of a run, in namespaces of its own: a world, a play, the verdicts."""

import argparse
import dataclasses
import json
import os
import random
import shutil
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import stories
from stories import injection

from . import box, dns, guard, judge, net, player, servers, sink, syslog
from .cast import SPARE, Cast
from .clients import connect
from .clock import Clock

LISTED = {"198.51.100.77", "198.51.100.78"}


class World:
    """Network, name server, log writer and mail servers, all running."""

    def __init__(self, debian="12", failure_delay="2 secs", form="rfc3339", start=None):
        socket.sethostname("mail")
        root = servers.TRIXIE if debian == "13" else ""
        box.up(root)
        net.up()
        self.clock, self.log = Clock(start), f"{box.DIR}/log/mail.log"
        self.writer = syslog.SyslogWriter("/dev/log", self.clock, {form: self.log})
        self.names = dns.Resolver(net.GATEWAY, LISTED, injection.pointers())
        sink.start(net.SINK)
        self.servers = servers.Servers(root, failure_delay=failure_delay)
        self.servers.up()


def cast_of(chosen, seed=1):
    cast = Cast(random.Random(seed))
    for story in chosen:
        cast.story = story.name
        story.fill(cast)
    return cast


def write_truth(path, players):
    """The truth file: per address who it was, what it did when, what must become of it."""
    with open(path, "w", encoding="ascii") as out:
        json.dump({address: vars(who) for address, who in players.items()}, out, indent=1)


def play_live(chosen, options):
    """Real time, the guard at work; judged by what packets do, by `bans` and by `replay`."""
    world = World(options.debian)
    warden = guard.Guard([world.log], f"{options.out}/guard.out")
    warden.up()
    cast = cast_of(chosen)
    play = player.Play(cast, world.clock)
    print(f"range: plays {len(cast.players)} addresses, {len(cast.acts)} acts, about {cast.length():.0f} s", flush=True)
    play.live()
    time.sleep(3)
    held = warden.bans()
    shutil.copy(world.log, f"{options.out}/live.log")  # before the probe adds lines of everybody
    before = guard.dropped_packets()
    passing = probe(cast.players)
    counted = guard.dropped_packets() - before
    write_truth(f"{options.out}/live.truth.json", cast.players)
    first = {subject: 0.0 for subject in held}
    for who in cast.players.values():
        for subject in (s for s in held if judge.covers(s, who.address)):
            first[subject] = max(first[subject], who.first + who.blocked_at)
    verdicts = judge.judge(cast.players, first)
    _check_packets(cast, verdicts, passing, held)
    for story, name, question in cast.checks:
        if not question():
            verdicts[story].complaints.append(f"not so: {name}")
    if held and not counted:
        next(iter(verdicts.values())).complaints.append("the kernel's counters of bans did not move")
    _same_by_replay(verdicts, cast, held, f"{options.out}/live.log")
    if not warden.down():
        next(iter(verdicts.values())).complaints.append("`mailward up` did not end in order")
    print(f"range: {len(held)} bans hold, {counted} packets of the probe were counted as dropped")
    return [verdicts[story.name] for story in chosen], play.errors


def probe(players):
    """Whose packets still pass: everybody connects once more."""
    def passes(address):
        return connect(address, 587, timeout=2.5) == "ok"
    with ThreadPoolExecutor(64) as pool:
        return dict(zip(players, pool.map(passes, players)))


def _check_packets(cast, verdicts, passing, held):
    for address, who in cast.players.items():
        covered = any(judge.covers(subject, address) for subject in held)
        complaint = None
        if who.expect == SPARE and not passing[address]:
            complaint = f"shut out: {address} ({who.kind})"
        elif covered and passing[address]:
            complaint = f"banned, but its packets pass: {address} ({who.kind})"
        if complaint:
            verdicts[who.story].complaints.append(complaint)


def _same_by_replay(verdicts, cast, held, log):
    """The log of the live run, replayed, bans nobody who must be spared and nobody else."""
    decisions, findings, _ = guard.replay(log)
    first = judge.first_bans(decisions, guard.subject_of)
    again = judge.judge(cast.players, first, guard.parsed_clients(log))
    again.pop("lockout", None)  # a log does not tell who the gateway is, or who works at the host
    for story, verdict in again.items():
        verdicts[story].complaints += [f"by replay: {text}" for text in verdict.complaints if "missed" not in text]
        verdicts[story].delays = verdict.delays
    _complain(verdicts, judge.judge_telling(cast.telling, decisions, findings, log))
    _complain(verdicts, judge.judge_limits(cast, first))


def _complain(verdicts, complaints):
    for story, complaint in complaints:
        verdicts[story].complaints.append(complaint)


def play_virtual(chosen, options):
    """Virtual time, no guard; judged by `replay` of what the servers logged."""
    world = World(options.debian, failure_delay="0 secs", start=time.time() - 4 * 86400)
    cast = cast_of(chosen)
    play = player.Play(cast, world.clock)
    print(f"range: plays {len(cast.players)} addresses, {len(cast.acts)} acts, "
          f"{cast.length() / 3600:.0f} hours in virtual time", flush=True)
    play.virtual(step_s=600)
    log = f"{options.out}/virtual.log"
    shutil.copy(world.log, log)
    write_truth(f"{options.out}/virtual.truth.json", cast.players)
    decisions, findings, summary = guard.replay(log)
    print(f"range: replay of {summary.get('lines')} lines, {summary.get('parsed')} parsed")
    first = judge.first_bans(decisions, guard.subject_of)
    verdicts = judge.judge(cast.players, first, guard.parsed_clients(log))
    _complain(verdicts, judge.judge_telling(cast.telling, decisions, findings, log))
    _complain(verdicts, judge.judge_limits(cast, first))
    for story, name, question in cast.checks:
        if not question():
            verdicts[story].complaints.append(f"not so: {name}")
    return [verdicts[story.name] for story in chosen], play.errors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--debian", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("part", choices=("live", "virtual"))
    parser.add_argument("stories", nargs="+")
    options = parser.parse_args()
    perform = play_live if options.part == "live" else play_virtual
    verdicts, errors = perform(stories.find(options.stories), options)
    with open(f"{options.out}/{options.part}.verdicts.json", "w", encoding="ascii") as out:
        json.dump({"verdicts": [dataclasses.asdict(v) for v in verdicts], "errors": errors}, out)
    sys.stdout.flush()
    os._exit(0)  # threads of actors may still wait for packets that nobody answers


if __name__ == "__main__":
    main()
