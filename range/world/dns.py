"""The only resolver of the range: answers A, AAAA, MX, TXT and PTR from a few rules.

`nx*` does not exist, `servfail*` cannot be looked up, `*.rbl.example` lists the addresses told,
PTR answers come from `pointers`; everything else exists and receives mail at 192.0.2.20.
"""

import ipaddress
import socket
import struct
import threading

A, PTR, MX, TXT, AAAA = 1, 12, 15, 16, 28


class Resolver:
    """Answers on one UDP socket in a thread."""

    def __init__(self, listen, listed=(), pointers=None):
        self.listed, self.pointers = set(listed), dict(pointers or {})
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((listen, 53))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            try:
                self._socket.sendto(self.answer(query), peer)
            except (ValueError, IndexError, struct.error, OSError):
                continue

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        kind, _ = struct.unpack("!HH", query[at + 1:at + 5])
        question = query[12:at + 5]
        code, records = self.look_up(".".join(labels).lower(), kind)
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data for data in records
        )
        return head + question + body

    def look_up(self, name, kind):
        """The answer code and the record data."""
        if name.endswith(".arpa"):
            pointer = self.pointers.get(_address_of(name))
            return (0, [_name(pointer)] if kind == PTR else []) if pointer else (3, [])
        if name.endswith(".rbl.example"):
            address = ".".join(reversed(name.split(".")[:4]))
            if address not in self.listed:
                return 3, []
            if kind == TXT:
                return 0, [b"\x20see https://rbl.example/lookup ok"]
            return 0, [bytes([127, 0, 0, 2])] if kind == A else []
        if name.startswith("nx"):
            return 3, []
        if name.startswith("servfail"):
            return 2, []
        return 0, self._host(name, kind)

    def _host(self, name, kind):
        forward = [a for a, pointer in self.pointers.items() if pointer.lower() == name]
        if kind == A:
            own = [a for a in forward if ":" not in a]
            return [socket.inet_aton(a) for a in own or ["192.0.2.20"]]
        if kind == AAAA:
            return [socket.inet_pton(socket.AF_INET6, a) for a in forward if ":" in a]
        if kind == MX and not name.startswith("mx"):
            return [struct.pack("!H", 10) + _name("mx." + name.split(".", 1)[-1] if name.count(".") > 1 else "mx." + name)]
        return []


def _name(text):
    parts = [label.encode("latin-1") for label in text.split(".") if label]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _address_of(name):
    labels = name.split(".")[:-2]
    if name.endswith(".in-addr.arpa"):
        return ".".join(reversed(labels))
    nibbles = "".join(reversed(labels))
    return str(ipaddress.ip_address(int(nibbles, 16))) if len(nibbles) == 32 else None
