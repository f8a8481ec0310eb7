//! What failed logins weigh: shared by `brute-force` and `slow-guessing`, which differ in their
//! weights and their half-life.
//!
//! Weights follow what tells guessing from mistakes, after StopGuessing (Schechter, Herley et al.,
//! "StopGuessing: using guessed passwords to thwart online guessing", EuroS&P 2019), adapted to
//! what mail logs show:
//!
//! - An account that is new to the client weighs most, and twice where the server says that there
//!   is no such account: people mistype passwords far more often than names.
//! - Repeats on the only account a client ever failed on weigh less: that is what a device with a
//!   wrong password does. Further tries at a name that does not exist are no danger; they weigh as
//!   any repeat.
//! - From a known-good place of the account next to nothing. From the /24 or /48 of one, little;
//!   from the /16 or /32 (a phone that roams), half.
//! - That holds for one attempt of a line, the one whose account the line names: Dovecot tells how
//!   many attempts a connection made, and the last name only. The others have no name. Of a line
//!   that a syslog daemon wrote for several it holds for one attempt of each.
//! - Without a name, from a client with good logins, little as well, but for the first
//!   [`MECHANISMS`] of a line only: a device tries each mechanism it knows, a guesser goes on.
//! - The same secret (where the server logs a tag of it) for the same account counts once.
//! - For `slow-guessing` nothing where it is put down to a device with an old password, or the
//!   account is gone ([`crate::stale`]).
//! - Where no password was tested (no TLS, no such mechanism) a quarter, and for `slow-guessing`
//!   nothing: a device that was set up like that asks for ever.
//!
//! A login never clears a score: an attacker with an account of his own would use it to launder
//! guesses. It forgives three quarters where the account is the only one that failed here, all
//! under its name, for as long as the sketch remembers; and good logins of many accounts raise the
//! threshold of the client, by its own height for each of `known_good.accounts_max` at most.

use super::{Attempt, Seen, brute_force, slow_guessing};
use crate::config::{Guessing, Points, Rule};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::places::{self, Place};
use crate::score::Score;
use crate::sketch::{self, bit, estimate};
use crate::stale::Excuse;
use crate::state::{ClientRow, Lines};
use alloc::vec::Vec;
use event::Mode;

/// So many attempts of one connection may be one device that tries each mechanism it knows.
const MECHANISMS: u32 = 3;

/// Where a client stands after an attempt.
pub(crate) struct Standing {
    pub brute: u32,
    pub slow: u32,
    /// About how many accounts failed that are not at home here.
    pub accounts: u32,
    /// True where it failed on this account only, and not very often.
    pub is_like_device: bool,
    pub lines: Lines,
}

/// The threshold of a client with good logins.
pub(crate) fn score_max(engine: &Engine, base: Points, good: u32) -> u32 {
    base.0.saturating_mul(1 + good.min(engine.config.known_good_accounts_max))
}

/// One of the two detectors whose scores these are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// `brute-force`.
    Fast,
    /// `slow-guessing`.
    Slow,
}

/// Finds and decides where a score has come far enough; the score then begins anew. True where the
/// client is banned by now.
pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    standing: &Standing,
    pace: Pace,
    out: &mut Vec<Output>,
) -> bool {
    let config = &engine.config;
    let (detector, rule, score): (_, Rule, _) = match pace {
        Pace::Fast => (brute_force::SPEC.name, config.brute_force.rule, standing.brute),
        Pace::Slow => (slow_guessing::SPEC.name, config.slow_guessing.rule, standing.slow),
    };
    let score_max = score_max(engine, rule.score_max, attempt.good);
    // What weighs nothing bans nobody either, whatever was weighed before.
    let is_excused = pace == Pace::Slow && attempt.excuse != Excuse::Nothing;
    if score < score_max || rule.mode == Mode::Off || attempt.count == 0 || is_excused {
        return false;
    }
    let device_max = score_max.saturating_mul(config.slow_guessing.device_factor);
    if pace == Pace::Slow && score < device_max && is_device(engine, seen, attempt, standing) {
        return false;
    }
    if let Some(row) = engine.state.clients.touch(seen.client.0) {
        match pace {
            Pace::Fast => row.brute = Score::default(),
            Pace::Slow => row.slow = Score::default(),
        }
    }
    let evidence = standing.lines.evidence(seen.seq);
    let verdict = Verdict { detector, mode: rule.mode, ban_s: rule.ban_s, score, evidence };
    engine.convict(&verdict, seen.target(), out);
    engine.is_held(seen.client)
}

/// So many clients that fail on one account may be devices of its owner.
const DEVICES_MAX: u32 = 2;
/// More failures in a row are nobody's mistake (NIST SP 800-63B, 5.2.2).
const MISTAKES_MAX: u8 = 100;
/// After so long without a failure they are not in a row.
const ROW_ENDS_S: u32 = 30 * 86_400;

/// Whether a client looks like a device with an old password at a place that nobody knows: it
/// failed on one account only, which somebody uses elsewhere, not a hundred times yet, and hardly
/// anybody else fails on that.
fn is_device(engine: &Engine, seen: &Seen<'_>, attempt: &Attempt, standing: &Standing) -> bool {
    let Some(account) = attempt.account else { return false };
    let strangers = engine.state.accounts.get(account).map_or(0, |row| row.clients.count());
    standing.is_like_device
        && strangers <= DEVICES_MAX
        && places::is_in_use(&engine.state, &engine.config, account, seen.now_s)
}

/// Adds an attempt to the client's scores. `None` only if the table had no room at all.
pub(crate) fn count(engine: &mut Engine, seen: &Seen<'_>, attempt: &Attempt) -> Option<Standing> {
    let config = &engine.config;
    let now_s = seen.now_s;
    let row = engine.state.clients.entry(seen.client.0)?;
    let windows = sketch::turn(&mut row.window_s, now_s, config.password_spray.window_s);
    row.accounts.rotate(windows);
    row.unnamed.rotate(windows);
    let passed_s = row.late.caught_up_s(seen.late_s, seen.now_s);
    if passed_s > 0 {
        row.brute.fade_by(passed_s, config.brute_force.rule.half_life_s);
        row.slow.fade_by(passed_s, config.slow_guessing.rule.half_life_s);
        row.last_s = row.last_s.saturating_sub(passed_s).max(u32::from(row.last_s > 0));
    }
    let mut new = attempt.count;
    if let Some(secret) = attempt.secret {
        if row.tries.contains(&secret) {
            new = 0;
        } else {
            new -= (attempt.named - 1).min(new);
            row.tries = [row.tries[1], secret];
        }
    }
    let brute = weigh(&config.brute_force, row, attempt, new, now_s);
    // Where no password was tested, none was guessed, however long it goes on.
    let tested = if attempt.tested { new } else { 0 };
    let slow = match attempt.excuse {
        Excuse::Nothing => weigh(&config.slow_guessing, row, attempt, tested, now_s),
        _ => named_only(&config.slow_guessing, Points(0), attempt, tested),
    };
    let brute = row.brute.add(now_s, config.brute_force.rule.half_life_s, brute);
    let slow = row.slow.add(now_s, config.slow_guessing.rule.half_life_s, slow);
    match attempt.account {
        Some(account) if attempt.place < Place::Prefix => {
            row.accounts.mark(account);
        }
        Some(_) => row.unnamed.current |= new > attempt.named,
        None => row.unnamed.current |= new > 0,
    }
    if now_s.saturating_sub(row.last_s) > ROW_ENDS_S {
        row.mistakes = 0;
    }
    row.mistakes = row.mistakes.saturating_add(u8::try_from(new).unwrap_or(u8::MAX));
    row.last_s = now_s.max(1);
    row.lines.push(attempt.line);
    let others = row.accounts.bits() & !attempt.account.map_or(0, bit);
    let is_like_device = others == 0 && row.mistakes <= MISTAKES_MAX && !row.unnamed.previous;
    let (accounts, lines) = (row.accounts.count(), row.lines);
    Some(Standing { brute, slow, accounts, is_like_device, lines })
}

/// What `new` attempts weigh, thousandths.
fn weigh(config: &Guessing, row: &ClientRow, attempt: &Attempt, new: u32, now_s: u32) -> u32 {
    if new == 0 {
        return 0;
    }
    match (attempt.place, attempt.account) {
        (Place::Exact, _) => return named_only(config, config.known_place, attempt, new),
        (Place::Prefix, _) => return named_only(config, config.known_prefix, attempt, new),
        (_, None) if attempt.good > 0 => {
            return named_only(config, config.unnamed_known, attempt, new);
        }
        _ => {}
    }
    let others = match attempt.account {
        Some(account) => row.accounts.bits() & !bit(account),
        None => row.accounts.bits(),
    };
    let is_new = match attempt.account {
        Some(account) => row.accounts.bits() & bit(account) == 0,
        None => row.last_s == 0,
    };
    let is_calm = now_s.saturating_sub(row.last_s) >= config.calm_s;
    let (first, further) = match (is_new, others == 0) {
        (true, alone) => (
            if attempt.known == Some(false) { config.unknown_account } else { config.new_account },
            if alone { config.repeat } else { config.repeat_of_many },
        ),
        (false, true) if is_calm => (config.repeat_calm, config.repeat),
        (false, true) => (config.repeat, config.repeat),
        (false, false) => (config.repeat_of_many, config.repeat_of_many),
    };
    let whole = first.0.saturating_add(further.0.saturating_mul(new - 1));
    let halves = u32::from(attempt.place == Place::Area) + 2 * u32::from(!attempt.tested);
    whole >> halves
}

/// What `new` attempts of one line weigh, of which those that are named weigh `each` and nobody
/// knows whose the others are.
fn named_only(config: &Guessing, each: Points, attempt: &Attempt, new: u32) -> u32 {
    let named = attempt.named.min(new);
    let further = (new - named).min((MECHANISMS - 1).saturating_mul(named));
    let many = (new - named) - further;
    each.0
        .saturating_mul(named)
        .saturating_add(config.unnamed_known.0.saturating_mul(further))
        .saturating_add(config.repeat_of_many.0.saturating_mul(many))
}

/// Whether a login makes its client a known-good place: not while the client fails on several
/// other accounts that never logged in from it. `failed` is the row of its failures.
pub(crate) fn is_believed(
    engine: &Engine,
    seen: &Seen<'_>,
    account: u64,
    failed: Option<&ClientRow>,
) -> bool {
    let others = failed.map_or(0, |row| estimate(row.accounts.bits() & !bit(account)));
    let good = || places::good_accounts(&engine.state, &engine.config, seen.client, seen.now_s);
    others < 3 || others <= good().saturating_mul(2)
}

/// A login forgives the failures of its own account, where no other account failed here and
/// none without a name.
pub(crate) fn credit(engine: &mut Engine, seen: &Seen<'_>, account: u64) {
    let Some(row) = engine.state.clients.touch(seen.client.0) else { return };
    if row.accounts.bits() & !bit(account) == 0 && !row.unnamed.any() {
        row.brute.value /= 4;
        row.slow.value /= 4;
        row.accounts = sketch::Sketch::default();
        row.mistakes = 0;
    }
}
