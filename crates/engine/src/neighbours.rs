//! Who else is in a prefix: whether a ban of the whole of it would hit somebody of ours.
//!
//! Of ours is who logged in from there within `known_good.days`, and who delivered mail here
//! lately: a hoster's prefix in which one customer means ill has other customers' mail servers.
//! Asked only where a ban of a prefix is due, so it may look through whole tables, and logins and
//! deliveries keep no books for it.

use crate::client::{ClientKey, PrefixKey};
use crate::detect::delivers;
use crate::engine::Engine;
use crate::places;

/// True where somebody in the prefix logged in or delivered lately.
pub(crate) fn are_ours(engine: &Engine, prefix: PrefixKey) -> bool {
    have_logins(engine, prefix) || deliver(engine, prefix)
}

/// True where somebody in the prefix logged in lately.
fn have_logins(engine: &Engine, prefix: PrefixKey) -> bool {
    let (state, config, now_s) = (&engine.state, &engine.config, engine.now_s());
    if places::good_accounts_of_prefix(state, config, prefix, now_s) > 0 {
        return true;
    }
    // Logins are counted by /24, /56 and /48 only. A count of a prefix, whose key is a hash, is
    // taken for a client's in one of four thousand million cases, and spares.
    let is_lately = |seen_s: u32| places::is_lately(config, seen_s, now_s);
    is_wide(prefix)
        && state.users.iter().any(|row| prefix.has(ClientKey(row.key)) && is_lately(row.seen_s))
}

/// True where somebody in the prefix delivered mail lately.
pub(crate) fn deliver(engine: &Engine, prefix: PrefixKey) -> bool {
    let (traffic, now_s) = (&engine.state.traffic, engine.now_s());
    if prefix.is_v4() {
        let first = prefix.0 & !0xff;
        let mut rows = (first..=first | 0xff).filter_map(|client| traffic.get(client));
        return rows.any(|row| delivers(row, now_s));
    }
    traffic.iter().any(|row| prefix.has(ClientKey(row.key)) && delivers(row, now_s))
}

const fn is_wide(prefix: PrefixKey) -> bool {
    !prefix.is_v4() && prefix.0 & 0xff < 48
}
