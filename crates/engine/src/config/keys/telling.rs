//! The rows of the detectors that tell and propose.

use super::{Key, MODES, mode_of, points_of};
use crate::config::{Value, ValueKind};

/// The keys of each detector that bans nobody by default, in the order of [`crate::DETECTORS`].
pub(super) const OF_TELLING: &[Key] = &[
    key!(
        mode "mx-surge.mode",
        "Off, observe or enforce: it tells, and bans nobody.",
        mx_surge.mode
    ),
    key!(
        "" "mx-surge.names_min",
        "Distinct names whose mail servers a host that is no mail server asks for in a window.",
        2..60,
        mx_surge.names_min
    ),
    key!("" "mx-surge.day_names_min", "The same in a day.", 2..100, mx_surge.day_names_min),
    key!(
        "" "mx-surge.unexplained_min",
        "Names that this host asks for in a window and that its mail does not explain.",
        2..2000,
        mx_surge.unexplained_min
    ),
    key!(
        "s" "mx-surge.window_s",
        "Length of the window (up to twice that is remembered).",
        60..86400,
        mx_surge.window_s
    ),
    key!(
        networks "mx-surge.mail_hosts",
        "Mail servers beside this host, which may ask for any domain.",
        mx_surge.mail_hosts
    ),
    key!(
        mode "outbound-surge.mode",
        "Off, observe or enforce: it proposes to hold messages, and bans nobody.",
        outbound_surge.mode
    ),
    key!(
        "" "outbound-surge.recipients_min",
        "Recipients of an account within about an hour from which it may be a surge.",
        1..100000,
        outbound_surge.recipients_min
    ),
    key!(
        "" "outbound-surge.surge_factor",
        "So many times what is usual for the account is a surge.",
        1..1000,
        outbound_surge.surge_factor
    ),
    key!(
        "per cent" "outbound-surge.fresh_percent",
        "Share of recipients that the account never wrote to, from which a surge is told.",
        1..100,
        outbound_surge.fresh_percent
    ),
    key!(
        "per cent" "outbound-surge.failed_percent",
        "Share of recipients that are refused for good, from which a surge is told.",
        1..100,
        outbound_surge.failed_percent
    ),
    key!(
        "" "outbound-surge.quota",
        "Recipients within about an hour that are too many, whoever they are.",
        1..1000000,
        outbound_surge.quota
    ),
    key!(
        "" "outbound-surge.server_strangers_min",
        "Strangers to whom all of a mail server write in ten minutes, a few of each sender, from which it may be a surge.",
        5..10000,
        outbound_surge.server_strangers_min
    ),
    key!(
        "" "outbound-surge.server_refused_min",
        "Recipients of theirs that are refused for good, the same.",
        5..10000,
        outbound_surge.server_refused_min
    ),
    key!(
        "" "outbound-surge.server_factor",
        "So many times what is usual for the mail server at this hour of the week is a surge.",
        2..1000,
        outbound_surge.server_factor
    ),
    key!(
        "s" "outbound-surge.hold_s",
        "How long to hold the account's messages.",
        60..31536000,
        outbound_surge.hold_s
    ),
    key!(
        mode "spam-campaign.mode",
        "Off, observe (a blocklist is proposed) or enforce (strangers of it are banned, too).",
        spam_campaign.mode
    ),
    key!(
        "" "spam-campaign.networks_min",
        "Unrelated networks of strangers from which messages alike are a campaign.",
        3..60,
        spam_campaign.networks_min
    ),
    key!(
        "" "spam-campaign.senders_min",
        "Domains of senders, or of HELO names, from which they are.",
        1..60,
        spam_campaign.senders_min
    ),
    key!(
        "days" "spam-campaign.history_days",
        "For so long mail must have been accepted until a network or a sender's domain has good history, and is told only.",
        1..365,
        spam_campaign.history_days
    ),
    key!(
        "s" "spam-campaign.block_s",
        "How long members stay on the blocklist.",
        60..31536000,
        spam_campaign.block_s
    ),
    key!(
        mode "blocked-surge.mode",
        "Off, observe or enforce: it tells, and bans nobody.",
        blocked_surge.mode
    ),
    key!(
        "" "blocked-surge.networks_min",
        "Networks that are refused within ten minutes from which it may be a surge.",
        1..10000,
        blocked_surge.least
    ),
    key!(
        "" "blocked-surge.surge_factor",
        "So many times what is usual at this hour of the week is a surge.",
        1..1000,
        blocked_surge.surge_factor
    ),
    key!(
        mode "deferred-surge.mode",
        "Off, observe or enforce: it tells, and bans nobody.",
        deferred_surge.mode
    ),
    key!(
        "" "deferred-surge.domains_min",
        "Domains that put mail off, or networks whose mail is, within ten minutes, from which it may be a surge.",
        1..10000,
        deferred_surge.least
    ),
    key!(
        "" "deferred-surge.surge_factor",
        "So many times what is usual at this hour of the week is a surge.",
        1..1000,
        deferred_surge.surge_factor
    ),
    key!(
        mode "takeover.mode",
        "Off, observe or enforce: it proposes to lock an account, and bans nobody.",
        takeover.mode
    ),
    key!(
        points "takeover.score_max",
        "Score from which an account is told of: a natural logarithm of how much likelier a thief is.",
        1.0..100.0,
        takeover.score_max
    ),
    key!(
        "days" "takeover.learn_days",
        "A strange place is home when logins from it, on five days at least, go back so far.",
        2..365,
        takeover.learn_days
    ),
    key!("s" "takeover.lock_s", "How long to lock the account.", 60..31536000, takeover.lock_s),
];
