"""Records the hostile day: see `range/record-day`."""

import calendar
import json
import os
import random
import shutil
import sys

from . import net, player
from .cast import Cast
from .part import World

BEGINS = calendar.timegm((2026, 11, 20, 0, 0, 0))
STEP_S = 60


def main(out):
    net.keep_to_documentation()
    from stories import day  # stories take their addresses when they are filled

    world = World(failure_delay="0 secs", start=BEGINS)
    cast = Cast(random.Random(20))
    cast.story = "day"
    day.fill(cast)
    print(f"{len(cast.players)} addresses, {len(cast.acts)} acts", flush=True)
    play = player.Play(cast, world.clock)
    hours = set()

    def progress(done):
        hour = int(done // 3600)
        if hour not in hours:
            hours.add(hour)
            print(f"{hour:02}:00, {world.writer.lines} lines", flush=True)

    play.virtual(STEP_S, progress)
    for error in play.errors:
        print(error)
    shutil.copy(world.log, f"{out}/day.log")
    truth = {address: _brief(who) for address, who in cast.players.items()}
    with open(f"{out}/day.truth.json", "w", encoding="ascii") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(a)}: {json.dumps(t)}" for a, t in truth.items()) + "\n}\n")
    sys.stdout.flush()
    os._exit(1 if play.errors else 0)


def _brief(who):
    return {"role": who.role, "kind": who.kind, "expect": who.expect, "group": who.group,
            "first": round(who.first, 3), "last": round(who.last, 3), "acts": who.acts}


if __name__ == "__main__":
    main(sys.argv[1])
