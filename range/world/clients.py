"""Mail clients, good and bad: plain dialogues over sockets that are bound to a chosen source.

Every function answers a short word: `ok`, `refused` (the server said no), `cut` (it hung up or
reset), `silent` (nothing came back in time, as when packets drop), `unreachable`.
"""

import base64
import random
import socket
import ssl
import struct

from . import net

TIMEOUT_S = 20
CONNECT_S = 8  # whose packets are dropped does not get in by trying again and again
IMPLICIT_TLS = {465, 993, 995}
_TLS = ssl.create_default_context()
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


class Refused(Exception):
    """The server said no."""


class Line:
    """One connection: lines out, lines in."""

    def __init__(self, source, target, port, tls=False, timeout=TIMEOUT_S):
        six = ":" in source
        self.socket = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        self.socket.settimeout(min(timeout, CONNECT_S))
        self.socket.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        if six:
            self.socket.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
        self.socket.bind((source, 0))
        self.socket.connect((target, port))
        self.socket.settimeout(timeout)
        self.left = b""
        if tls:
            self.start_tls()

    def start_tls(self):
        self.socket = _TLS.wrap_socket(self.socket)

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        self.socket.sendall(data + b"\r\n")

    def read(self):
        """The next line, without its end; an empty answer is a hang-up."""
        while b"\n" not in self.left:
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionResetError
            self.left += more
        line, self.left = self.left.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        """An SMTP reply, its last line."""
        while True:
            line = self.read()
            if line[3:4] != "-":
                return line

    def ask(self, text):
        self.send(text)
        return self.reply()

    def need(self, text):
        answer = self.ask(text)
        if answer[:1] not in "23":
            raise Refused(answer)
        return answer

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass


def outcome(dialogue):
    """Runs a dialogue, a function without arguments, and says in a word how it ended."""
    try:
        dialogue()
        return "ok"
    except Refused:
        return "refused"
    except (TimeoutError, socket.timeout):
        return "silent"
    except (ConnectionRefusedError, OSError) as error:
        gone = isinstance(error, (ConnectionResetError, BrokenPipeError, ssl.SSLError))
        return "cut" if gone else "unreachable"


def host_of(source, server="postfix"):
    """The mail host's address in the family of `source`."""
    six = ":" in source
    if server == "exim":
        return net.EXIM6 if six else net.EXIM
    if server == "postscreen":
        return net.SCREEN
    return net.MAIL6 if six else net.MAIL


def b64(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return base64.b64encode(data).decode()


def _greet(source, server, port, helo, tls):
    line = Line(source, host_of(source, server), port, tls=port in IMPLICIT_TLS)
    line.reply()
    line.need(f"EHLO {helo}")
    if tls and port not in IMPLICIT_TLS:
        line.need("STARTTLS")
        line.start_tls()
        line.need(f"EHLO {helo}")
    return line


def _auth(line, account, secret, mechanism):
    if mechanism == "LOGIN":
        line.ask("AUTH LOGIN")
        line.ask(b64(account))
        answer = line.ask(b64(secret))
    else:
        answer = line.ask("AUTH PLAIN " + b64(b"\0" + _bytes(account) + b"\0" + _bytes(secret)))
    if not answer.startswith("2"):
        raise Refused(answer)


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def smtp_login(source, account, secrets, server="postfix", port=587, helo="client.example",
               tls=False, mechanism="PLAIN", leave="quit"):
    """SMTP AUTH with one password or, on one connection, several."""
    def dialogue():
        line = _greet(source, server, port, helo, tls)
        failure = None
        for secret in [secrets] if isinstance(secrets, (str, bytes)) else secrets:
            try:
                _auth(line, account, secret, mechanism)
                failure = None
                break
            except Refused as error:
                failure = error
        if leave == "quit":
            line.ask("QUIT")
        line.close()
        if failure:
            raise failure
    return outcome(dialogue)


def send_mail(source, sender, recipients, server="postfix", port=25, helo="mail.partner.example",
              tls=False, login=None, subject="hello", body="good day"):
    """One message to one or several recipients, with AUTH where `login` = (account, secret)."""
    def dialogue():
        line = _greet(source, server, port, helo, tls)
        try:
            if login:
                _auth(line, *login, "PLAIN")
            line.need(f"MAIL FROM:<{sender}>")
            taken, refusal = 0, None
            for recipient in [recipients] if isinstance(recipients, str) else recipients:
                try:
                    line.need(f"RCPT TO:<{recipient}>")
                    taken += 1
                except Refused as error:
                    refusal = error
            if not taken and refusal:
                raise refusal
            line.need("DATA")
            line.need(f"From: <{sender}>\r\nTo: <{recipients}>\r\nSubject: {subject}\r\n\r\n{body}\r\n.")
        finally:
            try:
                line.ask("QUIT")
            except (OSError, ValueError):
                pass
            line.close()
    return outcome(dialogue)


def imap_login(source, account, secrets, port=143, tls=False, authenticate=False, leave="logout"):
    """IMAP LOGIN (or AUTHENTICATE PLAIN) with one or several passwords on one connection."""
    def dialogue():
        line = Line(source, host_of(source), port, tls=port in IMPLICIT_TLS)
        line.read()
        if tls:
            _tagged(line, "s", "STARTTLS")
            line.start_tls()
        failure = None
        for number, secret in enumerate([secrets] if isinstance(secrets, (str, bytes)) else secrets):
            try:
                _imap_try(line, f"a{number}", account, secret, authenticate)
                failure = None
                break
            except Refused as error:
                failure = error
        if leave == "logout":
            line.send("z LOGOUT")
            line.read()
        line.close()
        if failure:
            raise failure
    return outcome(dialogue)


def _imap_try(line, tag, account, secret, authenticate):
    if authenticate:
        line.send(f"{tag} AUTHENTICATE PLAIN")
        line.read()
        _tagged(line, tag, None, b64(b"\0" + _bytes(account) + b"\0" + _bytes(secret)))
    else:
        quote = str.maketrans({"\\": r"\\", '"': r"\""})
        _tagged(line, tag, f'LOGIN "{account.translate(quote)}" "{secret.translate(quote)}"')


def _tagged(line, tag, command, raw=None):
    line.send(raw if raw is not None else f"{tag} {command}")
    while True:
        answer = line.read()
        if answer.startswith(tag + " "):
            if not answer.startswith(tag + " OK"):
                raise Refused(answer)
            return


def pop3_login(source, account, secrets, port=110, leave="quit"):
    def dialogue():
        line = Line(source, host_of(source), port, tls=port in IMPLICIT_TLS)
        line.read()
        failure = None
        for secret in [secrets] if isinstance(secrets, (str, bytes)) else secrets:
            line.send(f"USER {account}")
            line.read()
            line.send(f"PASS {secret}")
            answer = line.read()
            failure = None if answer.startswith("+OK") else Refused(answer)
            if not failure:
                break
        if leave == "quit":
            line.send("QUIT")
            line.read()
        line.close()
        if failure:
            raise failure
    return outcome(dialogue)


def sieve_login(source, account, secret):
    def dialogue():
        line = Line(source, host_of(source), 4190)
        while not line.read().startswith("OK"):
            pass
        line.send('AUTHENTICATE "PLAIN" "' + b64(b"\0" + _bytes(account) + b"\0" + _bytes(secret)) + '"')
        answer = line.read()
        line.send("LOGOUT")
        line.close()
        if not answer.startswith("OK"):
            raise Refused(answer)
    return outcome(dialogue)


def raw(source, port, *parts, server="postfix", tls=False, greeting=True, wait_s=1.5):
    """Sends bytes as they are, reading whatever comes between; hangs up without a farewell."""
    def dialogue():
        # A server that is being started greets late; what hangs up before is seen by nobody.
        line = Line(source, host_of(source, server), port, tls=tls, timeout=10)
        try:
            if greeting:
                line.socket.recv(4096)
            line.socket.settimeout(wait_s)
            for part in parts:
                line.socket.sendall(part)
                try:
                    if not line.socket.recv(65536):
                        break
                except (TimeoutError, socket.timeout):
                    pass
        finally:
            line.close()
    return outcome(dialogue)


def smtp_raw(source, *commands, server="postfix", port=25, helo="client.example"):
    """EHLO, then the commands one by one, whatever the answers; then QUIT."""
    def dialogue():
        line = Line(source, host_of(source, server), port, tls=port in IMPLICIT_TLS)
        line.reply()
        if helo is not None:
            line.ask(b"EHLO " + _bytes(helo))
        for command in commands:
            line.ask(command)
        line.ask("QUIT")
        line.close()
    return outcome(dialogue)


def connect(source, port, server="postfix", timeout=3):
    """Connects and leaves at once."""
    return outcome(lambda: Line(source, host_of(source, server), port, timeout=timeout).close())


def ask_dns(source, name, kind, timeout=3):
    """A question by UDP to the mail host's resolver."""
    numbers = {"A": 1, "MX": 15, "AAAA": 28}
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    number = random.randrange(1 << 16)
    question = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0"
    question += struct.pack("!HH", numbers[kind], 1)

    def dialogue():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(timeout)
            asker.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
            asker.bind((source, 0))
            asker.sendto(question, (net.MAIL, 53))
            answer = asker.recv(4096)
            if struct.unpack("!HH", answer[:4])[1] & 15:
                raise Refused(name)
    return outcome(dialogue)
