"""`range/run`: plays each part in a world of its own and says what the judge found."""

import argparse
import json
import os
import subprocess
import sys

import stories

from . import guard, judge

# Below one process of a PID namespace; that one dies with us, and the kernel ends all the rest.
NAMESPACES = (
    "setpriv --pdeathsig KILL unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc".split()
)
LIMIT_S = 1500


def main():
    parser = argparse.ArgumentParser(prog="range/run", description="Real servers, real attacks, a judged guard.")
    parser.add_argument("--debian", choices=("12", "13"), default="12", help="whose servers: 12 (default) or 13")
    parser.add_argument("--out", default="target/range", help="where logs, truth and the guard's output go")
    parser.add_argument("stories", nargs="+", metavar="STORY", help="names of stories, `all`, or `list`")
    options = parser.parse_args()
    if options.stories == ["list"]:
        for story in stories.STORIES:
            print(f"{story.name:12} {'live   ' if story.live else 'virtual'} {story.summary}")
        return 0
    chosen = stories.find(options.stories)
    guard.program()
    os.makedirs(options.out, exist_ok=True)
    passed = failed = 0
    for part, live, unit in (("live", True, (1, "s")), ("virtual", False, (3600, "h"))):
        names = [story.name for story in chosen if story.live == live]
        if names:
            good, bad = report(play(part, names, options), unit)
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def play(part, names, options):
    """Runs one part and reads its verdicts; a part that does not end has failed as a whole."""
    result = f"{options.out}/{part}.verdicts.json"
    if os.path.exists(result):
        os.unlink(result)
    inner = ["python3", "-m", "world.part", "--debian", options.debian, "--out", options.out, part, *names]
    # Not as the namespace's first process: Exim, as a child of that one, would not become a daemon.
    command = [*NAMESPACES, "sh", "-c", '"$@"; exit $?', "range", *inner]
    try:
        subprocess.run(command, check=False, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return {"verdicts": [], "errors": [f"the {part} part did not end within {LIMIT_S} s"]}
    if not os.path.exists(result):
        return {"verdicts": [], "errors": [f"the {part} part broke off; see above"]}
    with open(result, encoding="ascii") as text:
        return json.load(text)


def report(found, unit):
    """Prints the table and the complaints; the counts of passed and failed."""
    verdicts = [judge.Verdict(**verdict) for verdict in found["verdicts"]]
    if verdicts:
        print(judge.table(verdicts, unit))
    for verdict in verdicts:
        for complaint in verdict.complaints[:20]:
            print(f"    {verdict.story}: {complaint}")
    for error in found["errors"][:10]:
        print(f"    the range itself: {error}")
    passed = sum(verdict.passed for verdict in verdicts)
    sys.stdout.flush()
    return passed, len(verdicts) - passed + bool(found["errors"])


if __name__ == "__main__":
    sys.exit(main())
