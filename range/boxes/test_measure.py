"""The measure must see what a bad reader of logs does wrong, and count attempts once."""

import unittest

from . import measure
from .play import VICTIM

HONEST = {"address": "203.0.113.1", "does": "login", "hostile_text": False, "account": "alice@example.org"}
GUESSER = {"address": "198.51.100.1", "does": "login-failure", "hostile_text": False, "account": "bob@example.org"}
ACTS = {act["address"]: act for act in (HONEST, GUESSER)}
OWNERS = {act["account"]: {act["address"]} for act in ACTS.values()}


def event(client, account=None, kind="auth", outcome="rejected", **more):
    return {"client": client, "account": account, "kind": kind, "outcome": outcome, "hostile": True,
            "attempts": 1, "service": "x", "server": "y", **more}


class Wrong(unittest.TestCase):
    def why(self, *words, **named):
        return measure._wrong(event(*words, **named), ACTS, OWNERS)

    def test_who_never_came_is_not_charged(self):
        self.assertIn("never came", self.why(VICTIM))
        self.assertIn("never came", self.why("203.0.113.200"))

    def test_an_account_of_another_is_not_his(self):
        self.assertIn("never tried", self.why("198.51.100.1", "alice@example.org"))
        self.assertIn("never tried", self.why("198.51.100.1", "alice"))

    def test_the_blameless_are_not_charged(self):
        self.assertIn("did nothing wrong", self.why("203.0.113.1"))

    def test_the_guilty_and_nobody_are_right(self):
        self.assertIsNone(self.why("198.51.100.1", "bob@example.org"))
        self.assertIsNone(self.why(None))


class Counts(unittest.TestCase):
    def test_two_lines_of_one_session_tell_of_one_attempt(self):
        lines = [event("a", service="auth", session="s"), event("a", service="imap-login", session="s")]
        self.assertEqual(measure._attempts(lines), 1)
        self.assertEqual(measure._attempts([event("a"), event("a")]), 2)

    def test_what_is_told_too_often_is_wrong_unless_he_wrote_the_line(self):
        for account, wrong in (("bob@example.org", 1), ("x\ny", 0)):
            act = {**GUESSER, "account": account, "hostile_text": wrong == 0, "tries": 1, "answer": "refused",
                   "field": None, "server": "y"}
            row = measure.Figures("y", "1", "s", "y", True)
            twice = [(number, event(GUESSER["address"], account)) for number in (1, 2)]
            measure._found(row, {"acts": [act]}, twice, GUESSER["address"])
            self.assertEqual((row.tries.found, row.tries.of, len(row.wrong)), (1, 1, wrong))

    def test_a_login_names_its_account(self):
        told = event("a", kind="auth", outcome="allowed")
        self.assertFalse(measure._tells(told, "login"))
        self.assertTrue(measure._tells({**told, "account": "alice"}, "login"))

    def test_a_log_passes_only_when_almost_all_is_understood_and_nobody_is_wronged(self):
        good = measure.Figures("x", "1", "s", "x", True, lines=1000, understood=995)
        self.assertTrue(good.passed)
        self.assertFalse(measure.Figures("x", "1", "s", "x", True, lines=1000, understood=994).passed)
        self.assertFalse(measure.Figures("x", "1", "s", "x", True, lines=1, understood=1, wrong=["y"]).passed)


if __name__ == "__main__":
    unittest.main()
