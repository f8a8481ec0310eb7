//! `slow-guessing`: failed logins of one client so far apart that no window of minutes sees them.
//!
//! Algorithm: the score of `brute-force` with a half-life of 48 hours and threshold 10. At `r`
//! tries an hour of weight `w` such a score settles at `w r 48 / ln 2`, so every pace above one
//! try in five hours gets there in the end: there is no window to wait out. 20 tries on one name
//! are caught before their end at any pace from one a minute to one an hour; one every two hours
//! within about 30 hours. Bursts are left to `brute-force`: within a minute of the one before, a
//! repeat weighs 0.25, so that a device that was set up wrongly twice in a day is not caught here.
//!
//! A phone that repeats an old password at a place where its owner never logged in does the same as
//! a slow guesser, at the same pace. What tells them apart is what the account is known for: that
//! such a device failed at home before, or that there is no such account any more (see
//! [`crate::stale`]); then its failures weigh nothing. Where nothing is known, and the server
//! writes no tag of the password, the two are told apart by what a mistake costs. A client that
//! failed on one account only, which somebody uses elsewhere, and on which no more than two strange
//! clients fail, may come three times as far (`device_factor`), as long as that are no more than
//! the 100 failures in a row which NIST SP 800-63B (5.2.2) allows: 43 tries at one every quarter of
//! an hour, which takes ten hours, about 60 at one an hour, 100 at slower paces. With a second
//! account, or a third address, the threshold is 10.
//!
//! Misses on purpose: any number of failures from a known-good place of the account (a stale phone
//! repeats one old password for weeks); guesses at an account with a stale device, as many as that
//! device would make; paces slower than one try in five hours.

use super::DetectorSpec;

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "slow-guessing",
    summary: "Failed logins of one client, hours apart, over days.",
    technique: "T1110.001",
    misses: "Failures from a known-good place of the account; as many elsewhere as its stale device makes; less than one try in five hours.",
};
