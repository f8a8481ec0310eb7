//! The rows that concern all detectors.

use super::{Key, MODES, mode_of};
use crate::config::{Value, ValueKind};
use event::{Server, Vocabulary as _};

/// What concerns all detectors.
pub(super) const OF_ALL: &[Key] = &[
    key!(
        "" "ban.growth",
        "Each earlier offence makes a ban so many times longer.",
        1..100,
        ban.growth
    ),
    key!("s" "ban.longest_s", "No ban is longer.", 1..315360000, ban.longest_s),
    key!(
        "s" "ban.offence_half_life_s",
        "Time in which half of the offences is forgotten.",
        60..31536000,
        ban.offence_half_life_s
    ),
    key!(mode "prefix.mode", "Off, observe (record only) or enforce.", prefix.mode),
    key!("s" "prefix.ban_s", "Length of the first ban.", 1..31536000, prefix.ban_s),
    key!(
        "" "prefix.clients_min",
        "Banned addresses of a /24, from which the /24 is banned.",
        2..50,
        prefix.clients_min
    ),
    key!(
        "" "prefix.v6_56_min",
        "Banned /64 of a /56, from which the /56 is banned.",
        2..50,
        prefix.v6_56_min
    ),
    key!(
        "" "prefix.v6_48_min",
        "Banned /56 of a /48, from which the /48 is banned.",
        2..50,
        prefix.v6_48_min
    ),
    key!(
        "s" "prefix.window_s",
        "How long a ban counts for its prefix (up to twice that).",
        60..2592000,
        prefix.window_s
    ),
    key!(
        "per cent" "thresholds.jitter_percent",
        "How far thresholds that count accounts, clients and recipients differ from host to host, up or down, so that nobody learns them elsewhere.",
        0..20,
        jitter_percent
    ),
    key!(
        "days" "known_good.days",
        "How long a login makes its address a known-good place of the account.",
        1..365,
        known_good_days
    ),
    key!(
        "" "known_good.accounts_max",
        "So many accounts with good logins raise the threshold of a client, each by its own height.",
        0..64,
        known_good_accounts_max
    ),
    key!(networks "allow.networks", "Networks that are never banned.", allow_networks),
    key!(
        networks "forwarded.proxies",
        "Networks of web proxies that may say whom they forward: the last address of `X-Forwarded-For` is then the client. Anybody can write such a header, so nobody else is believed.",
        forwarded_proxies
    ),
    Key {
        path: "forwarded.servers",
        summary: "Servers, such as `sogo`, that write line breaks of user names into their logs as they are: a stranger can write whole lines, so the addresses in their lines are believed only where they are listed here. List one when the web server in front refuses line breaks.",
        unit: "",
        kind: ValueKind::Words,
        min: 0.0,
        max: 0.0,
        get: |config| {
            let names = config.forwarded_servers.iter().map(|server| server.name().into());
            Value::Words(names.collect())
        },
        put: |config, value| match value {
            Value::Words(words) => {
                let servers = words.iter().map(|word| Server::from_name(word));
                config.forwarded_servers = servers.collect::<Option<_>>()?;
                Some(())
            }
            _ => None,
        },
    },
    key!(
        "entries" "table.clients",
        "Most entries of the table `clients`.",
        16..16777216,
        table.clients
    ),
    key!(
        "entries" "table.prefixes",
        "Most entries of the table `prefixes`.",
        16..16777216,
        table.prefixes
    ),
    key!(
        "entries" "table.accounts",
        "Most entries of the table `accounts`.",
        16..16777216,
        table.accounts
    ),
    key!("entries" "table.pairs", "Most entries of the table `pairs`.", 16..16777216, table.pairs),
    key!(
        "entries" "table.traffic",
        "Most entries of the table `traffic`.",
        16..16777216,
        table.traffic
    ),
    key!(
        "entries" "table.probes",
        "Most entries of the table `probes`.",
        16..16777216,
        table.probes
    ),
    key!(
        "entries" "table.places",
        "Most entries of the table `places`.",
        16..16777216,
        table.places
    ),
    key!("entries" "table.users", "Most entries of the table `users`.", 16..16777216, table.users),
    key!(
        "entries" "table.sessions",
        "Most entries of the table `sessions`.",
        16..16777216,
        table.sessions
    ),
    key!("entries" "table.joins", "Most entries of the table `joins`.", 16..16777216, table.joins),
    key!(
        "entries" "table.offences",
        "Most entries of the table `offences`.",
        16..16777216,
        table.offences
    ),
    key!("entries" "table.bans", "Most entries of the table `bans`.", 16..16777216, table.bans),
    key!("entries" "table.mails", "Most entries of the table `mails`.", 16..16777216, table.mails),
    key!(
        "entries" "table.campaigns",
        "Most entries of the tables `campaigns` and `members`; `partners` has four times as many.",
        16..4194304,
        table.campaigns
    ),
    key!(
        "entries" "table.queries",
        "Most entries of the table `queries`.",
        16..16777216,
        table.queries
    ),
];
