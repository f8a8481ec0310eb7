//! What a world is to be like: how long, how large, with whom. Every number may be changed.

use super::clock::Micros;
use super::site::Settings;
use super::truth::Kind;

/// A struct of numbers that are known by their names, too.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $default:literal,)*) => {
        /// The numbers of a plan. Counts are whole, shares are 0 to 1.
        #[derive(Clone, PartialEq, Debug)]
        pub struct Numbers { $($(#[$doc])* pub $name: f64,)* }

        impl Default for Numbers {
            fn default() -> Self {
                Numbers { $($name: $default,)* }
            }
        }

        impl Numbers {
            /// All names.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The number of this name.
            pub fn get_mut(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    /// How long the world lasts.
    days = 30.0,
    /// Accounts of the site, one for each person.
    accounts = 500.0,
    /// Domains on the net to which people write.
    domains = 3000.0,
    /// Offices, each behind one address; the first is the largest.
    offices = 6.0,
    /// Of people, those who work in an office.
    office_share = 0.7,
    /// Messages that a middling person writes on a working day.
    mails_per_day = 4.0,
    /// Of people, those who type their password each morning.
    typing_share = 0.15,
    /// Of people, those who have any device at all.
    device_share = 1.0,
    /// Of people, those with a phone.
    phone_share = 0.75,
    /// With a tablet.
    tablet_share = 0.15,
    /// With webmail in a mail program's place.
    webmail_share = 0.2,
    /// Whose device keeps an old password in a year.
    stale_share = 0.4,
    /// Who forget their password in a year.
    forgets_share = 0.08,
    /// Whose caps lock is on now and then.
    caps_share = 0.05,
    /// Who move house in a year.
    moves_share = 0.08,
    /// Who get a new phone in a year.
    phone_share_new = 0.3,
    /// Whose password expires in a year.
    expires_share = 0.04,
    /// Who leave in a year, while their devices go on.
    leaves_share = 0.08,
    /// Who join in a year.
    joins_share = 0.09,
    /// Who travel.
    travels_share = 0.2,
    /// Who send greetings at the end of the year.
    greets_share = 0.08,
    /// Who write to many strangers for an event in a year.
    invites_share = 0.03,
    /// Of people, those whose mailbox answers while they are away.
    answers_share = 0.4,
    /// Whose mail is forwarded elsewhere.
    forward_share = 0.03,
    /// Whose mailbox a large provider reads.
    fetch_share = 0.03,
    /// Who use a private network now and then.
    vpn_share = 0.04,
    /// Failures of the back end that knows the passwords.
    outages_per_year = 6.0,
    /// Mailboxes that a team shares.
    teams = 6.0,
    /// Copiers that mail their scans.
    copiers = 4.0,
    /// Copiers that cannot speak what the server wants.
    broken_copiers = 1.0,
    /// Monitors that log in each minute.
    monitors = 2.0,
    /// Monitors that try a wrong password by design.
    wrong_monitors = 1.0,
    /// Jobs that read many mailboxes from one address at night.
    backups = 1.0,
    /// Of mailboxes, those that a job reads.
    backup_share = 0.3,
    /// Newsletters.
    newsletters = 1.0,
    /// Recipients of each.
    newsletter_recipients = 2000.0,
    /// Mailing lists.
    lists = 2.0,
    /// Machines that mail invoices.
    invoice_machines = 1.0,
    /// Messages from elsewhere, to each account on a day.
    inbound_per_day = 6.0,
    /// Small sites whose servers write to this one.
    small_servers = 160.0,
    /// Newsletters from elsewhere.
    bulk_senders = 8.0,
    /// Servers that forward.
    forwarders = 4.0,
    /// Waves of bounces for what somebody forged.
    backscatters = 2.0,
    /// People who ask `VRFY`.
    vrfy_askers = 1.0,
    /// Hosts that ask for relay by mistake.
    retired_mx = 2.0,
    /// Computers in the house that ask the resolver.
    workstations = 60.0,
    /// Questions that each asks on a day.
    questions_per_day = 60.0,
    /// Second mail servers in the house.
    second_servers = 1.0,
    /// Marketing tools in the house.
    marketing_tools = 1.0,
    /// Addresses of a botnet.
    bots = 1000.0,
    /// Senders of one spam campaign.
    campaign_senders = 50.0,
    /// Addresses of its bots.
    campaign_addresses = 160.0,
    /// Its messages.
    campaign_messages = 900.0,
    /// Connections a minute of a mild flood: what 500 accounts get from elsewhere in a busy hour.
    flood_mild_per_min = 6.0,
    /// Of a strong one.
    flood_strong_per_min = 90.0,
}

/// A plan: numbers, settings, attackers.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// When it begins, in microseconds since 1970.
    pub start: Micros,
    /// How long, how large.
    pub numbers: Numbers,
    /// Which lines the servers write.
    pub settings: Settings,
    /// How many campaigns of which kind.
    pub attacks: Vec<(Kind, u32)>,
}

/// 2026-01-05T00:00Z, a Monday.
const MONDAY: Micros = 1_767_571_200_000_000;

/// 2026-12-01T00:00Z: holidays and greetings come.
const DECEMBER: Micros = 1_796_083_200_000_000;

/// A plan's name, days and attackers.
type Row = (&'static str, f64, &'static [(Kind, u32)]);

/// The plans that have a name. `everything-month` is the quiet month with all kinds of attackers.
const PLANS: &[Row] = &[
    ("quiet-year", 365.0, &[]),
    (
        "fast",
        7.0,
        &[(Kind::FastOne, 3), (Kind::FastList, 4), (Kind::OpenConnection, 2), (Kind::Stuffing, 1)],
    ),
    (
        "slow",
        45.0,
        &[
            (Kind::SlowMinute, 3),
            (Kind::SlowHour, 6),
            (Kind::SlowDay, 3),
            (Kind::SlowWeek, 3),
            (Kind::UnderThreshold, 3),
            (Kind::Launderer, 1),
        ],
    ),
    (
        "distributed",
        21.0,
        &[(Kind::DistributedHours, 2), (Kind::DistributedDays, 1), (Kind::DistributedLists, 2)],
    ),
    ("ipv6-rotation", 10.0, &[(Kind::Spray64, 3), (Kind::Spray48, 3), (Kind::Spray32, 2)]),
    ("spray", 14.0, &[(Kind::SprayAddress, 3), (Kind::Spray24, 2), (Kind::SprayBotnet, 2)]),
    (
        "takeover",
        45.0,
        &[
            (Kind::GuessedBurst, 6),
            (Kind::GuessedQuiet, 3),
            (Kind::PhishedBurst, 6),
            (Kind::PhishedRamp, 3),
            (Kind::PhishedQuiet, 3),
            (Kind::PhishedMany, 2),
        ],
    ),
    ("mx-surge", 14.0, &[(Kind::MxBurst, 6), (Kind::MxForged, 2)]),
    ("campaign", 21.0, &[(Kind::SpamCampaign, 4)]),
    ("shared-nat", 21.0, &[(Kind::BehindOffice, 3), (Kind::BehindCarrier, 3)]),
    ("poison", 60.0, &[(Kind::Poison, 4)]),
    ("lock-out", 14.0, &[(Kind::LockOut, 3), (Kind::OddNames, 2)]),
    ("everything-month", 31.0, &[]),
    (
        "surges",
        28.0,
        &[
            (Kind::FloodMild, 2),
            (Kind::FloodStrong, 2),
            (Kind::RemoteTimeout, 2),
            (Kind::RemoteBusy, 2),
            (Kind::BlockSoft, 2),
            (Kind::BlockHard, 2),
        ],
    ),
];

impl Plan {
    /// An honest site, and nobody who attacks it.
    pub fn quiet(days: f64) -> Self {
        let settings = Settings {
            has_auth_verbose: true,
            has_password_tags: false,
            has_sasl_username: true,
            has_postscreen: true,
            has_subjects: true,
            has_replies: true,
        };
        let numbers = Numbers { days, ..Numbers::default() };
        Plan { name: "quiet", start: MONDAY, numbers, settings, attacks: Vec::new() }
    }

    /// The names of all plans.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PLANS.iter().map(|(name, ..)| *name)
    }

    /// The plan of this name.
    pub fn named(name: &str) -> Option<Self> {
        let (name, days, attacks) = PLANS.iter().find(|(other, ..)| *other == name)?;
        let plan = Plan { name, attacks: attacks.to_vec(), ..Plan::quiet(*days) };
        Some(match *name {
            "everything-month" => {
                let all = Kind::ALL.iter().filter(|kind| kind.is_planned());
                let attacks = all.map(|kind| (*kind, 1)).collect();
                Plan { start: DECEMBER, attacks, ..plan }
            }
            _ => plan,
        })
    }

    /// Changes one number: a name of [`Numbers::NAMES`], `attack.KIND` (campaigns of this kind), or
    /// a setting (0 or 1). False where there is no such name.
    pub fn set(&mut self, name: &str, value: f64) -> bool {
        if let Some(kind) = name.strip_prefix("attack.") {
            let Some(kind) = Kind::ALL.iter().find(|other| other.name() == kind) else {
                return false;
            };
            self.attacks.retain(|(other, _)| other != kind);
            self.attacks.push((*kind, value as u32));
            return kind.is_planned();
        }
        let settings = &mut self.settings;
        let setting = match name {
            "has_auth_verbose" => &mut settings.has_auth_verbose,
            "has_password_tags" => &mut settings.has_password_tags,
            "has_sasl_username" => &mut settings.has_sasl_username,
            "has_postscreen" => &mut settings.has_postscreen,
            "has_subjects" => &mut settings.has_subjects,
            "has_replies" => &mut settings.has_replies,
            _ => match self.numbers.get_mut(name) {
                Some(number) => {
                    *number = value;
                    return true;
                }
                None => return false,
            },
        };
        *setting = value != 0.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_name_and_can_be_changed() {
        let mut plan = Plan::quiet(1.0);
        for (nth, name) in Numbers::NAMES.iter().enumerate() {
            assert!(plan.set(name, nth as f64 + 0.5), "{name}");
            assert_eq!(plan.numbers.get_mut(name).copied(), Some(nth as f64 + 0.5));
        }
        assert!(plan.set("attack.spray-48", 3.0) && plan.attacks == [(Kind::Spray48, 3)]);
        assert!(!plan.set("attack.desktop", 1.0) && !plan.set("nothing", 1.0));
        assert!(plan.set("has_postscreen", 0.0) && !plan.settings.has_postscreen);
    }

    #[test]
    fn every_plan_is_found_by_its_name_and_begins_when_it_should() {
        for name in Plan::names() {
            assert!(Plan::named(name).is_some_and(|plan| plan.name == name));
        }
        assert_eq!(super::super::clock::date(MONDAY / super::super::clock::DAY), (2026, 1, 5));
        assert_eq!(super::super::clock::date(DECEMBER / super::super::clock::DAY), (2026, 12, 1));
    }
}
