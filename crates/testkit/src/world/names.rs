//! Names of people, domains, hosts and what messages are about.

use super::chance::mix;
use std::net::IpAddr;

const FIRST: [&str; 48] = [
    "anna", "bernd", "clara", "david", "elena", "felix", "greta", "hannes", "ida", "jonas",
    "karin", "lukas", "maria", "nils", "olga", "paul", "rosa", "stefan", "tanja", "uwe", "vera",
    "walter", "yara", "zoe", "adam", "birgit", "carlos", "dora", "emil", "fatima", "georg",
    "helga", "ivan", "julia", "klaus", "lena", "marco", "nina", "oskar", "petra", "ralf", "sara",
    "tom", "ulrike", "victor", "wanda", "bjoern", "chiara",
];

const LAST: [&str; 40] = [
    "keller", "maier", "novak", "ortega", "peters", "quist", "richter", "schulz", "tanaka",
    "unger", "vogel", "weber", "young", "zimmer", "adler", "becker", "castro", "dahl", "engel",
    "fischer", "graf", "huber", "ivers", "jansen", "koch", "lang", "moser", "nagy", "olsen",
    "pohl", "rossi", "sander", "thoma", "urban", "voss", "winter", "xu", "yilmaz", "zeller",
    "braun",
];

/// Names that attackers try everywhere, as lists on the net have them.
pub(crate) const COMMON: [&str; 32] = [
    "admin",
    "info",
    "test",
    "support",
    "sales",
    "office",
    "contact",
    "webmaster",
    "postmaster",
    "root",
    "user",
    "mail",
    "scanner",
    "scan",
    "backup",
    "guest",
    "service",
    "hr",
    "marketing",
    "accounting",
    "billing",
    "help",
    "noreply",
    "newsletter",
    "spam",
    "demo",
    "ftp",
    "oracle",
    "printer",
    "reception",
    "security",
    "team",
];

const WORDS: [&str; 40] = [
    "alpine", "baker", "cedar", "delta", "ember", "fjord", "garden", "harbor", "iris", "juniper",
    "kite", "lumen", "maple", "north", "orbit", "pepper", "quartz", "river", "stone", "tulip",
    "union", "valley", "willow", "yellow", "zenith", "amber", "bridge", "copper", "dune", "elm",
    "forge", "granite", "hazel", "inlet", "jade", "kestrel", "linden", "meadow", "nova", "opal",
];

const SUBJECTS: [&str; 24] = [
    "Re: Meeting on Thursday",
    "Offer as discussed",
    "Minutes of today",
    "Question about the contract",
    "Re: Re: Delivery date",
    "Photos from Saturday",
    "Holiday plan",
    "Draft for review",
    "Re: Invoice",
    "Travel arrangements",
    "Your appointment",
    "Fwd: Slides",
    "Lunch?",
    "Monthly figures",
    "Re: Support case",
    "Application documents",
    "Updated price list",
    "Re: Spare parts",
    "Reminder",
    "Notes",
    "Feedback on the proposal",
    "Re: Project plan",
    "Order confirmation",
    "Key handover",
];

/// The local part of the `n`th account; no two alike.
pub(crate) fn person(seed: u64, n: u32) -> String {
    let n = u64::from(n);
    let pairs = (FIRST.len() * LAST.len()) as u64;
    // A step that shares no factor with 48 * 40 visits all pairs before it comes again.
    let place = (n * 1_109 + mix(seed, 11) % pairs) % pairs;
    let first = FIRST[(place % FIRST.len() as u64) as usize];
    let last = LAST[(place / FIRST.len() as u64) as usize];
    let round = n / pairs;
    match (mix(seed, n) % 5, round) {
        (0, _) => format!("{}{last}{n}", first.get(..1).unwrap_or_default()),
        (_, 0) => format!("{first}.{last}"),
        _ => format!("{first}.{last}{round}"),
    }
}

/// A stranger's mailbox.
pub(crate) fn stranger(number: u64) -> String {
    let first = FIRST[(number % FIRST.len() as u64) as usize];
    let last = LAST[(mix(number, 4) % LAST.len() as u64) as usize];
    match mix(number, 6) % 4 {
        0 => format!("{first}{}", mix(number, 7) % 97),
        1 => format!("{first}_{last}"),
        _ => format!("{first}.{last}"),
    }
}

/// A domain on the net. The first [`PROVIDERS`] are large ones.
pub(crate) fn domain(number: u64) -> String {
    if number < PROVIDERS {
        return format!("{}mail.example", WORDS[number as usize % WORDS.len()]);
    }
    let a = WORDS[(number % 40) as usize];
    let b = WORDS[(mix(number, 2) % 40) as usize];
    format!("{a}-{b}{number}.example")
}

pub(crate) const PROVIDERS: u64 = 12;

/// A name that the resolver does not know.
pub(crate) fn no_domain(number: u64) -> String {
    let a = WORDS[(number % 40) as usize];
    format!("{a}{:x}.invalid", mix(number, 9) & 0xff_ffff)
}

/// What an honest message is about: now and then what many write, mostly words of its own.
pub(crate) fn subject(number: u64) -> String {
    let key = mix(number, 5);
    let common = SUBJECTS[(key % SUBJECTS.len() as u64) as usize];
    let word = |shift: u32| WORDS[(key >> shift) as usize % WORDS.len()];
    let front = ["", "", "Re: ", "Re: ", "Fwd: "][(key >> 8) as usize % 5];
    match (key >> 16) % 10 {
        0 | 1 => common.to_owned(),
        2..5 => format!("{front}{} {} {}", word(24), word(32), (key >> 40) % 90),
        5..8 => format!("{front}{common} ({} {})", word(24), word(32)),
        _ => format!("{front}{} for {} and {}", word(24), word(32), word(40)),
    }
}

/// The name that a computer or phone gives itself.
pub(crate) fn computer(number: u64) -> String {
    let key = mix(number, 12);
    match key % 5 {
        0 | 1 => {
            let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
            let tail = (0..7).map(|n| char::from(letters[(key >> (8 + n * 5)) as usize % 34]));
            format!("DESKTOP-{}", tail.collect::<String>())
        }
        2 => format!("device-{:04x}.lan", key >> 48),
        3 => format!("[192.168.{}.{}]", (key >> 8) % 4, 2 + (key >> 16) % 250),
        _ => format!("{}s-laptop.fritz.box", FIRST[(key >> 9) as usize % FIRST.len()]),
    }
}

/// Where a domain's mail goes.
pub(crate) fn exchanger(number: u64) -> String {
    if number < PROVIDERS {
        return format!("mx{}.{}", 1 + mix(number, 8) % 3, domain(number));
    }
    match (provider(number), mix(number, 8) % 5) {
        (Some(provider), _) => format!("mx{}.{}", 1 + number % 2, domain(provider)),
        (None, 2) => format!("mail.{}", domain(number)),
        (None, _) => format!("mx.{}", domain(number)),
    }
}

/// The large one through whose servers a domain's mail goes, be it its own or a customer's.
pub(crate) fn provider(number: u64) -> Option<u64> {
    match (number < PROVIDERS, mix(number, 8) % 5) {
        (true, _) => Some(number),
        (false, 0..3) => None,
        (false, _) => Some(mix(number, 3) % PROVIDERS),
    }
}

/// What a peer is called in a line: its name and address, `unknown` where it has no name.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub name: Option<String>,
    pub ip: IpAddr,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.name.as_deref().unwrap_or("unknown"), self.ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_accounts_have_one_name() {
        for seed in 0..5 {
            let names: std::collections::BTreeSet<String> =
                (0..5_000).map(|n| person(seed, n)).collect();
            assert_eq!(names.len(), 5_000, "seed {seed}");
        }
    }
}
