"""One box from start to end: servers up, the play, one log for each server and the truth beside it."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import sys
import time

from . import build, play, world
from .animals import BOXES

_TAG = re.compile(rb"^\S+ \S+ ([^\s:\[]+)")
LATE_S = 5  # what servers still write after the last client has gone


def main():
    parser = argparse.ArgumentParser()
    for name in ("box", "suite", "out"):
        parser.add_argument(name)
    options = parser.parse_args()
    box = BOXES[options.box]
    acts = play.Play()
    box.fill(acts)
    place = world.World(options.box, options.suite, acts.named)
    place.start(box.greeting)
    began = time.monotonic()
    acts.run()
    time.sleep(LATE_S)
    print(f"range/zoo: {options.box} of {options.suite}: {len(acts.acts)} acts in {time.monotonic() - began:.0f} s",
          flush=True)
    truth = [dataclasses.asdict(act) for act in acts.acts]
    place.end_files()
    lines = pathlib.Path(place.log).read_bytes().splitlines(keepends=True)
    for animal in box.animals:
        version = build.version(options.box, options.suite, animal.package)
        if not version:
            continue
        own = _own(animal, lines)
        name = f"{options.out}/{animal.log(version, options.suite)}"
        pathlib.Path(name + ".log").write_bytes(b"".join(own))
        about = {"server": animal.name, "version": version, "suite": options.suite, "acts": animal.acts(truth),
                 "box": truth}
        pathlib.Path(name + ".truth.json").write_text(json.dumps(about, indent=1), encoding="ascii")
    rest = {tag for line in lines if (tag := _tag(line)) and not any(_is(a, tag) for a in box.animals)}
    print(f"range/zoo: programs whose lines are of no server here: {sorted(rest)}" if rest else "", flush=True)
    sys.stdout.flush()
    os._exit(0)


def _own(animal, lines):
    if animal.file:
        return [path.read_bytes() for path in sorted(pathlib.Path(world.ROOT).glob(animal.file.lstrip("/")))]
    said = re.compile(rb"\S+ \S+ \S+ " + animal.words)
    return [line for line in lines if _is(animal, _tag(line)) and said.match(line)]


def _tag(line):
    found = _TAG.match(line)
    return found.group(1).decode("latin-1") if found else ""


def _is(animal, tag):
    return any(tag.startswith(beginning) for beginning in animal.tags)


if __name__ == "__main__":
    main()
