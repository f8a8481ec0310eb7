//! The summary as one JSON object: a contract, to which fields may be added.

use super::distinct::Count;
use super::{Found, Totals};
use crate::json::Object;
use crate::listing::LeftOut;
use crate::replay::{Activity, Outcome};
use crate::understand::Tally;
use event::{Reason, Server, Vocabulary as _};

/// Writes it.
pub fn json(text: &mut String, outcome: &Outcome) {
    let totals = &outcome.totals;
    let mut object = Object::open(text);
    object.shown("type", "summary");
    lines(&mut object, &outcome.tally);
    object
        .plain("findings", outcome.findings)
        .plain("decisions", outcome.decisions)
        .plain("seconds", format!("{:.3}", outcome.seconds));
    object.object("by_detector", |object| {
        for (name, Found { findings, decisions }) in &totals.detectors {
            object.object(name, |object| {
                object.plain("findings", findings).plain("decisions", decisions);
            });
        }
    });
    if outcome.has_totals {
        summed_up(&mut object, outcome);
    }
    object.list("logs", &outcome.logs, |object, (name, tally)| {
        object.text("log", name.as_bytes());
        lines(object, tally);
    });
    object.list("left_out", &outcome.left_out, |object, LeftOut { name, why, remedy }| {
        object.text("log", name.as_bytes()).text("why", why.as_bytes());
        object.text_or_null("remedy", remedy.as_ref().map(|remedy| remedy.as_bytes()));
    });
    object.close();
    text.push('\n');
}

fn summed_up(object: &mut Object<'_>, outcome: &Outcome) {
    let totals = &outcome.totals;
    object
        .time_or_null("from", totals.period.map(|(from, _)| from))
        .time_or_null("until", totals.period.map(|(_, until)| until));
    numbers(object, totals);
    most(object, totals);
    object.object("servers", |object| {
        let told = Server::ALL.iter().zip(&outcome.servers);
        for (server, told) in told.filter(|(_, told)| told.events > 0) {
            object.object(server.name(), |object| activity(object, told));
        }
    });
}

fn lines(object: &mut Object<'_>, tally: &Tally) {
    object
        .plain("lines", tally.lines)
        .plain("parsed", tally.parsed())
        .plain("events", tally.events)
        .plain("hostile", tally.hostile)
        .plain("noise", tally.noise)
        .plain("unknown", tally.unknown)
        .plain("foreign", tally.foreign)
        .plain("unframed", tally.unframed);
}

fn numbers(object: &mut Object<'_>, totals: &Totals) {
    let mail = &totals.mail;
    object
        .plain("connections", totals.connections)
        .plain("clients", totals.clients.number)
        .plain("logins", totals.logins)
        .plain("accounts", totals.accounts.number)
        .plain("failed", totals.failed)
        .plain("failed_accounts", totals.failed_accounts.number)
        .plain("failed_clients", totals.failed_clients.number)
        .plain("failed_of_held", totals.failed_of_held)
        .plain("failed_of_nobody", totals.failed_of_nobody)
        .plain("untested", totals.untested)
        .plain("messages", mail.messages)
        .plain("senders", mail.senders.number)
        .plain("recipients", mail.recipients.number)
        .plain("delivered", mail.delivered)
        .plain("deferred", mail.deferred)
        .plain("waiting", mail.waiting)
        .plain("bounced", mail.bounced)
        .plain("refused", totals.refused)
        .plain("put_off", totals.put_off)
        .plain("probes", totals.probes)
        .plain("probing_clients", totals.probing_clients.number)
        .plain("queries", totals.queries);
    reasons(object, "refused_by", &totals.refused_by);
    reasons(object, "probes_by", &totals.probes_by);
    let counts: [(&str, Count); 7] = [
        ("clients", totals.clients),
        ("accounts", totals.accounts),
        ("failed_accounts", totals.failed_accounts),
        ("failed_clients", totals.failed_clients),
        ("senders", mail.senders),
        ("recipients", mail.recipients),
        ("probing_clients", totals.probing_clients),
    ];
    let mut about: Vec<&str> =
        counts.iter().filter(|(_, count)| count.is_about).map(|(name, _)| *name).collect();
    if mail.is_about {
        about.extend(["messages", "waiting"]);
    }
    if totals.is_cut {
        about.extend(["most_clients", "most_accounts"]);
    }
    object.texts("about", &about);
}

fn reasons(object: &mut Object<'_>, key: &str, rows: &[(Reason, u64)]) {
    object.object(key, |object| {
        for (reason, count) in rows {
            object.plain(reason.name(), count);
        }
    });
}

fn most(object: &mut Object<'_>, totals: &Totals) {
    object.list("most_clients", &totals.most_clients, |object, row| {
        match row.label.is_host() {
            true => object.shown("client", row.label.address()),
            false => object.shown("network", row.label),
        };
        object
            .plain("failed", row.failed)
            .plain("probes", row.probes)
            .plain("accounts", row.others());
    });
    object.list("most_accounts", &totals.most_accounts, |object, row| {
        object
            .text("account", &row.label)
            .plain("failed", row.failed)
            .plain("clients", row.others());
    });
}

fn activity(object: &mut Object<'_>, told: &Activity) {
    object
        .plain("events", told.events)
        .plain("logins", told.logins)
        .plain("failed", told.failed)
        .plain("messages", told.messages)
        .plain("delivered", told.delivered)
        .plain("deferred", told.deferred)
        .plain("refused", told.refused);
}
