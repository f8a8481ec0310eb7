//! Known-good places: where an account logged in within the last `known_good.days`.
//!
//! Kept per account and address, and weaker forms: the same /24 or /48, the same /16 or /32 (a
//! phone that roams through its carrier's pool), anywhere. Also how many accounts logged in from a
//! client and from a prefix, by a sketch: that tells a NAT with many users from a stranger.
//!
//! These tables are filled by logins only, so strangers cannot flood them; somebody with an account
//! of his own and very many addresses could. A login from a client that is guessing on several
//! other accounts just now is not believed: it may be the guess that was right, or an attacker's
//! own account meant to launder the others.

use crate::client::{ClientKey, PrefixKey};
use crate::config::Config;
use crate::hash::mix;
use crate::sketch;
use crate::state::State;

const DAY_S: u32 = 86_400;
/// A place that was seen within this time is not written again.
pub(crate) const FRESH_S: u32 = 3600;

const EXACT: u64 = 0x45;
const PREFIX: u64 = 0x50;
const AREA: u64 = 0x41;
const ANYWHERE: u64 = 0x57;

/// How near a client is to where the account logs in from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// Never seen anywhere near.
    Strange,
    /// In the same /16 or /32.
    Area,
    /// In the same /24 or /48.
    Prefix,
    /// The same address or /64.
    Exact,
}

fn key(account: u64, place: u64, form: u64) -> u64 {
    mix(mix(account, form), place)
}

/// True for a login that still makes a place known-good.
pub(crate) const fn is_lately(config: &Config, seen_s: u32, now_s: u32) -> bool {
    now_s.saturating_sub(seen_s) <= config.known_good_days.saturating_mul(DAY_S)
}

/// The key of a prefix in tables that clients share.
pub(crate) fn shared_key(prefix: PrefixKey) -> u64 {
    mix(prefix.0, PREFIX)
}

/// How near the client is to a known-good place of the account.
pub(crate) fn place(
    state: &State,
    config: &Config,
    account: u64,
    client: ClientKey,
    now_s: u32,
) -> Place {
    let fresh = |place: u64, form: u64| {
        let row = state.places.get(key(account, place, form));
        row.is_some_and(|row| is_lately(config, row.seen_s, now_s))
    };
    if !fresh(client.area(), AREA) {
        // Every login writes all three forms, so where the widest is missing the others are.
        return Place::Strange;
    }
    if fresh(client.0, EXACT) {
        Place::Exact
    } else if fresh(client.prefix().0, PREFIX) {
        Place::Prefix
    } else {
        Place::Area
    }
}

/// True where the account logged in from anywhere lately: it exists, and somebody uses it.
pub(crate) fn is_in_use(state: &State, config: &Config, account: u64, now_s: u32) -> bool {
    last_login_s(state, account).is_some_and(|seen_s| is_lately(config, seen_s, now_s))
}

/// When the account logged in last, within an hour, seconds; `None` where it never did, as far as
/// anybody remembers.
pub(crate) fn last_login_s(state: &State, account: u64) -> Option<u32> {
    state.places.get(key(account, 0, ANYWHERE)).map(|row| row.seen_s)
}

/// When the account logged in last from the /16 or /32 around a client, within an hour, seconds.
pub(crate) fn area_login_s(state: &State, account: u64, client: ClientKey) -> Option<u32> {
    state.places.get(key(account, client.area(), AREA)).map(|row| row.seen_s)
}

/// About how many accounts logged in from a client.
pub(crate) fn good_accounts(state: &State, config: &Config, client: ClientKey, now_s: u32) -> u32 {
    good(state, config, client.0, now_s)
}

/// When anybody logged in from a client, the first time within the time in which a place stays
/// known-good and the last, within an hour, seconds.
pub(crate) fn logins_s(state: &State, client: ClientKey) -> Option<(u32, u32)> {
    let row = state.users.get(client.0)?;
    let first_s = if row.accounts.previous == 0 { row.window_s } else { 0 };
    Some((first_s, row.seen_s))
}

/// About how many accounts logged in from a prefix.
pub(crate) fn good_accounts_of_prefix(
    state: &State,
    config: &Config,
    prefix: PrefixKey,
    now_s: u32,
) -> u32 {
    good(state, config, shared_key(prefix), now_s)
}

/// About how many accounts logged in from what this key of `state.users` stands for.
pub(crate) fn good(state: &State, config: &Config, key: u64, now_s: u32) -> u32 {
    match state.users.get(key) {
        Some(row) if is_lately(config, row.seen_s, now_s) => row.accounts.count(),
        _ => 0,
    }
}

/// True where a login of the account from this very client was noted within the hour: there is
/// nothing to learn from another one.
pub(crate) fn is_fresh(state: &mut State, account: u64, client: ClientKey, now_s: u32) -> bool {
    let row = state.places.touch(key(account, client.0, EXACT));
    row.is_some_and(|row| now_s.saturating_sub(row.seen_s) < FRESH_S)
}

/// Notes a login, where that is not [`is_fresh`].
pub(crate) fn note(
    state: &mut State,
    config: &Config,
    account: u64,
    client: ClientKey,
    now_s: u32,
) {
    let exact = key(account, client.0, EXACT);
    let wider = [(client.prefix().0, PREFIX), (client.area(), AREA), (0, ANYWHERE)];
    for at in [exact].into_iter().chain(wider.map(|(place, form)| key(account, place, form))) {
        if let Some(row) = state.places.entry(at) {
            row.seen_s = now_s;
        }
    }
    let site = client.site().map(shared_key);
    for at in [client.0, shared_key(client.prefix())].into_iter().chain(site) {
        mark(state, config, at, account, now_s);
    }
}

/// Counts an account for what this key of `state.users` stands for.
pub(crate) fn mark(state: &mut State, config: &Config, key: u64, account: u64, now_s: u32) {
    let window_s = config.known_good_days.saturating_mul(DAY_S);
    if let Some(row) = state.users.entry(key) {
        let windows = sketch::turn(&mut row.window_s, now_s, window_s);
        row.accounts.rotate(windows);
        row.accounts.mark(account);
        row.seen_s = now_s;
    }
}
