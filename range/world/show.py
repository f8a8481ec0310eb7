"""`range/show`: `mailward up` in the foreground on a mail host that is being attacked."""

import os
import subprocess
import sys
import threading
import time

import stories

from . import guard, net, player
from .part import World, cast_of


def main(names):
    chosen = [story for story in stories.find(names) if story.live]
    world = World()
    warden = guard.Guard([world.log], os.devnull)
    cast = cast_of(chosen)
    print(f"range: `mailward up` on a mail host with real servers; in 5 s {len(cast.players)} addresses "
          f"play: {', '.join(story.name for story in chosen)}. Ctrl-C ends.", flush=True)
    process = subprocess.Popen(net.on_mail_host(guard.program(), "up", "--config", warden.config))
    threading.Thread(target=play, args=(cast, world, warden), daemon=True).start()
    try:
        process.wait()
    except KeyboardInterrupt:
        process.wait(15)
    os._exit(0)


def play(cast, world, warden):
    time.sleep(5)
    player.Play(cast, world.clock).live()
    print(f"\nrange: the play is over; {len(warden.bans())} bans hold, the kernel dropped "
          f"{guard.dropped_packets()} packets; its table:", flush=True)
    subprocess.run(net.on_mail_host("nft", "list", "chains", "inet"), check=False)


if __name__ == "__main__":
    main(sys.argv[1:] or ["hydra"])
