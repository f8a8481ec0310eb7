//! Thresholds, weights, modes and capacities: plain data with compiled-in defaults.
//!
//! [`KEYS`] is the one table of all keys. The program walks it to read the configuration file, to
//! print the reference page and to suggest the nearest key for a wrong one.

mod defaults;
mod keys;
mod value;

pub use keys::{KEYS, Key};
pub use value::{ConfigError, Problem, Value, ValueKind};

use alloc::boxed::Box;
use alloc::vec::Vec;
use event::{Mode, Network, Server};

/// Points of a score, in thousandths, so that no machine rounds differently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Points(pub u32);

impl Points {
    /// Whole points.
    pub const fn whole(points: u32) -> Self {
        Points(points.saturating_mul(1000))
    }

    /// For people: points with their fraction.
    pub fn as_f32(self) -> f32 {
        self.0 as f32 / 1000.0
    }
}

/// What every detector has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rule {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Score from which the detector speaks.
    pub score_max: Points,
    /// Time in which a score halves, seconds.
    pub half_life_s: u32,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// Weights of failed logins, for `brute-force` and `slow-guessing` each.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guessing {
    /// Mode, threshold, half-life, ban.
    pub rule: Rule,
    /// First failure of an account by this client.
    pub new_account: Points,
    /// The same, where the server says that there is no such account.
    pub unknown_account: Points,
    /// A further failure of the only account that this client ever failed on.
    pub repeat: Points,
    /// The same, if the last one is at least `calm_s` ago.
    pub repeat_calm: Points,
    /// A further failure where the client has failed on other accounts too.
    pub repeat_of_many: Points,
    /// Seconds between two failures from which the pace is calm.
    pub calm_s: u32,
    /// A failure of an account from an address that is a known-good place of it.
    pub known_place: Points,
    /// The same from another address of the /24 or /48 of such a place.
    pub known_prefix: Points,
    /// A failure without an account name, from a client with good logins.
    pub unnamed_known: Points,
    /// How many times further a client may come on its first day that looks like a device with an
    /// old password; 1 for `brute-force`.
    pub device_factor: u32,
    /// So many failures from strange places, faded, are put down to a device of the account with an
    /// old password; 0 for `brute-force`.
    pub stale_tries: u32,
    /// So long an account has such a device after it failed at a known-good place, days.
    pub stale_days: u32,
}

/// `password-spray`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spray {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Distinct accounts that fail from one client.
    pub client_accounts_min: u32,
    /// Distinct accounts that fail from one prefix.
    pub prefix_accounts_min: u32,
    /// Distinct clients of a prefix (of a /40 or /32: distinct /48) that fail, from which it is
    /// banned as a whole where nobody of ours is.
    pub prefix_members_min: u32,
    /// How many failing accounts one good account excuses.
    pub excused_by_good: u32,
    /// Length of the window, seconds; up to twice that is remembered.
    pub window_s: u32,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// `distributed-guessing`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Distributed {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Distinct prefixes failing on one account, from which it is under attack.
    pub prefixes_min: u32,
    /// Distinct clients failing on one account, from which it is under attack.
    pub clients_min: u32,
    /// Length of the window, seconds; up to twice that is remembered.
    pub window_s: u32,
    /// How long a client that failed may still prove to be the owner, seconds.
    pub grace_s: u32,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// `botnet-spray`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BotnetSpray {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// So many strangers may fail for the first time in an hour, and more where many users are.
    pub strangers_per_hour: u32,
    /// How many more than that, added up, are an attack.
    pub sum_max: u32,
    /// How long a single failure of a stranger may still turn out to be a user's, seconds.
    pub wait_s: u32,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// `connection-flood`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Flood {
    /// Mode, threshold, half-life, ban.
    pub rule: Rule,
    /// Known-good clients may make so many times more connections.
    pub known_factor: u32,
}

/// `scan`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scan {
    /// Mode, threshold, half-life, ban.
    pub rule: Rule,
    /// One weak sign: TLS failed, connected and left, no login tried.
    pub weak: Points,
    /// The most that weak signs can add up to.
    pub weak_max: Points,
    /// Distinct services touched in one visit, from which weak signs alone suffice.
    pub services_min: u32,
    /// A pause that ends a visit, seconds.
    pub visit_gap_s: u32,
}

/// `relay-probe`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Relay {
    /// Mode, threshold, half-life, ban.
    pub rule: Rule,
    /// A refused relay with the sender of the one before.
    pub same_sender: Points,
    /// A further recipient of the same sender within five seconds.
    pub same_message: Points,
    /// A refused relay of a sender whose domain the client's HELO is in, at leisure.
    pub own_sender: Points,
    /// A refused relay of a client with good logins.
    pub known: Points,
}

/// `recipient-harvest`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Harvest {
    /// Mode, threshold (distinct unknown recipients), half-life, ban.
    pub rule: Rule,
    /// So many accepted messages excuse one unknown recipient.
    pub accepted_per_unknown: u32,
}

/// `exploit-attempt`, `bait-account`: one event suffices.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Once {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// `mx-surge`.
#[derive(Clone, PartialEq, Debug)]
pub struct MxSurge {
    /// Off, observe or enforce: nobody is banned for it.
    pub mode: Mode,
    /// Distinct names in a window from which a host is told of that is no mail host.
    pub names_min: u32,
    /// Distinct names in a day from which it is.
    pub day_names_min: u32,
    /// Names in a window that no mail explains, from which this host is told of.
    pub unexplained_min: u32,
    /// Length of the window, seconds; up to twice that is remembered.
    pub window_s: u32,
    /// Mail servers beside this host: their questions are nobody's business.
    pub mail_hosts: Vec<Network>,
}

/// `outbound-surge`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Outbound {
    /// Off, observe or enforce: it proposes, and bans nobody.
    pub mode: Mode,
    /// Recipients within about an hour from which it may be a surge.
    pub recipients_min: u32,
    /// So many times what is usual is a surge.
    pub surge_factor: u32,
    /// Share of recipients that the account never wrote to, per cent.
    pub fresh_percent: u32,
    /// Share of recipients that are refused for good, per cent.
    pub failed_percent: u32,
    /// Recipients within about an hour that are too many, whoever they are.
    pub quota: u32,
    /// Strangers of all senders of a mail server, within ten minutes, from which it may be a surge.
    pub server_strangers_min: u32,
    /// Recipients of all of them that are refused for good, the same.
    pub server_refused_min: u32,
    /// So many times what is usual for the server is one.
    pub server_factor: u32,
    /// How long to hold the account's messages, seconds.
    pub hold_s: u32,
}

/// `spam-campaign`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Campaigns {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Unrelated networks of strangers from which messages alike are a campaign.
    pub networks_min: u32,
    /// Senders' domains, or domains of HELO names, from which they are.
    pub senders_min: u32,
    /// For so long mail of somebody must have been accepted until that is good history, days.
    pub history_days: u32,
    /// How long members stay on the blocklist, seconds.
    pub block_s: u32,
}

/// `blocked-surge`, `deferred-surge`: more than usual, all over the site.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Surge {
    /// Off, or anything else: they tell, and ban nobody.
    pub mode: Mode,
    /// Networks, or domains, within ten minutes from which it may be a surge.
    pub least: u32,
    /// So many times what is usual is one.
    pub surge_factor: u32,
}

/// `takeover`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Takeover {
    /// Off, observe or enforce: it proposes, and bans nobody.
    pub mode: Mode,
    /// Score from which an account is told of.
    pub score_max: Points,
    /// A place that comes back is home after so many days.
    pub learn_days: u32,
    /// How long to lock the account, seconds.
    pub lock_s: u32,
}

/// How bans grow.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bans {
    /// Each earlier offence makes a ban so many times longer.
    pub growth: u32,
    /// No ban is longer, seconds.
    pub longest_s: u32,
    /// Time in which half of the offences is forgotten, seconds.
    pub offence_half_life_s: u32,
}

/// When a whole prefix is banned.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prefixes {
    /// Off, observe or enforce.
    pub mode: Mode,
    /// Banned addresses of an IPv4 /24.
    pub clients_min: u32,
    /// Banned /64 of an IPv6 /56.
    pub v6_56_min: u32,
    /// Banned IPv6 /56 of a /48.
    pub v6_48_min: u32,
    /// Length of the window, seconds; up to twice that is remembered.
    pub window_s: u32,
    /// Length of the first ban, seconds.
    pub ban_s: u32,
}

/// Most entries of each table. Changes hold from the next start on.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Capacities {
    pub clients: u32,
    pub prefixes: u32,
    pub accounts: u32,
    pub pairs: u32,
    pub traffic: u32,
    pub probes: u32,
    pub places: u32,
    pub users: u32,
    pub sessions: u32,
    pub joins: u32,
    pub offences: u32,
    pub bans: u32,
    pub queries: u32,
    pub mails: u32,
    /// What messages have in common; as many members of campaigns, and four times as many partners.
    pub campaigns: u32,
}

/// Thresholds, weights and modes; the defaults are compiled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Key of the hash function. The program draws one for each state directory, so that
    /// strangers cannot choose names that collide; replays agree only under the same one.
    pub seed: u64,
    /// `brute-force`.
    pub brute_force: Guessing,
    /// `slow-guessing`.
    pub slow_guessing: Guessing,
    /// `password-spray`.
    pub password_spray: Spray,
    /// `distributed-guessing`.
    pub distributed_guessing: Distributed,
    /// `botnet-spray`.
    pub botnet_spray: BotnetSpray,
    /// `connection-flood`.
    pub connection_flood: Flood,
    /// `scan`.
    pub scan: Scan,
    /// `relay-probe`.
    pub relay_probe: Relay,
    /// `recipient-harvest`.
    pub recipient_harvest: Harvest,
    /// `exploit-attempt`.
    pub exploit_attempt: Once,
    /// `bait-account`.
    pub bait_account: Once,
    /// `mx-surge`.
    pub mx_surge: MxSurge,
    /// `outbound-surge`.
    pub outbound_surge: Outbound,
    /// `spam-campaign`.
    pub spam_campaign: Campaigns,
    /// `blocked-surge`.
    pub blocked_surge: Surge,
    /// `deferred-surge`.
    pub deferred_surge: Surge,
    /// `takeover`.
    pub takeover: Takeover,
    /// Names that no honest client logs in with, in lower case.
    pub bait_accounts: Vec<Box<str>>,
    /// How bans grow.
    pub ban: Bans,
    /// When a whole prefix is banned.
    pub prefix: Prefixes,
    /// How far count thresholds differ from host to host, per cent, up or down.
    pub jitter_percent: u32,
    /// How long a login makes its address a known-good place of the account, days.
    pub known_good_days: u32,
    /// The threshold of a client with good logins grows by its own height for each of so many
    /// accounts at most.
    pub known_good_accounts_max: u32,
    /// Never banned.
    pub allow_networks: Vec<Network>,
    /// Proxies whose word on whom they forward is believed.
    pub forwarded_proxies: Vec<Network>,
    /// Servers into whose logs strangers could write whole lines, and whose addresses are believed
    /// nevertheless.
    pub forwarded_servers: Vec<Server>,
    /// Most entries of each table.
    pub table: Capacities,
}

impl Config {
    /// Sets the key at `path`.
    ///
    /// # Errors
    /// The path names no key, or the value is of another kind or out of range.
    pub fn set(&mut self, path: &str, value: &Value) -> Result<(), ConfigError> {
        match KEYS.iter().find(|key| key.path == path) {
            Some(key) => key.set(self, value),
            None => Err(ConfigError { path: path.into(), problem: Problem::NoSuchKey }),
        }
    }
}
