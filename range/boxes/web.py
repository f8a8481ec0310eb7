"""What browsers and robots do to a web interface for mail, each over a connection of its own."""

import json
import re
import urllib.parse

from world import clients, net
from world.accounts import address, password

from .play import TEXTS, VICTIM

ROUNDCUBE_FILES, ROUNDCUBE_SYSLOG = 8001, 8002
SOGO, SOGO_PROXY, SOGO_LISTS = 20000, 80, 81
HORDE_SYSLOG, HORDE_FILE = 8003, 8004

# The words of the logs themselves, around an address that never came.
ROUNDCUBE_TEXTS = (
    f"x from {VICTIM} in session 0123456789abcdef (error: -1)",
    f"x from {VICTIM} (X-Forwarded-For: y) in session 0123456789abcdef (error: -1)",
    f"x from {VICTIM} (X-Forwarded-For: y",
    f"x against localhost from {VICTIM}. LOGIN: A0001 NO x in /x.php on line 1 (POST /)",
    f"x from {VICTIM}.",
    f"x\n[28-Nov-2026 08:00:00 +0000]: <0123abcd> Failed login for y from {VICTIM} in session 0123456789abcdef (error: -1)",
    f"<b>x</b> from {VICTIM}",
)
SOGO_TEXTS = (
    "x' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "x, 192.0.2.66' for user 'y' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    f"Login from '{VICTIM}' for user 'x",
    f"x\nNov 28 08:00:00 sogod [1]: SOGoRootPage Login from '{VICTIM}' for user 'y' might not have worked - "
    "password policy: 65535  grace: -1  expire: -1  bound: 0",
)


HORDE_TEXTS = (
    f'x to horde ({VICTIM}) [pid 1 on line 191 of "/x.php"]',
    f'x ({VICTIM}) (forwarded for [y]) to {{imap://192.0.2.10/}} [pid 1 on line 148 of "/x.php"]',
    f'x\n2026-11-28T09:00:00+00:00 ERR: HORDE [horde] FAILED LOGIN for y to horde ({VICTIM}) [pid 1 on line 191 of "/x.php"]',
)
# A line of its own without a stamp: in a file it is a line of nobody, so it is tried once.
ROUNDCUBE_BREAK = f"x\n<0123abcd> Failed login for y from {VICTIM} in session 0123456789abcdef (error: -1)\nz"
SOGO_BREAK = f"x\n{VICTIM} \"POST /SOGo/connect HTTP/1.1\" 403 34/54 0.012 - - 0 - 14"


class Answer:
    """Status, headers and text of one answer."""

    def __init__(self, raw):
        head, _, self.text = raw.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        pairs = [line.split(": ", 1) for line in lines[1:] if ": " in line]
        self.cookies = dict(value.split(";")[0].split("=", 1) for name, value in pairs if name.lower() == "set-cookie")
        self.place = next((value for name, value in pairs if name.lower() == "location"), "")


def ask(source, port, method, path, body=None, kind="application/x-www-form-urlencoded", cookies=(), headers=()):
    """One request over HTTP/1.0."""
    line = clients.Line(source, net.MAIL, port, timeout=30)
    words = dict(headers)
    if body is not None:
        words |= {"Content-Type": kind, "Content-Length": str(len(body))}
    if cookies:
        words["Cookie"] = "; ".join(f"{name}={value}" for name, value in dict(cookies).items())
    words.setdefault("User-Agent", "Mozilla/5.0")
    head = "".join(f"{name}: {value}\r\n" for name, value in words.items())
    line.socket.sendall(f"{method} {path} HTTP/1.0\r\nHost: mail.example.org\r\n{head}\r\n".encode("utf-8", "replace")
                        + (body or b""))
    raw = b""
    while more := line.socket.recv(65536):
        raw += more
    line.close()
    if not raw:
        raise ConnectionResetError
    return Answer(raw)


def _header(name, text):
    """No header has a control character; a proxy would not let it pass."""
    return {name: re.sub(r"[\x00-\x1f]", " ", text)}


def _form(**fields):
    return urllib.parse.urlencode(fields).encode()


# Roundcube.

def roundcube(source, account, secrets, port=ROUNDCUBE_FILES, headers=(), token=True, mail_to=None):
    """Logs in with one password after another, each from a new login page; then maybe sends a mail."""
    def one(secret):
        page = ask(source, port, "GET", "/?_task=login", headers=headers)
        found = re.search(r'name="_token" value="([^"]+)"', page.text)
        form = _form(_token=found.group(1) if token else "no", _task="login", _action="login", _timezone="UTC", _url="",
                     _user=account, _pass=secret)
        done = ask(source, port, "POST", "/?_task=login", form, cookies=page.cookies, headers=headers)
        return done.status == 302, {**page.cookies, **done.cookies}

    def dialogue():
        for secret in [secrets] if isinstance(secrets, str) else secrets:
            well, cookies = one(secret)
        if not well:
            raise clients.Refused("login")
        if mail_to:
            _send(source, port, cookies, headers, mail_to)
    return clients.outcome(dialogue)


def _send(source, port, cookies, headers, to):
    start = ask(source, port, "GET", "/?_task=mail&_action=compose", cookies=cookies, headers=headers)
    place = start.place[start.place.index("?"):]
    page = ask(source, port, "GET", "/" + place, cookies=cookies, headers=headers)
    token = re.search(r'"request_token":"([^"]+)"', page.text).group(1)
    ident = re.search(r'<option value="(\d+)"', page.text.split('name="_from"')[1]).group(1)
    number = re.search(r"_id=([0-9a-f]+)", place).group(1)
    form = _form(_token=token, _task="mail", _action="send", _id=number, _from=ident, _to=to, _subject="hello",
                 _message="good day", _is_html="0", _draft_saveid="", _attachments="", _framed="1", _store_target="")
    done = ask(source, port, "POST", "/?_task=mail&_action=send&_framed=1", form, cookies=cookies, headers=headers)
    if "sent_successfully" not in done.text:
        raise clients.Refused("mail")


def fill_roundcube(play):
    for name, port in (("roundcube", ROUNDCUBE_FILES), ("roundcube-syslog", ROUNDCUBE_SYSLOG)):
        for number, user in enumerate(("alice", "bob", "carol")):
            to = "friend@partner.example" if number else "friend@partner.example, full@partner.example"
            play.act(name, "login", roundcube, address(user), password(user), port, honest=True,
                     account=address(user), mail_to=to)
        play.act(name, "login-failure", roundcube, address("erin"), ["Erin-typo", password("erin")], port,
                 honest=True, account=address("erin"))
        for user in ("frank", "heidi", "nobody"):
            play.act(name, "login-failure", roundcube, address(user), ["123456", "password", "qwerty"], port,
                     account=address(user), tries=3)
        play.act(name, "login-failure", roundcube, "root", "toor", port, account="root")
        play.act(name, "rubbish", roundcube, "robot", "toor", port, token=False)
        play.act(name, "rubbish", ask_only, port, "/?_task=mail&_action=../../etc/passwd")
        for text in TEXTS + ROUNDCUBE_TEXTS:
            play.act(name, "login-failure", roundcube, text, "pw", port, field="user", account=text)
            told = _header("X-Forwarded-For", text)
            play.act(name, "login-failure", roundcube, address("ivan"), "pw", port, field="X-Forwarded-For",
                     headers=told)
            if len(text) % 3 == 0:
                play.act(name, "login-failure", roundcube, address("ivan"), "pw", port, field="X-Real-IP",
                         headers={**_header("X-Real-IP", text), "X-Forwarded-For": VICTIM})
                play.act(name, "login-failure", roundcube, text, "pw", port, field="both", account=text,
                         headers=told)
    play.act("roundcube-syslog", "login-failure", roundcube, ROUNDCUBE_BREAK, "pw", ROUNDCUBE_SYSLOG, field="user",
             account=ROUNDCUBE_BREAK)


def ask_only(source, port, path, **named):
    return clients.outcome(lambda: ask(source, port, "GET", path, **named))


# SOGo.

def sogo(source, account, secrets, port=SOGO_PROXY, headers=()):
    """Logs in with one password after another on the login page."""
    def dialogue():
        for secret in [secrets] if isinstance(secrets, str) else secrets:
            body = json.dumps({"userName": account, "password": secret}).encode()
            done = ask(source, port, "POST", "/SOGo/connect", body, "application/json", headers=headers)
        if done.status != 200:
            raise clients.Refused("login")
    return clients.outcome(dialogue)


def dav(source, account, secret, port=SOGO_PROXY, path="/SOGo/dav/", headers=()):
    """One request of a calendar or phone, with a password."""
    def dialogue():
        named = {**dict(headers), "Authorization": f"Basic {clients.b64(f'{account}:{secret}')}", "Depth": "0"}
        if ask(source, port, "PROPFIND", path, b"", "text/xml", headers=named).status not in (200, 207):
            raise clients.Refused("login")
    return clients.outcome(dialogue)


def fill_sogo(play):
    for port in (SOGO, SOGO_PROXY):
        for user in ("alice", "bob"):
            play.act("sogo", "login", sogo, address(user), password(user), port, honest=True, account=address(user))
        play.act("sogo", "rubbish", ask_only, port, "/SOGo/index", honest=True)
        play.act("sogo", "login-failure", sogo, address("erin"), ["Erin-typo", password("erin")], port, honest=True,
                 account=address("erin"))
        for user in ("frank", "heidi", "nobody"):
            play.act("sogo", "login-failure", sogo, address(user), ["123456", "password", "qwerty"], port,
                     account=address(user), tries=3)
        play.act("sogo", "login-failure", sogo, "root", "toor", port, account="root")
        play.act("sogo", "rubbish", dav, address("carol"), password("carol"), port, honest=True)
        for secret in ("wrong", ""):
            play.act("sogo", "login-failure", dav, address("dave"), secret, port, account=address("dave"))
        play.act("sogo", "rubbish", ask_only, port, "/SOGo/dav/alice/Calendar/", honest=True)
        for text in TEXTS + SOGO_TEXTS:
            play.act("sogo", "login-failure", sogo, text, "pw", port, field="user", account=text)
            if len(text) % 3 == 0:
                play.act("sogo", "login-failure", dav, text, "pw", port, field="user")
                play.act("sogo", "rubbish", ask_only, port, "/SOGo/" + urllib.parse.quote(text), field="path")
                play.act("sogo", "rubbish", ask_only, port, "/SOGo/x", field="User-Agent", headers=_header("User-Agent", text))
            if port == SOGO_PROXY:
                play.act("sogo", "login-failure", sogo, address("ivan"), "pw", port, field="X-Forwarded-For",
                         headers=_header("X-Forwarded-For", text))
    play.act("sogo", "login-failure", sogo, SOGO_BREAK, "pw", SOGO, field="user", account=SOGO_BREAK)
    play.act("sogo", "login-failure", sogo, address("judy"), "pw", SOGO_LISTS, account=address("judy"))
    for text in (*TEXTS[:3], SOGO_TEXTS[2]):
        play.act("sogo", "login-failure", sogo, address("ivan"), "pw", SOGO_LISTS, field="X-Forwarded-For",
                 headers=_header("X-Forwarded-For", text))


# Horde.

def horde(source, account, secrets, port=HORDE_SYSLOG, headers=()):
    """Logs in with one password after another on the login page."""
    def dialogue():
        for secret in [secrets] if isinstance(secrets, str) else secrets:
            page = ask(source, port, "GET", "/horde/login.php", headers=headers)
            form = _form(app="", login_post="1", url="", anchor_string="", horde_user=account, horde_pass=secret,
                         horde_select_view="basic")
            done = ask(source, port, "POST", "/horde/login.php", form, cookies=page.cookies, headers=headers)
        if done.status not in (302, 303) or "login.php" in done.place:
            raise clients.Refused("login")
    return clients.outcome(dialogue)


def fill_horde(play):
    for name, port in (("horde", HORDE_SYSLOG), ("horde-file", HORDE_FILE)):
        for user in ("alice", "bob"):
            play.act(name, "login", horde, address(user), password(user), port, honest=True, account=address(user))
        play.act(name, "login-failure", horde, address("erin"), ["Erin-typo", password("erin")], port, honest=True,
                 account=address("erin"))
        for user in ("frank", "heidi", "nobody"):
            play.act(name, "login-failure", horde, address(user), ["123456", "password", "qwerty"], port,
                     account=address(user), tries=3)
        for text in TEXTS + HORDE_TEXTS:
            play.act(name, "login-failure", horde, text, "pw", port, field="user", account=text)
            play.act(name, "login-failure", horde, address("ivan"), "pw", port, field="X-Forwarded-For",
                     headers=_header("X-Forwarded-For", text))
