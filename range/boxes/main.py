"""`range/zoo`: runs the boxes, measures what Mailward understands of their logs, writes docs/accuracy.md."""

import argparse
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from world.main import NAMESPACES

from . import build, measure
from .animals import BOXES

LIMIT_S = 240
PAGE = pathlib.Path(__file__).parent.parent.parent / "docs/accuracy.md"
BEGIN, END = "<!-- measured: range/zoo --write -->\n", "<!-- /measured -->\n"


def main():
    parser = argparse.ArgumentParser(prog="range/zoo", description="Real servers, and how well their logs are read.")
    parser.add_argument("--suite", choices=build.SUITES, action="append", help="only of this Debian suite")
    parser.add_argument("--out", default="target/range/zoo", help="where logs and truth go")
    parser.add_argument("--logs", action="store_true", help="run no server: measure the logs that are there")
    parser.add_argument("--missed", action="store_true", help="show what is not understood, line by line and act by act")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/accuracy.md")
    parser.add_argument("boxes", nargs="*", metavar="BOX", help=f"of {', '.join(BOXES)}; default: all")
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    broken = [] if options.logs else run(options, out)
    known = measure.parsers()
    rows = [measure.figures(log, known) for log in sorted(out.glob("*.log"))]
    report(rows, options.missed)
    for what in broken:
        print(f"    did not run: {what}")
    if options.write:
        write(rows)
    judged = [row for row in rows if row.parser]
    passed = sum(row.passed for row in judged)
    failed = len(judged) - passed + len(broken)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def run(options, out):
    """Makes the boxes that are missing and plays each; those that broke."""
    chosen = [(box, suite) for suite in options.suite or build.SUITES for box in options.boxes or BOXES]
    unknown = {box for box, _ in chosen} - set(BOXES)
    if unknown:
        raise SystemExit(f"range/zoo: no box {', '.join(sorted(unknown))}: there are {', '.join(BOXES)}")
    began = time.monotonic()
    suites = {suite for _, suite in chosen}
    with ThreadPoolExecutor(len(suites)) as pool:
        list(pool.map(lambda suite: [build.ensure(box, at) for box, at in chosen if at == suite], sorted(suites)))
    chosen = [(box, suite) for box, suite in chosen if _is_there(box, suite)]
    ready = time.monotonic()
    if not options.boxes and not options.suite:
        for old in [*out.glob("*.log"), *out.glob("*.truth.json")]:
            old.unlink()
    with ThreadPoolExecutor(2) as pool:
        broken = [what for what in pool.map(lambda one: play(*one, out), chosen) if what]
    print(f"range/zoo: boxes were ready after {ready - began:.0f} s, played after {time.monotonic() - began:.0f} s")
    return broken


def _is_there(box, suite):
    """Whether the suite has any of the box's servers."""
    return any(build.version(box, suite, animal.package) for animal in BOXES[box].animals)


def play(box, suite, out):
    """One box in namespaces of its own, which end with it; what went wrong, if anything did."""
    inner = ["python3", "-m", "boxes.run", box, suite, str(out)]
    command = [*NAMESPACES, "sh", "-c", '"$@"; exit $?', "range", *inner]
    with open(out / f"{box}-{suite}.out", "w", encoding="utf-8") as told:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, timeout=LIMIT_S,
                                  check=False)
        except subprocess.TimeoutExpired:
            return f"{box} of {suite}: not done within {LIMIT_S} s"
    return f"{box} of {suite}: see {out}/{box}-{suite}.out" if done.returncode else None


def report(rows, missed):
    print(measure.table(rows))
    for row in rows:
        if not row.parser:
            continue
        for complaint in row.wrong[:20]:
            print(f"    {row.label} {row.version}: {complaint}")
        for act in row.missed if missed else ():
            print(f"    {row.label} {row.version}: no event tells of this: {act}")
        for number, line in row.unknown if missed else ():
            print(f"    {row.label} {row.version}: line {number} is not understood: {line[:300].decode('utf-8', 'replace')}")
    sys.stdout.flush()


def write(rows):
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{measure.table(rows)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
