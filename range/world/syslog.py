"""A small syslog daemon: /dev/log to files, stamped by the range's clock.

It writes what rsyslogd writes with its file formats: `rfc3339` (Debian's default since 12) and
`rfc3164` (the traditional one), control characters as `#ooo`.
"""

import os
import re
import socket
import threading

_HEAD = re.compile(rb"^<\d+>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class SyslogWriter:
    """Reads one datagram socket in a thread and appends to one file per format."""

    def __init__(self, path, clock, files, host="mail"):
        """`files` maps a format name to the path of its file."""
        self._clock, self._host, self.lines = clock, host.encode(), 0
        self._out = {form: open(name, "ab", buffering=0) for form, name in files.items()}
        self._lock = threading.Lock()
        if os.path.exists(path):
            os.unlink(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self.write(self._socket.recv(65536))

    def write(self, datagram):
        head = _HEAD.match(datagram)
        body = datagram[head.end():] if head else datagram
        body = _CONTROL.sub(lambda m: b"#%03o" % m.group(0)[0], body.rstrip(b"\0\n"))
        with self._lock:
            for form, out in self._out.items():
                stamp = self._clock.stamp(form).encode()
                out.write(stamp + b" " + self._host + b" " + body + b"\n")
            self.lines += 1
