//! What is to be reached, kind by kind: the numbers of the issue "Catch what counts by more than
//! an address", and what peers reach where it was measured.

use crate::world::Kind;

/// What is measured of a kind of attack, and what is to be reached.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aim {
    /// This share of the addresses is banned, each within so many seconds of its first act.
    Banned {
        /// Of 1.
        share: f64,
        /// `None`: at any time.
        within_s: Option<i64>,
    },
    /// This share of the addresses is named, the median within so many seconds of its first act.
    Named {
        /// Of 1.
        share: f64,
        /// For the first half of those that are named.
        half_within_s: i64,
    },
    /// The prefix of this length is banned before more than so many of its addresses came.
    Prefix {
        /// Bits.
        length: u8,
        /// At most.
        addresses: u64,
    },
    /// The account is found before so many messages, in this share of cases.
    Account {
        /// The message before which.
        messages: u64,
        /// Of 1.
        share: f64,
    },
    /// The host is found within so many names.
    Host {
        /// At most.
        names: u64,
    },
    /// The host is told within so many seconds, or before so many messages were not taken: where
    /// little is written, nobody can know sooner, and no more is lost.
    Told {
        /// From its first line.
        within_s: i64,
        /// The message before which.
        messages: u64,
    },
    /// The addresses are counted; nothing is demanded.
    Counted,
    /// The accounts are counted; nothing is demanded.
    CountedAccounts,
    /// The campaigns are counted that were found; nothing is demanded.
    CountedHosts,
    /// The campaigns are counted of which the mail server was told; nothing is demanded.
    CountedCampaigns,
}

const ALL: Aim = Aim::Banned { share: 1.0, within_s: None };
/// Of hundreds of bots a few try once what the device of an owner that is known to have an old
/// password does, or stand beside mail servers: these are spared, not to ban honest ones.
const OF_A_BOTNET: Aim = Aim::Banned { share: 0.99, within_s: None };
const A_DAY: Aim = Aim::Banned { share: 0.99, within_s: Some(86_400) };
const DISTRIBUTED: Aim = Aim::Named { share: 0.95, half_within_s: 600 };
const TOLD: Aim = Aim::Told { within_s: 3_600, messages: 12 };
const BURST: Aim = Aim::Account { messages: 20, share: 0.95 };

/// What is to be reached for a kind of attack.
pub fn aim(kind: Kind) -> Aim {
    match kind {
        Kind::FastOne | Kind::FastList | Kind::OpenConnection => ALL,
        Kind::RelayProbe | Kind::Scanner => ALL,
        Kind::HarvestFast | Kind::HarvestSlow | Kind::HarvestNull | Kind::SprayAddress => ALL,
        Kind::HarvestBotnet | Kind::SprayBotnet => OF_A_BOTNET,
        Kind::SlowMinute | Kind::SlowHour => A_DAY,
        Kind::DistributedHours => DISTRIBUTED,
        Kind::Spray24 => Aim::Prefix { length: 24, addresses: 20 },
        Kind::Spray32 => Aim::Prefix { length: 32, addresses: 20 },
        Kind::Spray48 => Aim::Prefix { length: 48, addresses: 20 },
        Kind::Spray64 => Aim::Prefix { length: 64, addresses: 20 },
        Kind::GuessedBurst | Kind::PhishedBurst => BURST,
        Kind::MxBurst => Aim::Host { names: 10 },
        Kind::MxForged => Aim::CountedHosts,
        Kind::FloodMild | Kind::FloodStrong => TOLD,
        _ if kind.is_trouble() => TOLD,
        Kind::PhishedMany => Aim::CountedCampaigns,
        Kind::SpamCampaign => Aim::Named { share: 0.9, half_within_s: i64::MAX },
        Kind::GuessedQuiet | Kind::PhishedQuiet | Kind::PhishedRamp | Kind::Poison => {
            Aim::CountedAccounts
        }
        _ => Aim::Counted,
    }
}

/// What peers reach on a labelled log of 300 000 lines (CrowdSec, Debian's rules / current hub
/// rules; `reference/numbers.md`, "Detection on a labelled log").
pub fn peers(kind: Kind) -> &'static str {
    match kind {
        Kind::FastOne | Kind::FastList | Kind::RelayProbe | Kind::HarvestFast => "100 % / 100 %",
        // 0 of 150 / 55 of 150 by IMAP, 150 of 150 by SASL, whose names stood on a bait list.
        Kind::SlowMinute | Kind::SlowHour => "0 % / 37-100 %",
        Kind::DistributedHours => "0 % / 0 %",
        _ => "-",
    }
}

/// Which kinds of attack a detector is about.
pub const DETECTORS_OF: &[(&str, &[Kind])] = &[
    (
        "brute-force",
        &[Kind::FastOne, Kind::FastList, Kind::OpenConnection, Kind::OddNames, Kind::BehindOffice],
    ),
    (
        "slow-guessing",
        &[
            Kind::SlowMinute,
            Kind::SlowHour,
            Kind::SlowDay,
            Kind::SlowWeek,
            Kind::UnderThreshold,
            Kind::Launderer,
        ],
    ),
    (
        "password-spray",
        &[
            Kind::Stuffing,
            Kind::SprayAddress,
            Kind::Spray64,
            Kind::Spray48,
            Kind::Spray32,
            Kind::Spray24,
            Kind::BehindOffice,
            Kind::BehindCarrier,
        ],
    ),
    (
        "distributed-guessing",
        &[Kind::DistributedHours, Kind::DistributedDays, Kind::DistributedLists, Kind::LockOut],
    ),
    ("botnet-spray", &[Kind::SprayBotnet, Kind::DistributedLists]),
    ("scan", &[Kind::Scanner, Kind::Pipeliner, Kind::EarlyTalker]),
    ("relay-probe", &[Kind::RelayProbe]),
    (
        "recipient-harvest",
        &[Kind::HarvestFast, Kind::HarvestSlow, Kind::HarvestNull, Kind::HarvestBotnet],
    ),
    ("exploit-attempt", &[Kind::Exploiter]),
    ("mx-surge", &[Kind::MxBurst, Kind::MxForged]),
    ("spam-campaign", &[Kind::SpamCampaign]),
    ("blocked-surge", &[Kind::FloodMild, Kind::FloodStrong]),
    ("deferred-surge", &[Kind::RemoteTimeout, Kind::RemoteBusy, Kind::BlockSoft, Kind::BlockHard]),
    (
        "outbound-surge",
        &[
            Kind::GuessedBurst,
            Kind::PhishedBurst,
            Kind::PhishedRamp,
            Kind::PhishedMany,
            Kind::Poison,
        ],
    ),
    (
        "takeover",
        &[
            Kind::GuessedBurst,
            Kind::GuessedQuiet,
            Kind::PhishedBurst,
            Kind::PhishedRamp,
            Kind::PhishedQuiet,
            Kind::Poison,
        ],
    ),
];

/// What a detector may tell the host of while it lasts, and for an hour after.
pub(crate) fn is_told_of(detector: &str, kind: Kind) -> bool {
    match detector {
        "blocked-surge" => matches!(kind, Kind::FloodMild | Kind::FloodStrong),
        // Part of a flood is put off, not refused: a sender's domain that cannot be found.
        "deferred-surge" => kind.is_trouble() || is_told_of("blocked-surge", kind),
        _ => false,
    }
}

impl Aim {
    /// In a few words.
    pub fn text(self) -> String {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        match self {
            Aim::Banned { share, within_s: None } => percent(share),
            Aim::Banned { share, within_s: Some(s) } => {
                format!("{} in {} h", percent(share), s / 3_600)
            }
            Aim::Named { share, half_within_s: i64::MAX } => percent(share),
            Aim::Named { share, half_within_s } => {
                format!("{}, half in {} min", percent(share), half_within_s / 60)
            }
            Aim::Prefix { length, addresses } => format!("/{length} in {addresses} addresses"),
            Aim::Account { messages, share } => {
                format!("{} by message {}", percent(share), messages - 1)
            }
            Aim::Told { within_s, messages } => {
                format!("{} min or {messages} mails", within_s / 60)
            }
            Aim::Host { names } => format!("100 % in {names} names"),
            Aim::Counted | Aim::CountedAccounts | Aim::CountedHosts | Aim::CountedCampaigns => {
                "-".to_owned()
            }
        }
    }
}
