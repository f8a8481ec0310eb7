//! The rows of the detectors that ban.

use super::{Key, MODES, mode_of, points_of};
use crate::config::{Value, ValueKind};

/// The keys of each detector that bans, in the order of [`crate::DETECTORS`].
pub(super) const OF_BANNING: &[Key] = &[
    key!(mode "brute-force.mode", "Off, observe (record only) or enforce.", brute_force.rule.mode),
    key!(
        points "brute-force.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        brute_force.rule.score_max
    ),
    key!(
        "s" "brute-force.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        brute_force.rule.half_life_s
    ),
    key!("s" "brute-force.ban_s", "Length of the first ban.", 1..31536000, brute_force.rule.ban_s),
    key!(
        points "brute-force.new_account",
        "Weight of the first failure of an account by a client.",
        0.0..1000.0,
        brute_force.new_account
    ),
    key!(
        points "brute-force.unknown_account",
        "The same, where the server says that there is no such account.",
        0.0..1000.0,
        brute_force.unknown_account
    ),
    key!(
        points "brute-force.repeat",
        "Weight of a further failure of the only account that a client failed on.",
        0.0..1000.0,
        brute_force.repeat
    ),
    key!(
        points "brute-force.repeat_calm",
        "The same, where the last failure is at least `calm_s` ago.",
        0.0..1000.0,
        brute_force.repeat_calm
    ),
    key!(
        points "brute-force.repeat_of_many",
        "Weight of a further failure of a client that failed on several accounts.",
        0.0..1000.0,
        brute_force.repeat_of_many
    ),
    key!(
        "s" "brute-force.calm_s",
        "Pause between two failures from which the pace is calm.",
        1..86400,
        brute_force.calm_s
    ),
    key!(
        points "brute-force.known_place",
        "Weight of a failure from a known-good place of the account.",
        0.0..1000.0,
        brute_force.known_place
    ),
    key!(
        points "brute-force.known_prefix",
        "Weight of a failure from the /24 or /48 of such a place.",
        0.0..1000.0,
        brute_force.known_prefix
    ),
    key!(
        points "brute-force.unnamed_known",
        "Weight of a failure whose account is not logged, from a client with good logins.",
        0.0..1000.0,
        brute_force.unnamed_known
    ),
    key!(
        mode "slow-guessing.mode",
        "Off, observe (record only) or enforce.",
        slow_guessing.rule.mode
    ),
    key!(
        points "slow-guessing.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        slow_guessing.rule.score_max
    ),
    key!(
        "s" "slow-guessing.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        slow_guessing.rule.half_life_s
    ),
    key!(
        "s" "slow-guessing.ban_s",
        "Length of the first ban.",
        1..31536000,
        slow_guessing.rule.ban_s
    ),
    key!(
        points "slow-guessing.new_account",
        "Weight of the first failure of an account by a client.",
        0.0..1000.0,
        slow_guessing.new_account
    ),
    key!(
        points "slow-guessing.unknown_account",
        "The same, where the server says that there is no such account.",
        0.0..1000.0,
        slow_guessing.unknown_account
    ),
    key!(
        points "slow-guessing.repeat",
        "Weight of a further failure of the only account that a client failed on.",
        0.0..1000.0,
        slow_guessing.repeat
    ),
    key!(
        points "slow-guessing.repeat_calm",
        "The same, where the last failure is at least `calm_s` ago.",
        0.0..1000.0,
        slow_guessing.repeat_calm
    ),
    key!(
        points "slow-guessing.repeat_of_many",
        "Weight of a further failure of a client that failed on several accounts.",
        0.0..1000.0,
        slow_guessing.repeat_of_many
    ),
    key!(
        "s" "slow-guessing.calm_s",
        "Pause between two failures from which the pace is calm.",
        1..86400,
        slow_guessing.calm_s
    ),
    key!(
        points "slow-guessing.known_place",
        "Weight of a failure from a known-good place of the account.",
        0.0..1000.0,
        slow_guessing.known_place
    ),
    key!(
        points "slow-guessing.known_prefix",
        "Weight of a failure from the /24 or /48 of such a place.",
        0.0..1000.0,
        slow_guessing.known_prefix
    ),
    key!(
        points "slow-guessing.unnamed_known",
        "Weight of a failure whose account is not logged, from a client with good logins.",
        0.0..1000.0,
        slow_guessing.unnamed_known
    ),
    key!(
        "" "slow-guessing.device_factor",
        "So many times further a client may come on its first day that looks like a device with an old password.",
        1..10,
        slow_guessing.device_factor
    ),
    key!(
        "" "slow-guessing.stale_tries",
        "So many failures from strange places, fading, are put down to a device with an old password that an account is known to have.",
        0..1000000,
        slow_guessing.stale_tries
    ),
    key!(
        "days" "slow-guessing.stale_days",
        "How long an account is known to have such a device after it failed at a known-good place.",
        1..90,
        slow_guessing.stale_days
    ),
    key!(mode "password-spray.mode", "Off, observe (record only) or enforce.", password_spray.mode),
    key!("s" "password-spray.ban_s", "Length of the first ban.", 1..31536000, password_spray.ban_s),
    key!(
        "" "password-spray.client_accounts_min",
        "Distinct accounts failing from one client that are a spray.",
        2..50,
        password_spray.client_accounts_min
    ),
    key!(
        "" "password-spray.prefix_accounts_min",
        "Distinct accounts failing from one /24, /48, /40 or /32 that are a spray.",
        2..50,
        password_spray.prefix_accounts_min
    ),
    key!(
        "" "password-spray.prefix_members_min",
        "Distinct clients of such a prefix (of a /40 or /32: distinct /48) that fail, from which it is banned as a whole where nobody of ours is.",
        2..50,
        password_spray.prefix_members_min
    ),
    key!(
        "" "password-spray.excused_by_good",
        "How many failing accounts one account with good logins excuses.",
        0..100,
        password_spray.excused_by_good
    ),
    key!(
        "s" "password-spray.window_s",
        "How long a failing account counts (up to twice that).",
        60..2592000,
        password_spray.window_s
    ),
    key!(
        mode "distributed-guessing.mode",
        "Off, observe (record only) or enforce.",
        distributed_guessing.mode
    ),
    key!(
        "s" "distributed-guessing.ban_s",
        "Length of the first ban.",
        1..31536000,
        distributed_guessing.ban_s
    ),
    key!(
        "" "distributed-guessing.prefixes_min",
        "Distinct prefixes failing on one account, from which it is under attack.",
        2..200,
        distributed_guessing.prefixes_min
    ),
    key!(
        "" "distributed-guessing.clients_min",
        "Distinct clients failing on one account, from which it is under attack.",
        2..200,
        distributed_guessing.clients_min
    ),
    key!(
        "s" "distributed-guessing.window_s",
        "How long a failing client counts (up to twice that).",
        60..2592000,
        distributed_guessing.window_s
    ),
    key!(
        "s" "distributed-guessing.grace_s",
        "How long a client that failed may still log in before it is banned.",
        0..86400,
        distributed_guessing.grace_s
    ),
    key!(mode "botnet-spray.mode", "Off, observe (record only) or enforce.", botnet_spray.mode),
    key!("s" "botnet-spray.ban_s", "Length of the first ban.", 1..31536000, botnet_spray.ban_s),
    key!(
        "" "botnet-spray.strangers_per_hour",
        "So many strangers may fail for the first time in an hour; a few more where very many users are.",
        1..100000,
        botnet_spray.strangers_per_hour
    ),
    key!(
        "" "botnet-spray.sum_max",
        "How many more than that, added up, are an attack on the site.",
        2..100000,
        botnet_spray.sum_max
    ),
    key!(
        "s" "botnet-spray.wait_s",
        "How long a stranger that failed once during an attack may still log in or try again.",
        60..86400,
        botnet_spray.wait_s
    ),
    key!(
        mode "connection-flood.mode",
        "Off, observe (record only) or enforce.",
        connection_flood.rule.mode
    ),
    key!(
        points "connection-flood.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        connection_flood.rule.score_max
    ),
    key!(
        "s" "connection-flood.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        connection_flood.rule.half_life_s
    ),
    key!(
        "s" "connection-flood.ban_s",
        "Length of the first ban.",
        1..31536000,
        connection_flood.rule.ban_s
    ),
    key!(
        "" "connection-flood.known_factor",
        "Clients with good logins may connect so many times more often.",
        1..1000,
        connection_flood.known_factor
    ),
    key!(mode "scan.mode", "Off, observe (record only) or enforce.", scan.rule.mode),
    key!(
        points "scan.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        scan.rule.score_max
    ),
    key!(
        "s" "scan.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        scan.rule.half_life_s
    ),
    key!("s" "scan.ban_s", "Length of the first ban.", 1..31536000, scan.rule.ban_s),
    key!(
        points "scan.weak",
        "Weight of a weak sign: TLS failed, connected and left, no login tried.",
        0.0..1000.0,
        scan.weak
    ),
    key!(points "scan.weak_max", "The most that weak signs add up to.", 0.0..1000.0, scan.weak_max),
    key!(
        "" "scan.services_min",
        "Services touched in one visit, from which weak signs alone suffice.",
        2..16,
        scan.services_min
    ),
    key!("s" "scan.visit_gap_s", "Pause that ends a visit.", 1..3600, scan.visit_gap_s),
    key!(mode "relay-probe.mode", "Off, observe (record only) or enforce.", relay_probe.rule.mode),
    key!(
        points "relay-probe.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        relay_probe.rule.score_max
    ),
    key!(
        "s" "relay-probe.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        relay_probe.rule.half_life_s
    ),
    key!("s" "relay-probe.ban_s", "Length of the first ban.", 1..31536000, relay_probe.rule.ban_s),
    key!(
        points "relay-probe.same_sender",
        "Weight of a refused relay with the sender of the one before.",
        0.0..1000.0,
        relay_probe.same_sender
    ),
    key!(
        points "relay-probe.same_message",
        "Weight of a further recipient of the same sender within five seconds.",
        0.0..1000.0,
        relay_probe.same_message
    ),
    key!(
        points "relay-probe.own_sender",
        "Weight of a refused relay with the sender of the one before, a minute ago or longer, where the HELO lies in that sender's domain.",
        0.0..1000.0,
        relay_probe.own_sender
    ),
    key!(
        points "relay-probe.known",
        "Weight of a refused relay of a client with good logins.",
        0.0..1000.0,
        relay_probe.known
    ),
    key!(
        mode "recipient-harvest.mode",
        "Off, observe (record only) or enforce.",
        recipient_harvest.rule.mode
    ),
    key!(
        points "recipient-harvest.score_max",
        "Score from which a client is banned.",
        0.1..100000.0,
        recipient_harvest.rule.score_max
    ),
    key!(
        "s" "recipient-harvest.half_life_s",
        "Time in which the score halves.",
        60..31536000,
        recipient_harvest.rule.half_life_s
    ),
    key!(
        "s" "recipient-harvest.ban_s",
        "Length of the first ban.",
        1..31536000,
        recipient_harvest.rule.ban_s
    ),
    key!(
        "" "recipient-harvest.accepted_per_unknown",
        "So many accepted messages excuse one unknown recipient.",
        1..1000,
        recipient_harvest.accepted_per_unknown
    ),
    key!(
        mode "exploit-attempt.mode",
        "Off, observe (record only) or enforce.",
        exploit_attempt.mode
    ),
    key!(
        "s" "exploit-attempt.ban_s",
        "Length of the first ban.",
        1..31536000,
        exploit_attempt.ban_s
    ),
    key!(mode "bait-account.mode", "Off, observe (record only) or enforce.", bait_account.mode),
    key!("s" "bait-account.ban_s", "Length of the first ban.", 1..31536000, bait_account.ban_s),
    Key {
        path: "bait.accounts",
        summary: "Login names that nobody uses: one try on them is a ban.",
        unit: "",
        kind: ValueKind::Words,
        min: 0.0,
        max: 0.0,
        get: |config| Value::Words(config.bait_accounts.clone()),
        put: |config, value| match value {
            Value::Words(words) => {
                config.bait_accounts =
                    words.iter().map(|word| word.to_ascii_lowercase().into()).collect();
                Some(())
            }
            _ => None,
        },
    },
];
