"""Who plays in a story, what they do when, and what the guard should make of it.

A story is a function that fills a `Cast`. Times are seconds from the story's beginning; the
player decides whether they are real or virtual. The truth is what the cast says, never what a
log says.
"""

from collections import defaultdict
from dataclasses import dataclass, field

BAN, SPARE, ANY = "ban", "spare", "any"


@dataclass
class Player:
    """One address: who it is and what must become of it."""

    address: str
    role: str  # attacker, honest, victim (named in hostile text, does nothing itself)
    kind: str
    expect: str
    story: str
    group: str = ""  # members of a group are counted together
    first: float = 0.0  # event time of the first and the last act
    last: float = 0.0
    acts: int = 0
    results: dict = field(default_factory=dict)
    blocked_at: float = 0.0  # seconds on the story's clock, when packets stopped passing


@dataclass(order=True)
class Act:
    """One thing that an address does."""

    at: float
    order: int
    address: str = field(compare=False)
    what: object = field(compare=False)
    arguments: tuple = field(compare=False)
    options: dict = field(compare=False)


@dataclass
class Telling:
    """What a detector must, or must not, say of somebody."""

    story: str
    detector: str
    subject: dict
    kind: str
    expected: bool
    counted: str = None  # lines of the log that stand for his acts
    most: int = 0
    measure: str = None


class Cast:
    """All players and acts of the stories that are played together."""

    def __init__(self, chance):
        self.players, self.acts, self.checks = {}, [], []
        self.telling, self.limits = [], {}
        self.story, self.chance = "", chance
        self.offset = 0.0  # seconds by which a story begins later

    def _join(self, addresses, role, kind, expect, group):
        for address in [addresses] if isinstance(addresses, str) else addresses:
            if address in self.players:
                raise ValueError(f"{address} plays twice: {kind}")
            self.players[address] = Player(address, role, kind, expect, self.story, group)

    def attacker(self, addresses, kind, expect=BAN, group=""):
        self._join(addresses, "attacker", kind, expect, group)

    def honest(self, addresses, kind):
        self._join(addresses, "honest", kind, SPARE, "")

    def victim(self, addresses, kind):
        self._join(addresses, "victim", kind, SPARE, "")

    def at(self, when, address, what, *arguments, **options):
        """At `when`, `address` does `what(address, *arguments, **options)`."""
        self.acts.append(Act(self.offset + when, len(self.acts), address, what, arguments, options))

    def check(self, name, question):
        """After the play, `question()` must answer true."""
        self.checks.append((self.story, name, question))

    def told(self, detector, subject, kind, counted=None, most=0, measure=None):
        """A detector must tell of `subject` (`{"account": ...}`): after at most `most` log lines that
        match the expression `counted`, and with a decision on this `measure`."""
        self.telling.append(Telling(self.story, detector, subject, kind, True, counted, most, measure))

    def not_told(self, detector, subject, kind):
        """A detector must not tell of `subject`."""
        self.telling.append(Telling(self.story, detector, subject, kind, False))

    def within(self, group, most):
        """The first ban that meets the group must come before more than `most` of its members did."""
        self.limits[group] = (self.story, most)

    def by_address(self):
        order = defaultdict(list)
        for act in sorted(self.acts):
            order[act.address].append(act)
        return order

    def length(self):
        return max((act.at for act in self.acts), default=0)
