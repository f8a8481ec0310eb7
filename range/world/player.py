"""Plays a cast: in real time, or as fast as the servers answer with the clock moved forward."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

BUCKET_S = 60  # acts within one virtual minute are played together
BLOCKED = ("silent", "unreachable")


class Play:
    """One performance of a cast."""

    def __init__(self, cast, clock):
        self.cast, self.clock = cast, clock
        self.errors = []

    def _act(self, act):
        player = self.cast.players[act.address]
        player.last = self.clock.now()
        player.first = player.first or player.last
        player.acts += 1
        try:
            result = act.what(act.address, *act.arguments, **act.options)
        except Exception as error:  # a broken story must be seen, and must not stop the others
            self.errors.append(f"{player.story}: {act.what.__name__}{act.arguments}: {error!r}")
            result = "broken"
        player.last = self.clock.now()
        player.results[result] = player.results.get(result, 0) + 1
        return result

    def live(self):
        """Real time; each address has a thread and gives up once nothing answers any more."""
        start = time.monotonic()

        def perform(acts):
            for act in acts:
                time.sleep(max(0.0, start + act.at - time.monotonic()))
                if self._act(act) in BLOCKED:
                    player = self.cast.players[act.address]
                    player.blocked_at = time.monotonic() - start
                    if player.role == "attacker" or player.results.get("silent", 0) > 2:
                        return

        threads = [
            threading.Thread(target=perform, args=(acts,), daemon=True)
            for acts in self.cast.by_address().values()
        ]
        for thread in threads:
            thread.start()
        deadline = start + self.cast.length() + 60
        for thread in threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self.errors.append("some actors did not finish in time")

    def virtual(self, progress=lambda done: None):
        """Virtual time: the clock jumps from minute to minute in which something happens."""
        begin = self.clock.now()
        acts = sorted(self.cast.acts)
        with ThreadPoolExecutor(24) as pool:
            for minute, group in groupby(acts, lambda act: int(act.at // BUCKET_S)):
                self.clock.advance_to(begin + minute * BUCKET_S)
                lanes = {}
                for act in group:
                    lanes.setdefault(act.address, []).append(act)
                list(pool.map(lambda lane: [self._act(act) for act in lane], lanes.values()))
                time.sleep(0.02)  # let the servers write their last lines under this minute's stamp
                progress(minute * BUCKET_S)
        time.sleep(2.5)
