"""The rest of the internet's mail servers: takes, defers or refuses by the recipient's local part.

`full*` is 452, `busy*` and `grey*` 451, `gone*` 550, `spamtrap*` 554; all others are taken.
"""

import socketserver
import threading

_ANSWERS = {
    "full": "452 4.2.2 mailbox is full",
    "busy": "451 4.3.2 try again later",
    "grey": "451 4.7.1 greylisted",
    "gone": "550 5.1.1 no such user here",
    "spamtrap": "554 5.7.1 your host 203.0.113.200 is blocked, see https://rbl.example/",
}


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 mx.partner.example ESMTP")
        while line := self.rfile.readline(4096):
            verb = line[:4].upper()
            if verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            if verb == b"DATA":
                self.say("354 go on")
                while (text := self.rfile.readline(65536)) and text.strip() != b".":
                    pass
                self.say("250 2.0.0 queued as ABC123")
            elif verb == b"RCPT":
                local = line.split(b"<")[-1].lower().decode("latin-1")
                self.say(next((a for w, a in _ANSWERS.items() if local.startswith(w)), "250 2.1.5 ok"))
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def start(listen):
    server = _Server((listen, 25), _Session)
    threading.Thread(target=server.serve_forever, daemon=True).start()
