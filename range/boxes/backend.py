"""A small IMAP and POP3 server behind a proxy: it knows the range's passwords and nothing else."""

import socketserver
import threading

from world.accounts import DOMAIN, LOCAL, password


def _right(account, secret):
    local, _, domain = account.partition("@")
    return local in LOCAL and domain == DOMAIN and secret == password(local)


class _Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode("latin-1", "replace") + b"\r\n")

    def lines(self):
        while line := self.rfile.readline(4096):
            yield line.decode("latin-1").rstrip("\r\n")


class _Imap(_Session):
    def handle(self):
        self.say("* OK [CAPABILITY IMAP4rev1] backend")
        for line in self.lines():
            tag, _, rest = line.partition(" ")
            verb, _, words = rest.partition(" ")
            if verb.upper() == "LOGIN":
                account, _, secret = words.replace('"', "").partition(" ")
                self.say(f"{tag} OK done" if _right(account, secret) else f"{tag} NO wrong")
            elif verb.upper() == "LOGOUT":
                self.say(f"* BYE\r\n{tag} OK bye")
                return
            elif verb.upper() == "CAPABILITY":
                self.say(f"* CAPABILITY IMAP4rev1\r\n{tag} OK done")
            else:
                self.say(f"{tag} OK done")


class _Pop3(_Session):
    def handle(self):
        self.say("+OK backend")
        account = ""
        for line in self.lines():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "USER":
                account = rest
            if verb.upper() == "PASS" and not _right(account, rest):
                self.say("-ERR wrong")
                continue
            self.say("+OK")
            if verb.upper() == "QUIT":
                return


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def start(listen):
    for port, handler in ((143, _Imap), (110, _Pop3)):
        server = _Server((listen, port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
