//! Grace: who failed within an attack that others began has a minute to log in.
//!
//! An account under attack and a prefix that sprays make a single failure suspicious, but the
//! account has an owner, and a prefix has customers: one who comes from there for the first time
//! and mistypes looks like one of many. So nobody is decided on for a single failure before a grace
//! of `distributed-guessing.grace_s` is over; who logs in meanwhile goes free. A one-shot bot gains
//! nothing that it had not done already.

use super::botnet_spray::{self, AfterGrace};
use super::{distributed_guessing, password_spray, recipient_harvest};
use crate::client::ClientKey;
use crate::decide::Target;
use crate::engine::{Engine, Output};
use crate::places::{self, Place};
use crate::state::whole;
use alloc::vec::Vec;
use event::Timestamp;

/// Gives a client grace for its failure on an account, where it has none.
pub(crate) fn give(engine: &mut Engine, account: u64, client: ClientKey, since_s: u32) {
    let grace_s = engine.config.distributed_guessing.grace_s;
    let deadline = Timestamp::from_seconds(i64::from(since_s) + i64::from(grace_s));
    // Whole seconds lie a little back; a deadline is never before now.
    let deadline = deadline.max(engine.now.plus_seconds(i64::from(grace_s.min(1))));
    let (now_s, until_s) = (engine.now_s(), since_s.saturating_add(grace_s));
    let pairs = &mut engine.state.pairs;
    if pairs.give_grace(account, client.0, now_s, until_s) && !engine.is_held(client) {
        engine.timers.set_grace(deadline, account, client.0);
    }
}

/// The grace of a client is over: it is decided on, unless it has logged in.
pub(crate) fn over(engine: &mut Engine, account: u64, client: u64, out: &mut Vec<Output>) {
    let (client, now_s) = (ClientKey(client), engine.now_s());
    if account == recipient_harvest::NO_ACCOUNT {
        return recipient_harvest::after_wait(engine, client, out);
    }
    let Some(pair) = engine.state.pairs.get(account, client.0).copied() else { return };
    let place = places::place(&engine.state, &engine.config, account, client, now_s);
    if place != Place::Strange || engine.is_held(client) {
        return;
    }
    let is_user = places::good_accounts(&engine.state, &engine.config, client, now_s) > 0;
    if is_user && !botnet_spray::is_newcomer(engine, client, pair.last_s) {
        return;
    }
    let line = whole(pair.line, engine.seq);
    let is_under_attack = engine.state.accounts.get(account).is_some_and(|row| row.under_attack);
    let narrow = match (is_user, is_under_attack) {
        (true, _) => None,
        (_, true) => distributed_guessing::after_grace(engine, account, line),
        (_, false) => password_spray::after_grace(engine, client, line),
    };
    let after =
        narrow.map_or_else(|| botnet_spray::after_grace(engine, &pair, is_user), AfterGrace::Ban);
    match after {
        AfterGrace::Ban(verdict) => engine.decide(&verdict, Target::Client(client, None), out),
        AfterGrace::Wait(until_s) => {
            let deadline = Timestamp::from_seconds(i64::from(until_s));
            engine.timers.set_grace(deadline, account, client.0);
        }
        AfterGrace::Spare => {}
    }
}
