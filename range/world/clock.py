"""The range's clock: real time, moved forward by the player where a story needs hours."""

import threading
import time


class Clock:
    """Reads as real time plus an offset that only grows."""

    def __init__(self, start=None):
        self._offset = (start - time.time()) if start else 0.0
        self._lock = threading.Lock()

    def now(self):
        with self._lock:
            return time.time() + self._offset

    def advance_to(self, when):
        """Jumps forward to `when`; a moment that has passed already changes nothing."""
        with self._lock:
            ahead = when - (time.time() + self._offset)
            if ahead > 0:
                self._offset += ahead

    def stamp(self, form="rfc3339"):
        now = self.now()
        if form == "rfc3339":
            fraction = int((now - int(now)) * 1e6)
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{fraction:06}+00:00"
        parts = time.gmtime(now)
        return time.strftime("%b ", parts) + f"{parts.tm_mday:2} " + time.strftime("%H:%M:%S", parts)
