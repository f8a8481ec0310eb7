//! `bait-account`: a login on a name that nobody uses.
//!
//! Algorithm: the names of `bait.accounts` (none by default, because only the person who runs the
//! server knows which names are nobody's), in lower case, by hash. One try is a ban, right password
//! or wrong.
//!
//! Misses on purpose: nothing; a name that some user might mistype is no good bait.

use super::{DetectorSpec, Seen};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use alloc::vec::Vec;
use event::{Evidence, Mode};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "bait-account",
    summary: "A login is tried on an account that nobody uses.",
    technique: "T1078",
    misses: "Nothing, as far as the list goes.",
};

/// True where the account is a bait.
pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    account: u64,
    out: &mut Vec<Output>,
) -> bool {
    let rule = engine.config.bait_account;
    if rule.mode == Mode::Off || engine.baits.binary_search(&account).is_err() {
        return false;
    }
    let verdict = Verdict {
        detector: SPEC.name,
        mode: rule.mode,
        ban_s: rule.ban_s,
        score: 1000,
        evidence: Evidence::from_iter([seen.seq]),
    };
    engine.convict(&verdict, seen.target(), out);
    true
}
