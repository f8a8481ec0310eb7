//! The defaults: what an administrator has who configures nothing.

use super::{
    Bans, BotnetSpray, Campaigns, Capacities, Config, Distributed, Flood, Guessing, Harvest,
    MxSurge, Once, Outbound, Points, Prefixes, Relay, Rule, Scan, Spray, Surge, Takeover,
};
use alloc::vec::Vec;
use event::Mode;

const MINUTE_S: u32 = 60;
const HOUR_S: u32 = 60 * MINUTE_S;
const DAY_S: u32 = 24 * HOUR_S;

const fn rule(score_max: u32, half_life_s: u32, ban_s: u32) -> Rule {
    Rule { mode: Mode::Enforce, score_max: Points::whole(score_max), half_life_s, ban_s }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0x6d61_696c_7761_7264,
            brute_force: BRUTE_FORCE,
            slow_guessing: SLOW_GUESSING,
            password_spray: PASSWORD_SPRAY,
            distributed_guessing: DISTRIBUTED_GUESSING,
            botnet_spray: BOTNET_SPRAY,
            connection_flood: Flood { rule: rule(120, MINUTE_S, HOUR_S), known_factor: 4 },
            scan: Scan {
                rule: Rule { score_max: Points(2700), ..rule(3, HOUR_S, 6 * HOUR_S) },
                weak: Points(500),
                weak_max: Points(1000),
                services_min: 4,
                visit_gap_s: 20,
            },
            relay_probe: Relay {
                rule: Rule { score_max: Points(2700), ..rule(3, HOUR_S, 6 * HOUR_S) },
                same_sender: Points(500),
                same_message: Points(150),
                own_sender: Points(100),
                known: Points(50),
            },
            recipient_harvest: Harvest {
                rule: rule(6, HOUR_S, 6 * HOUR_S),
                accepted_per_unknown: 2,
            },
            exploit_attempt: Once { mode: Mode::Enforce, ban_s: DAY_S },
            bait_account: Once { mode: Mode::Enforce, ban_s: DAY_S },
            mx_surge: mx_surge(),
            outbound_surge: OUTBOUND_SURGE,
            spam_campaign: SPAM_CAMPAIGN,
            blocked_surge: Surge { mode: Mode::Observe, least: 30, surge_factor: 4 },
            deferred_surge: Surge { mode: Mode::Observe, least: 12, surge_factor: 4 },
            takeover: TAKEOVER,
            bait_accounts: Vec::new(),
            ban: Bans { growth: 4, longest_s: 30 * DAY_S, offence_half_life_s: 7 * DAY_S },
            prefix: Prefixes {
                mode: Mode::Enforce,
                clients_min: 12,
                v6_56_min: 4,
                v6_48_min: 8,
                window_s: DAY_S,
                ban_s: DAY_S,
            },
            jitter_percent: 20,
            known_good_days: 30,
            known_good_accounts_max: 8,
            allow_networks: Vec::new(),
            forwarded_proxies: Vec::new(),
            forwarded_servers: Vec::new(),
            table: CAPACITIES,
        }
    }
}

const PASSWORD_SPRAY: Spray = Spray {
    mode: Mode::Enforce,
    client_accounts_min: 5,
    prefix_accounts_min: 10,
    prefix_members_min: 10,
    excused_by_good: 2,
    window_s: DAY_S,
    ban_s: 6 * HOUR_S,
};

const DISTRIBUTED_GUESSING: Distributed = Distributed {
    mode: Mode::Enforce,
    prefixes_min: 8,
    clients_min: 15,
    window_s: DAY_S,
    grace_s: 60,
    ban_s: 6 * HOUR_S,
};

const BOTNET_SPRAY: BotnetSpray = BotnetSpray {
    mode: Mode::Enforce,
    strangers_per_hour: 4,
    sum_max: 12,
    wait_s: 2 * HOUR_S,
    ban_s: 6 * HOUR_S,
};

fn mx_surge() -> MxSurge {
    MxSurge {
        mode: Mode::Enforce,
        names_min: 7,
        day_names_min: 30,
        unexplained_min: 20,
        window_s: 5 * MINUTE_S,
        mail_hosts: Vec::new(),
    }
}

const OUTBOUND_SURGE: Outbound = Outbound {
    mode: Mode::Observe,
    recipients_min: 30,
    surge_factor: 6,
    fresh_percent: 80,
    failed_percent: 20,
    quota: 1_000,
    server_strangers_min: 40,
    server_refused_min: 12,
    server_factor: 3,
    hold_s: DAY_S,
};

const SPAM_CAMPAIGN: Campaigns = Campaigns {
    mode: Mode::Observe,
    networks_min: 8,
    senders_min: 8,
    history_days: 14,
    block_s: 7 * DAY_S,
};
const TAKEOVER: Takeover =
    Takeover { mode: Mode::Observe, score_max: Points::whole(12), learn_days: 14, lock_s: DAY_S };

const BRUTE_FORCE: Guessing = Guessing {
    rule: rule(8, 10 * MINUTE_S, HOUR_S),
    new_account: Points(1250),
    unknown_account: Points(2500),
    repeat: Points(750),
    repeat_calm: Points(500),
    repeat_of_many: Points(1000),
    calm_s: 30,
    known_place: Points(50),
    known_prefix: Points(100),
    unnamed_known: Points(100),
    device_factor: 1,
    stale_tries: 0,
    stale_days: 0,
};

const SLOW_GUESSING: Guessing = Guessing {
    rule: rule(10, 48 * HOUR_S, 6 * HOUR_S),
    new_account: Points(1250),
    unknown_account: Points(2000),
    repeat: Points(250),
    repeat_calm: Points(750),
    repeat_of_many: Points(750),
    calm_s: 60,
    known_place: Points(0),
    known_prefix: Points(10),
    unnamed_known: Points(2),
    device_factor: 3,
    stale_tries: 1_000,
    stale_days: 14,
};

const CAPACITIES: Capacities = Capacities {
    clients: 1 << 20,
    prefixes: 1 << 17,
    accounts: 1 << 16,
    pairs: 1 << 18,
    traffic: 1 << 17,
    probes: 1 << 16,
    places: 1 << 18,
    users: 1 << 16,
    sessions: 1 << 16,
    joins: 1 << 16,
    offences: 1 << 18,
    bans: 1 << 18,
    queries: 1 << 15,
    mails: 1 << 16,
    campaigns: 1 << 14,
};
