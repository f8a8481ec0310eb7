"""Small IMAP and POP3 servers behind a proxy, and nginx' authentication server: they know the range's passwords."""

import http.server
import socketserver
import threading
import urllib.parse

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
    def whole(self, words):
        """The words of a command with its literals, as nginx sends a login."""
        while words.endswith("}"):
            size = int(words[words.rindex("{") + 1:-1])
            self.say("+ go on")
            literal = self.rfile.read(size).decode("latin-1")
            words = words[:words.rindex("{")] + literal + self.rfile.readline(4096).decode("latin-1").rstrip("\r\n")
        return words

    def handle(self):
        self.say("* OK [CAPABILITY IMAP4rev1] backend")
        for line in self.lines():
            tag, _, rest = line.partition(" ")
            verb, _, words = rest.partition(" ")
            if verb.upper() == "LOGIN":
                account, _, secret = self.whole(words).replace('"', "").partition(" ")
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


class _AuthHttp(http.server.BaseHTTPRequestHandler):
    """Says to nginx' mail proxy who may log in, and which server is behind."""

    ports = {"imap": 143, "pop3": 110, "smtp": 25}

    def do_GET(self):
        asked = self.headers
        right = _right(urllib.parse.unquote(asked["Auth-User"] or ""), urllib.parse.unquote(asked["Auth-Pass"] or ""))
        self.send_response(200)
        self.send_header("Auth-Status", "OK" if right else "Invalid login or password")
        if right:
            self.send_header("Auth-Server", self.server.server_address[0])
            self.send_header("Auth-Port", str(self.ports[asked["Auth-Protocol"]]))
        else:
            self.send_header("Auth-Wait", "1")
            self.send_header("Auth-Error-Code", "535 5.7.8")
        self.end_headers()

    def log_message(self, *_words):
        pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def start(listen):
    for port, handler in ((143, _Imap), (110, _Pop3), (8080, _AuthHttp)):
        server = _Server((listen, port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
