//! `brute-force`: many failed logins of one client within minutes.
//!
//! Algorithm: a score that halves every 10 minutes (see [`crate::score`]), weights as in
//! [`super::guessing`], threshold 8.
//!
//! The compromise behind the defaults. People mistype one to four times. A device that was just
//! set up with a wrong password tries five to eight times within a minute (it opens several
//! connections at once) before its owner is asked. Tools make tens of tries, on one name or on a
//! list. On one name the first failure weighs 1.25, further ones 0.75, so eight tries make 6.5 and
//! the tenth is a ban; at a calm pace (30 s between tries) a try weighs 0.5, so a device that asks
//! once a minute for ever stays just below. On a list of names each weighs 1.25: the seventh is a
//! ban; of names that do not exist 2.5: the fourth is. From a known-good place of the account a
//! try weighs 0.05 and the threshold is 16 (one good account): five a minute for days make no more
//! than 4, but 500 in ten minutes are a ban.
//!
//! Misses on purpose: guesses at the pace of a stale device from the owner's own address.

use super::DetectorSpec;

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "brute-force",
    summary: "Many failed logins of one client within minutes.",
    technique: "T1110.001",
    misses: "Guesses at the pace of a stale device from a known-good place of the account.",
};
