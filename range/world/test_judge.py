"""The judge must be able to fail: its verdicts on made-up bans."""

import unittest

from . import judge
from .cast import Cast
from .dns import PTR, A, Resolver


def cast():
    made = Cast(None)
    made.story = "made-up"
    made.attacker("198.51.100.7", "lone")
    made.attacker([f"198.18.0.{number}" for number in range(20)], "crowd", group="crowd")
    made.attacker("2001:db8:9000::5", "rotator")
    made.honest("203.0.113.5", "owner")
    return made.players


ALL = {"198.51.100.7": 10.0, "198.18.0.0/24": 20.0, "2001:db8:9000::1": 5.0}


class Judge(unittest.TestCase):
    def verdict(self, bans, seen=(), players=None):
        return judge.judge(players or cast(), bans, seen)["made-up"]

    def test_all_caught_and_nobody_else_passes(self):
        verdict = self.verdict(ALL)
        self.assertTrue(verdict.passed, verdict.complaints)
        self.assertEqual((verdict.caught, verdict.attackers, verdict.honest), (22, 22, 1))

    def test_an_ipv6_client_is_its_64(self):
        self.assertTrue(judge.covers("2001:db8:9000::1", "2001:db8:9000::ffff"))
        self.assertFalse(judge.covers("2001:db8:9000::1", "2001:db8:9000:1::1"))

    def test_one_honest_address_fails_the_story(self):
        self.assertFalse(self.verdict(ALL | {"203.0.113.0/24": 1.0}).passed)

    def test_a_lone_attacker_missed_fails_the_story(self):
        self.assertFalse(self.verdict({s: at for s, at in ALL.items() if s != "198.51.100.7"}).passed)

    def test_of_a_crowd_nineteen_in_twenty_suffice(self):
        some = {s: at for s, at in ALL.items() if "/" not in s}
        crowd = {f"198.18.0.{number}": 1.0 for number in range(19)}
        self.assertTrue(self.verdict(some | crowd).passed)
        crowd.popitem()
        self.assertFalse(self.verdict(some | crowd).passed)

    def test_a_victim_that_the_parser_names_fails_the_story(self):
        made = Cast(None)
        made.story = "made-up"
        made.victim("203.0.113.66", "named")
        self.assertTrue(self.verdict({}, players=made.players).passed)
        self.assertFalse(self.verdict({}, {"203.0.113.66"}, made.players).passed)

    def test_decisions_that_only_observe_are_no_bans(self):
        decision = {"at": "2026-11-21T00:00:10.000000Z", "subject": {"client": "198.51.100.7"}, "mode": "observe"}
        self.assertEqual(judge.first_bans([decision], lambda d: d["subject"]["client"]), {})


class Names(unittest.TestCase):
    def test_the_resolver_answers_by_rule(self):
        names = Resolver.__new__(Resolver)
        names.listed, names.pointers = {"198.51.100.77"}, {"198.51.100.9": "x.example"}
        self.assertEqual(names.look_up("77.100.51.198.bl.rbl.example", A), (0, [bytes([127, 0, 0, 2])]))
        self.assertEqual(names.look_up("78.100.51.198.bl.rbl.example", A)[0], 3)
        self.assertEqual(names.look_up("9.100.51.198.in-addr.arpa", PTR), (0, [b"\x01x\x07example\x00"]))
        self.assertEqual(names.look_up("nx.example", A)[0], 3)


if __name__ == "__main__":
    unittest.main()
