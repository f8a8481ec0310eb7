//! The machine's clock was set: that is another name for the same moment, not time that passed.
//!
//! What holds, what waits and what is remembered moves with it: a ban lasts as long as was decided,
//! whatever the clock says meanwhile. Scores alone stay where they are: after a step back they
//! fade from now on, after a step forward they have faded.

use crate::engine::Engine;
use crate::holds::{Hold, Holds};
use crate::state::State;
use alloc::vec::Vec;
use event::{Decision, Timestamp};

impl Engine {
    /// Moves all by so much; the clock stands at `at` then.
    pub(crate) fn set_clock(&mut self, at: Timestamp, by_micros: i64) {
        let holds = core::mem::replace(&mut self.holds, Holds::new(self.config.seed));
        let mut holds: Vec<Hold> = holds.into_all();
        holds.sort_unstable_by_key(|hold| hold.number);
        self.timers.set_clock(by_micros);
        for Hold { decision, number } in holds {
            let moved = |time: Timestamp| Timestamp(time.0.saturating_add(by_micros));
            let until = decision.until.map(moved);
            let decision = Decision { at: moved(decision.at), until, ..decision };
            let (row, _) = self.holds.insert(Hold { decision, number });
            if let Some(until) = until {
                self.timers.set_end(until, number, row);
            }
        }
        self.shelter.set_clock(by_micros);
        self.state.set_clock(by_micros / 1_000_000);
        self.set_now(at);
    }
}

impl State {
    /// Moves what was noted in seconds by so many.
    fn set_clock(&mut self, by_s: i64) {
        // 0 says that there is none, and must not come about.
        let set = |stamps: &mut [&mut u32]| {
            for stamp in stamps {
                if **stamp != 0 {
                    let moved = i64::from(**stamp).saturating_add(by_s);
                    **stamp = moved.clamp(1, i64::from(u32::MAX)) as u32;
                }
            }
        };
        self.clients.each(|row| {
            set(&mut [&mut row.window_s, &mut row.last_s, &mut row.late.written_s]);
        });
        self.traffic.each(|row| set(&mut [&mut row.late.written_s]));
        self.prefixes.each(|row| {
            set(&mut [&mut row.window_s, &mut row.banned_window_s]);
            set(&mut [&mut row.spray_until_s, &mut row.spared_until_s]);
        });
        self.accounts.each(|row| set(&mut [&mut row.window_s]));
        self.pairs.each(|pair| set(&mut [&mut pair.last_s, &mut pair.grace_s]));
        self.probes.each(|row| {
            set(&mut [&mut row.window_s, &mut row.sender_s, &mut row.visit_s]);
            set(&mut [&mut row.late.written_s, &mut row.asked_s, &mut row.null_s]);
        });
        self.places.each(|row| set(&mut [&mut row.seen_s]));
        self.stale.each(|row| {
            set(&mut [&mut row.home_try_s, &mut row.proved_s]);
            set(&mut [&mut row.near_s, &mut row.near_try_s]);
            set(&mut [&mut row.gone_s, &mut row.doubted_s]);
        });
        self.users.each(|row| set(&mut [&mut row.window_s, &mut row.seen_s]));
        self.sessions.each(|row| set(&mut [&mut row.stamp_s]));
        self.joins.each(|row| set(&mut [&mut row.stamp_s]));
        self.queries.each(|row| {
            set(&mut [&mut row.window_s, &mut row.day_s, &mut row.told_s]);
        });
        self.mails.each(|row| set(&mut [&mut row.stamp_s]));
        self.senders.each(|row| {
            set(&mut [&mut row.day_s, &mut row.told_s, &mut row.known_s]);
            row.set_clock(by_s / 86_400);
        });
        self.mailings.each_stamp(set);
        set(&mut self.strangers.stamps_mut());
        set(&mut self.askers.stamps_mut());
        self.surges.set_clock(set);
        self.homes.each(|row| row.stamps().for_each(|stamp| set(&mut [stamp])));
        let asked = &mut self.asked;
        set(&mut [&mut asked.window_s, &mut asked.query_s, &mut asked.mail_s, &mut asked.told_s]);
        set(&mut [&mut asked.since_s]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Input, Output};
    use event::{Command, Event, Kind, Order, Outcome, Reason, Server, Text};

    const YEAR: i64 = 365 * 86_400 * 1_000_000;
    const BEGIN_S: i64 = 1_700_000_000;

    /// Attackers, users who log in, a ban that is ordered and somebody allowed for a while.
    fn engine() -> Engine {
        let mut engine = Engine::new(Config::default());
        let mut out = Vec::new();
        for number in 0..400_i64 {
            let is_login = number % 5 == 0;
            let outcome = if is_login { Outcome::Allowed } else { Outcome::Rejected };
            let account = [b'a' + (number % 7) as u8];
            let client = if is_login { 200 } else { (number % 23) as u8 };
            let event = Event {
                hostile: !is_login,
                client: Some([198, 18, client, 1].into()),
                account: Some(Text(&account)),
                attempts: 1,
                reason: (!is_login).then_some(Reason::AuthFailed),
                ..Event::new(
                    Timestamp::from_seconds(BEGIN_S + number),
                    Server::Dovecot,
                    Text(b"imap-login"),
                    Kind::Auth,
                    outcome,
                )
            };
            engine.step(number.cast_unsigned() + 1, &Input::Event(&event), &mut out);
        }
        for order in [
            Order::Allow {
                network: "203.0.113.0/24".parse().unwrap(),
                until: Some(Timestamp::from_seconds(BEGIN_S + 3_600)),
            },
            Order::Ban {
                subject: event::Subject::Client([198, 51, 100, 7].into()),
                duration_s: Some(600),
            },
        ] {
            let (at, operator, reason) = (engine.now(), "root".into(), "test".into());
            let command = Command { at, operator, reason, order };
            engine.step(0, &Input::Command(&command), &mut out);
        }
        assert!(engine.holds().count() > 5);
        engine.timers.set_grace(engine.now().plus_seconds(40), 7, 8);
        engine
    }

    fn set(engine: &mut Engine, by_micros: i64) {
        let at = Timestamp(engine.now().0 + by_micros);
        let mut out = Vec::new();
        engine.step(0, &Input::ClockSet { at, by_micros }, &mut out);
        assert_eq!(out, [], "nothing ends, nothing begins");
    }

    fn state(engine: &Engine) -> Vec<u8> {
        let mut bytes = Vec::new();
        engine.checkpoint(&mut bytes);
        bytes
    }

    #[test]
    fn a_clock_that_is_set_and_set_back_leaves_all_as_it_was() {
        for by in [YEAR, -YEAR, 1_000_000, -7_200_000_000] {
            let mut engine = engine();
            let before = state(&engine);
            set(&mut engine, by);
            assert!(state(&engine) != before);
            set(&mut engine, -by);
            assert!(state(&engine) == before, "by {by}");
        }
    }

    #[test]
    fn what_holds_ends_in_the_same_time_whatever_the_clock_says() {
        let ends = |by: i64| {
            let mut engine = engine();
            set(&mut engine, by);
            let mut out = Vec::new();
            let end = Timestamp(engine.now().0 + 86_400_000_000);
            engine.step(0, &Input::Tick(end), &mut out);
            let ends = out.into_iter().filter_map(|output| match output {
                Output::Expiry(expiry) => Some((expiry.subject, expiry.at.0 - by)),
                _ => None,
            });
            ends.collect::<Vec<_>>()
        };
        let expected = ends(0);
        assert!(expected.len() > 5);
        assert_eq!(ends(YEAR), expected);
        assert_eq!(ends(-YEAR), expected);
        assert_eq!(ends(-7_200_000_000), expected);
    }

    /// A window that began in the future would else not end before.
    #[test]
    fn a_window_that_lies_in_the_future_begins_anew() {
        let mut start_s = 2_000;
        assert_eq!(crate::sketch::turn(&mut start_s, 1_000, 100), 0);
        assert_eq!(start_s, 1_000);
        assert_eq!(crate::sketch::turn(&mut start_s, 1_250, 100), 2);
    }
}
