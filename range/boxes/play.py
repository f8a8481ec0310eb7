"""What clients do to a box, each act from an address of its own; what is written down is the truth."""

import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from world import clients, net
from world.accounts import address, password

# Named in hostile text and never connecting: whoever charges it is wrong.
VICTIM = "192.0.2.66"
TEXTS = (
    f"x, relay=[{VICTIM}]",
    f"a>, rip={VICTIM}, lip=",
    f"[{VICTIM}]",
    f"x[{VICTIM}]: SASL LOGIN authentication failed: y, sasl_username=z",
    f"x>, method=PLAIN, rip={VICTIM}, lip=192.0.2.10, session=<abc>",
    f"x, ip=[::ffff:{VICTIM}]",
    f"x\rNov 21 18:00:00 mail postfix/smtpd[1]: warning: unknown[{VICTIM}]: SASL LOGIN authentication failed: y",
    f") [{VICTIM}]: 535 Incorrect authentication data (set_id=victor@example.org)",
    f"x address={VICTIM} host=y",
    f"badlogin: x [{VICTIM}] PLAIN [SASL(-13): authentication failure]",
    f'"x[{VICTIM}]: 554 5.7.1 "@b.example',
    f"\x1b[31m{VICTIM}\x07",
)
NAMES = (  # labels of DNS names, and reverse DNS
    VICTIM,
    f"x[{VICTIM}]",
    f"client @0x1 {VICTIM}#53 (a.example): query: a.example IN MX",
    f"x from {VICTIM}",
    f"a|A' from {VICTIM}",
    f"{VICTIM} b.example. MX IN",
)


@dataclasses.dataclass
class Act:
    """What one address does: `does` is login, login-failure, refusal, rubbish, mail or query."""

    address: str
    server: str
    does: str
    account: str = None
    tries: int = 1
    hostile_text: bool = False
    field: str = None  # where the hostile text stands
    answer: str = None


class Play:
    """Acts in order of being told; all are played at once, a few at a time."""

    def __init__(self):
        self.acts, self._calls = [], []
        self._honest = iter(range(1, 251))
        self._hostile = iter([*range(1, 198), *range(199, 250)])
        self._lock = threading.Lock()

    def _source(self, honest):
        return f"203.0.113.{next(self._honest)}" if honest else f"198.51.100.{next(self._hostile)}"

    def act(self, server, does, call, /, *words, honest=False, account=None, tries=1, field=None, **named):
        """One act: `call(source, *words, **named)`."""
        act = Act(self._source(honest), server, does, account, tries, field is not None, field)
        self.acts.append(act)
        self._calls.append((act, call, words, named))

    def run(self, at_once=12):
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self._one, self._calls))

    @staticmethod
    def _one(planned):
        act, call, words, named = planned
        act.answer = call(act.address, *words, **named)

    # The stories.

    def submission(self, server, host=None, tls=False, login="LOGIN"):
        """Honest and hostile SMTP: logins, mail in and out, relay, recipients, rubbish.

        With `tls` the server takes logins under TLS only, and honest people know.
        """
        to = {"server": host or server}
        alice, bob = address("alice"), address("bob")
        for user in ("carol", "dave", "victor"):
            self.act(server, "login", clients.send_mail, address(user), alice, port=587, tls=True,
                     login=(address(user), password(user)), honest=True, account=address(user), **to)
        self.act(server, "login", clients.send_mail, bob, "friend@partner.example", port=587, tls=tls,
                 login=(bob, password("bob")), honest=True, account=bob, **to)
        self.act(server, "login-failure", clients.smtp_login, address("erin"), ["Erin-typo", password("erin")],
                 honest=True, account=address("erin"), mechanism=login, tls=tls, **to)
        for number in range(3):
            self.act(server, "mail", clients.send_mail, f"friend{number}@partner.example", alice,
                     tls=number == 1, honest=True, **to)
        self.act(server, "mail", clients.send_mail, "", address("grace"), honest=True, **to)
        for number, port in enumerate((587, 587, 465, 587)):
            user = ("frank", "heidi", "ivan", "nobody")[number]
            self.act(server, "login-failure", clients.smtp_login, address(user), ["123456", "password", "qwerty"],
                     port=port, account=address(user), tries=3, tls=number == 1, mechanism=("PLAIN", login)[number % 2],
                     leave=("quit", "cut")[number % 2], **to)
        self.act(server, "login-failure", clients.smtp_login, "root", "toor", account="root", mechanism=login, **to)
        self.act(server, "refusal", clients.send_mail, "a@b.example", "victim@else.example", **to)
        self.act(server, "refusal", clients.send_mail, "a@b.example", [f"no{n}@example.org" for n in range(5)], **to)
        self.act(server, "refusal", clients.send_mail, "a@nxdomain.example", alice, **to)
        self._rubbish(server, 25, host)
        self.act(server, "rubbish", clients.raw, 25, b"EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n",
                 greeting=False, **to)
        self.act(server, "rubbish", clients.smtp_raw, "AUTH PLAIN", "*", "AUTH LOGIN", "!!!!", "AUTH BOGUS", port=587, **to)
        self.act(server, "rubbish", clients.smtp_raw, "VRFY root", "EXPN all", "ETRN x", "DEBUG", *["BOGUS"] * 20, **to)

    def submission_hostile(self, server, host=None):
        """Hostile text in every field of SMTP."""
        to = {"server": host or server}
        for number, text in enumerate(TEXTS):
            self.act(server, "login-failure", clients.smtp_login, text, "pw", field="user", account=text,
                     mechanism=("PLAIN", "LOGIN")[number % 2], **to)
            self.act(server, "refusal", clients.smtp_raw, "MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>",
                     helo=text, field="HELO", **to)
            self.act(server, "refusal", clients.smtp_raw, f"MAIL FROM:<{text}>", f'MAIL FROM:<"{text}"@b.example>',
                     "RCPT TO:<x@y.example>", field="sender", **to)
            self.act(server, "refusal", clients.smtp_raw, "MAIL FROM:<a@b.example>", f"RCPT TO:<{text}>",
                     f'RCPT TO:<"{text}"@example.org>', f'RCPT TO:<"{text}"@y.example>', field="recipient", **to)
            self.act(server, "mail", clients.send_mail, "a@b.example", address("alice"), subject=text,
                     field="subject", **to)
            if number < 4:
                self.act(server, "rubbish", clients.smtp_raw, text, f"AUTH {text}", f"VRFY {text}", field="command", **to)
        for number in range(len(NAMES)):
            self.act(server, "refusal", clients.send_mail, "a@b.example", "x@y.example", field="PTR", **to)
            self.named[self.acts[-1].address] = NAMES[number]

    named = {}

    def mailboxes(self, server, form="{}@example.org", tls=True, pop3=None):
        """Honest and hostile IMAP, and POP3 (of the server `pop3`, if it is another)."""
        by_pop3 = clients.pop3_login if pop3 is None else _separately(clients.pop3_login)
        pop3 = pop3 or server
        for number, user in enumerate(("judy", "karl", "laura", "victor")):
            account = form.format(user)
            self.act(server, "login", clients.imap_login, account, password(user), honest=True, account=account,
                     authenticate=number % 2 == 1, tls=tls and number == 2)
            self.act(pop3, "login", by_pop3, account, password(user), honest=True, account=account,
                     port=995 if tls and number % 2 else 110)
        for name, call in ((server, clients.imap_login), (pop3, by_pop3)):
            account = form.format("mike")
            self.act(name, "login-failure", call, account, ["Mike-typo", password("mike")], honest=True,
                     account=account)
            for user in ("nina", "oscar", "nobody"):
                account = form.format(user)
                self.act(name, "login-failure", call, account, ["123456", "password"], account=account, tries=2)
            self.act(name, "login-failure", call, "admin", "admin", account="admin", leave="cut")
        self.act(server, "login-failure", clients.imap_login, "root", "toor", authenticate=True, account="root",
                 port=993 if tls else 143)
        for name, port in ((server, 143), (pop3, 110)):
            self._rubbish(name, port)
        for text in TEXTS:
            line = text.replace("\r", " ")
            self.act(server, "login-failure", clients.imap_login, line, "pw", field="user", account=line)
            self.act(server, "login-failure", clients.imap_login, text, "pw", field="user", account=text, authenticate=True)
            self.act(pop3, "login-failure", by_pop3, line, "pw", field="user", account=line)

    def relayed(self, server):
        """Logins at a proxy for SMTP, IMAP and POP3: what its servers refuse is no line of its own."""
        self.mailboxes(server)
        alice = address("alice")
        for number, user in enumerate(("carol", "dave")):
            self.act(server, "login", clients.send_mail, address(user), alice, port=587, tls=number == 1,
                     login=(address(user), password(user)), honest=True, account=address(user))
        self.act(server, "login-failure", clients.smtp_login, address("erin"), ["Erin-typo", password("erin")],
                 honest=True, account=address("erin"))
        for number, user in enumerate(("frank", "nobody")):
            self.act(server, "login-failure", clients.smtp_login, address(user), ["123456", "password", "qwerty"],
                     account=address(user), tries=3, mechanism=("PLAIN", "LOGIN")[number])
        self.act(server, "refusal", clients.send_mail, "a@b.example", "victim@else.example", port=587)
        self._rubbish(server, 587)
        for number, text in enumerate(TEXTS):
            self.act(server, "login-failure", clients.smtp_login, text, "pw", field="user", account=text,
                     mechanism=("PLAIN", "LOGIN")[number % 2])

    def _rubbish(self, server, port, host=None):
        for data in (b"GET / HTTP/1.1\r\nHost: 192.0.2.66\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n",
                     b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"\x00\xff" * 20 + b"\r\n",
                     b"A" * 3000 + b"\r\n" + b"\x00\x01\x02\r\n"):
            self.act(server, "rubbish", clients.raw, port, data, b"\r\n", server=host or server)

    def names(self, server, host, port):
        """DNS questions: MX of honest hosts, names with hostile text, rubbish, another class and AXFR."""
        for number in range(6):
            self.act(server, "query", ask, host, port, b"\7example\3org\0" if number % 2 else b"\7partner\7example\0",
                     (15, 1, 28, 16, 15, 15)[number], honest=True)
        for text in NAMES:
            label = text.encode()[:63]
            for kind in (15, 1):
                self.act(server, "query", ask, host, port, bytes([len(label)]) + label + b"\7example\3org\0", kind,
                         field="name")
        self.act(server, "query", ask, host, port, b"\7example\3org\0", 252)
        self.act(server, "query", ask, host, port, b"\7version\4bind\0", 16, klass=3)
        self.act(server, "rubbish", ask, host, port, b"\xff\xff\xff", 65535)


def _separately(login):
    """A login whose server ends the connection at a wrong password: each on one of its own."""
    def one_by_one(source, account, secrets, **named):
        for secret in [secrets] if isinstance(secrets, str) else secrets:
            answer = login(source, account, secret, **{**named, "leave": "cut"})
        return answer
    return one_by_one


def ask(source, host, port, name, kind, klass=1):
    """One DNS question over UDP; the name is given as it stands in the packet."""
    packet = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + name + kind.to_bytes(2, "big") + klass.to_bytes(2, "big")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        asker.bind((source, 0))
        asker.settimeout(2)
        try:
            asker.sendto(packet, (host, port))
            return f"code {asker.recv(4096)[3] & 15}"
        except OSError:
            return "silent"
