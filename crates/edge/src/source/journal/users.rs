//! Whose entries are read: any user of the host may log as any program, so `postfix/smtpd` in front
//! of a line says nothing. Who really sent an entry journald writes down itself (`_UID`).

use std::fmt;
use std::ops::RangeInclusive;

/// Users of the system's own services: up to 999 (login.defs(5), and systemd's own limit); those
/// that systemd gives to services for a while (DynamicUser=, systemd.exec(5)); nobody.
const SYSTEM: [RangeInclusive<u32>; 3] = [0..=999, 61_184..=65_519, 65_534..=65_534];

/// A user, or those from one to another, whose entries are read besides the system's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Users(RangeInclusive<u32>);

impl Users {
    /// As written: `5000` or `100000-165535`.
    pub fn named(word: &str) -> Option<Users> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let number = |text: &str| {
            let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|_| fine)
        };
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(Users(first..=last))
    }
}

impl fmt::Display for Users {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (first, last) if first == last => write!(out, "{first}"),
            (first, last) => write!(out, "{first}-{last}"),
        }
    }
}

/// True where the entries of this user are read. An entry that names none was made by journald or
/// the kernel: who sends has no say in it.
pub(super) fn is_read(user: Option<u32>, besides: &[Users]) -> bool {
    user.is_none_or(|user| {
        SYSTEM.iter().chain(besides.iter().map(|users| &users.0)).any(|range| range.contains(&user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_and_people_are_not() {
        let besides = ["5000", "100000-165535"].map(|word| Users::named(word).unwrap());
        for (user, own, more) in [
            (0, true, true),
            (101, true, true),
            (999, true, true),
            (1_000, false, false),
            (5_000, false, true),
            (5_001, false, false),
            (61_183, false, false),
            (61_184, true, true),
            (65_519, true, true),
            (65_534, true, true),
            (99_999, false, false),
            (100_000, false, true),
            (165_535, false, true),
            (165_536, false, false),
            (1_000_000, false, false),
            (u32::MAX, false, false),
        ] {
            assert_eq!(is_read(Some(user), &[]), own, "{user}");
            assert_eq!(is_read(Some(user), &besides), more, "{user}");
        }
        assert!(is_read(None, &[]));
    }

    #[test]
    fn users_are_numbers_or_ranges() {
        for word in ["0", "5000", "100000-165535", "0-4294967295"] {
            assert_eq!(Users::named(word).unwrap().to_string(), word);
        }
        for word in ["", "-", "5-", "-5", "9-5", "vmail", "+5", "1-2-3", "4294967296", " 5"] {
            assert_eq!(Users::named(word), None, "{word}");
        }
    }
}
