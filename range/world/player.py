"""Plays a cast: in real time, or as fast as the servers answer with the clock moved forward."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

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
                if time.monotonic() > start + self.cast.length() + 20:
                    return  # delayed by slow answers, as attackers are
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

    def virtual(self, step_s, progress=lambda done: None):
        """Virtual time: the clock jumps from step to step; acts of one step are played together.

        A failing login takes the servers half a second, so the number of steps is the run's time.
        """
        begin = self.clock.now()
        acts = sorted(self.cast.acts)
        with ThreadPoolExecutor(24) as pool:
            for step, group in groupby(acts, lambda act: int(act.at // step_s)):
                self.clock.advance_to(begin + step * step_s)
                lanes = {}
                for act in group:
                    lanes.setdefault(act.address, []).append(act)
                list(pool.map(lambda lane: [self._act(act) for act in lane], lanes.values()))
                time.sleep(0.02)  # let the servers write their last lines under this step's stamp
                progress(step * step_s)
        time.sleep(2.5)
