//! Devices with an old password: which accounts have one about, and which are no more.
//!
//! A phone that repeats an old password at an address where its owner never logged in writes what a
//! slow guesser writes. Two things tell them apart that no stranger can forge, and both are of the
//! account, so they go with the device from address to address.
//!
//! - **It was at home before.** A password that fails again and again, at a calm pace, at a
//!   known-good place of the account is a device that lives there. From the third such failure on
//!   the account has a *stale device*, until `slow-guessing.stale_days` after the last of them.
//!   While it has, failures on it from elsewhere are put down to that device and its owner's
//!   others, but no more of them than [`DEVICES`] such devices make: each `half_life / ln 2 / gap`,
//!   where `gap` is its pause between two tries at home, and `slow-guessing.stale_tries` at most,
//!   which fade as the detector's scores do. The account has them, not the client, so more
//!   addresses have no more of them. Who mistypes is done within a minute or two; that counts as
//!   one failure, or two.
//! - **Its line has a new address.** Providers renumber their lines within a /16 or /32, and a
//!   device whose password is out of date does not make the new address known by a login. So a
//!   failure in the /16 or /32 of a known-good place is the owner's device, while nobody logs in
//!   from there any more: from its second failure after the last login there, up to the next. Whose
//!   neighbour guesses is at home and logs in. These failures weigh nothing and use up
//!   `slow-guessing.stale_tries`; after a day without a login they count as failures at home. As
//!   long as they go on it is all the same whether the place is still known-good.
//! - **The account is gone.** The devices of people who left go on for months, and the server says
//!   that there is no such account. Where it said so for a day, of an account that once was used,
//!   and neither a login nor a wrong password told otherwise meanwhile, there is nothing to guess
//!   and nothing to weigh; on that day, `slow-guessing.stale_tries` weigh nothing. Where it was
//!   told otherwise it is not believed again for a month: of two password databases one may not
//!   know a user whom the other does, and nobody shall profit from its lines.
//!
//! Rows are made for accounts that logged in once, and nobody else's: strangers cannot fill the
//! table. What is remembered of a gone account outlives `known_good.days`, as the row of its last
//! login does, until it gives way to others.

use crate::config::Guessing;
use crate::detect::{Attempt, Seen};
use crate::engine::Engine;
use crate::places::{self, Place};
use crate::state::StaleRow;

/// So many failures, thousandths, faded, of a known-good place say that a device lives there.
const PROOF: u32 = 2_500;

/// So long the server says that there is no such account before it is believed.
const GONE_AFTER_S: u32 = 86_400;

/// So many devices of one person may have an old password, and the one at home may be the one that
/// tries least often: a tablet looks once an hour, a phone every ten minutes.
const DEVICES: u32 = 3;

/// A longer pause between two tries at home is no pace: the device was elsewhere, or asleep.
const GAP_MAX_S: u32 = 4 * 3_600;

const DAY_S: u32 = 86_400;

/// After a longer pause near a place that was known-good it is not remembered as one.
const NEAR_PAUSE_MAX_S: u32 = 7 * DAY_S;

/// So long the server is not believed that an account is gone, after that was wrong.
const DOUBT_S: u32 = 30 * DAY_S;

/// What a failure is put down to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Excuse {
    /// Nothing: it weighs what it weighs.
    Nothing,
    /// A device of the owner's with an old password.
    Device,
    /// There is no such account any more: nothing can be guessed.
    Gone,
}

/// Notes a failure, and what it is put down to.
pub(crate) fn excuse(engine: &mut Engine, seen: &Seen<'_>, attempt: &Attempt) -> Excuse {
    let Some(account) = attempt.account.filter(|_| attempt.tested) else { return Excuse::Nothing };
    let (config, now_s) = (engine.config.slow_guessing, seen.now_s);
    let is_home = attempt.place >= Place::Prefix;
    let is_strange = attempt.place == Place::Strange && attempt.known != Some(false);
    if is_strange && engine.state.stale.get(account).is_none() {
        return Excuse::Nothing;
    }
    let Some(login_s) = places::last_login_s(&engine.state, account) else {
        return Excuse::Nothing;
    };
    let area_login_s = places::area_login_s(&engine.state, account, seen.client);
    let Some(row) = engine.state.stale.entry(account) else { return Excuse::Nothing };
    if attempt.known == Some(false) && row.note_gone(now_s, login_s) {
        if now_s.saturating_sub(row.gone_s) >= GONE_AFTER_S {
            return Excuse::Gone;
        }
        if !is_home && row.spend(&config, now_s, attempt.count, config.stale_tries) {
            return Excuse::Device;
        }
    }
    if is_home {
        row.note_home(&config, now_s);
        return Excuse::Nothing;
    }
    let is_near = attempt.place == Place::Area || row.is_failing(now_s);
    let area_login_s = area_login_s.filter(|_| is_near);
    let is_renumbered = area_login_s.is_some_and(|login_s| row.note_near(&config, now_s, login_s));
    let tries_max = match is_renumbered {
        true => config.stale_tries,
        false => row.device_tries(&config, now_s),
    };
    match row.spend(&config, now_s, attempt.count, tries_max) {
        true => Excuse::Device,
        false => Excuse::Nothing,
    }
}

/// The server says that there is such an account.
pub(crate) fn exists(engine: &mut Engine, account: u64, now_s: u32) {
    if engine.state.stale.get(account).is_some_and(|row| row.gone_s != 0)
        && let Some(row) = engine.state.stale.touch(account)
    {
        row.note_exists(now_s);
    }
}

impl StaleRow {
    /// Notes that the server says there is no such account, which logged in last at `login_s`;
    /// false where that turned out to be wrong lately.
    fn note_gone(&mut self, now_s: u32, login_s: u32) -> bool {
        if self.gone_s != 0 && login_s > self.gone_s {
            self.note_exists(now_s);
        }
        if self.gone_s == 0 {
            self.gone_s = now_s.max(1);
        }
        self.doubted_s == 0 || now_s.saturating_sub(self.doubted_s) > DOUBT_S
    }

    fn note_exists(&mut self, now_s: u32) {
        (self.gone_s, self.doubted_s) = (0, now_s.max(1));
    }

    /// Notes a failure at a known-good place.
    fn note_home(&mut self, config: &Guessing, now_s: u32) {
        let gap_s = now_s.saturating_sub(self.home_try_s);
        self.home_try_s = now_s.max(1);
        self.near_try_s = now_s.max(1);
        if gap_s < config.calm_s {
            return;
        }
        if gap_s <= GAP_MAX_S {
            // The smallest pause, and slowly up from there: a device that is away for a turn
            // pauses for longer.
            let slower_s = self.gap_s + self.gap_s / 8 + 1;
            self.gap_s = if self.gap_s == 0 { gap_s } else { gap_s.min(slower_s) };
        }
        if self.home.add(now_s, config.rule.half_life_s, 1000) >= PROOF {
            self.proved_s = now_s.max(1);
        }
    }

    /// True while failures at or near known-good places go on.
    fn is_failing(&self, now_s: u32) -> bool {
        self.near_try_s != 0 && now_s.saturating_sub(self.near_try_s) <= NEAR_PAUSE_MAX_S
    }

    /// Notes a failure near known-good places, where the account logged in last at `login_s`; true
    /// where a device with an old password has been there alone for two failures.
    fn note_near(&mut self, config: &Guessing, now_s: u32, login_s: u32) -> bool {
        let is_alone = self.near_s > login_s.saturating_add(places::FRESH_S);
        if !is_alone {
            self.near_s = now_s.max(1);
        } else if now_s.saturating_sub(login_s) > DAY_S {
            self.note_home(config, now_s);
        }
        self.near_try_s = now_s.max(1);
        is_alone
    }

    /// How many failures from elsewhere are put down to the account's stale device.
    fn device_tries(&self, config: &Guessing, now_s: u32) -> u32 {
        let age_max_s = config.stale_days.saturating_mul(DAY_S);
        if self.proved_s == 0 || now_s.saturating_sub(self.proved_s) > age_max_s {
            return 0;
        }
        // 13 / 9 is 1 / ln 2, to a thousandth.
        let own = config.rule.half_life_s.saturating_mul(13) / 9 / self.gap_s.max(1);
        own.saturating_mul(DEVICES).min(config.stale_tries)
    }

    /// Takes tries from those that the account has; false where too few are left.
    fn spend(&mut self, config: &Guessing, now_s: u32, tries: u32, tries_max: u32) -> bool {
        let half_life_s = config.rule.half_life_s;
        let points = tries.saturating_mul(1000);
        let spent = self.strange.at(now_s, half_life_s);
        let is_left = spent.saturating_add(points) <= tries_max.saturating_mul(1000);
        if is_left {
            self.strange.add(now_s, half_life_s, points);
        }
        is_left
    }
}
