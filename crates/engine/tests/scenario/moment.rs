//! One event of a story, from words as in the JSON.

use core::net::IpAddr;
use event::{
    CommandCounts, Event, Kind, Origin, Outcome, Protocol, Reason, Server, Text, Timestamp,
    Vocabulary,
};
use std::collections::BTreeMap;

/// The fields of an event.
pub struct Moment {
    fields: BTreeMap<String, String>,
    server: Server,
    protocol: Protocol,
    kind: Kind,
    outcome: Outcome,
    reason: Option<Reason>,
    client: Option<IpAddr>,
    attempts: u32,
    recipients: u32,
    origin: Origin,
    pid: Option<u32>,
}

const TEXTS: &[&str] = &[
    "service",
    "account",
    "host",
    "session",
    "queue_id",
    "mechanism",
    "sender",
    "recipient",
    "helo",
    "secret_tag",
    "detail",
    "mail_subject",
    "query_name",
    "query_type",
];
const OTHERS: &[&str] = &[
    "server",
    "protocol",
    "kind",
    "outcome",
    "reason",
    "client",
    "attempts",
    "recipients",
    "operator",
    "country",
    "pid",
    "hostile",
    "known",
    "auth",
    "mail",
    "rcpt",
];

fn word<V: Vocabulary>(fields: &BTreeMap<String, String>, key: &str) -> Result<V, String> {
    let name = fields.get(key).ok_or_else(|| format!("{key} is missing"))?;
    V::from_name(name).ok_or_else(|| format!("{key}={name}: no such word"))
}

fn number<T: std::str::FromStr>(
    fields: &BTreeMap<String, String>,
    key: &str,
) -> Result<Option<T>, String> {
    fields.get(key).map(|text| text.parse().map_err(|_| format!("{key}={text}"))).transpose()
}

impl Moment {
    /// Reads `key=value` words; a later one replaces an earlier one; `_` in a value is a blank.
    pub fn read(text: &str) -> Result<Moment, String> {
        let mut fields = BTreeMap::new();
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("{word}: key=value"))?;
            if !TEXTS.contains(&key) && !OTHERS.contains(&key) {
                return Err(format!("{key}: no such field"));
            }
            let value = if TEXTS.contains(&key) { value.replace('_', " ") } else { value.into() };
            fields.insert(String::from(key), value);
        }
        Ok(Moment {
            server: word(&fields, "server")?,
            protocol: word(&fields, "protocol").or_else(|why| {
                if fields.contains_key("protocol") { Err(why) } else { Ok(Protocol::Unknown) }
            })?,
            kind: word(&fields, "kind")?,
            outcome: word(&fields, "outcome")?,
            reason: match fields.get("reason").map(String::as_str) {
                None | Some("none") => None,
                Some(_) => Some(word(&fields, "reason")?),
            },
            client: number(&fields, "client")?,
            attempts: number(&fields, "attempts")?.unwrap_or(0),
            recipients: number(&fields, "recipients")?.unwrap_or(0),
            origin: Origin {
                operator: number(&fields, "operator")?.unwrap_or(0),
                country: fields.get("country").map_or([0; 2], |text| Origin::country_of(text)),
            },
            pid: number(&fields, "pid")?,
            fields,
        })
    }

    fn text(&self, key: &str) -> Option<Text<'_>> {
        self.fields.get(key).map(|text| Text(text.as_bytes()))
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.fields.get(key).map(|text| text == "true")
    }

    /// The counts of a `disconnect`, where any is there.
    fn commands(&self) -> Option<CommandCounts> {
        let count = |name: &str| {
            let (ok, all) = self.fields.get(name)?.split_once('/')?;
            Some((ok.parse().ok()?, all.parse().ok()?))
        };
        let (auth, mail, rcpt) = (count("auth"), count("mail"), count("rcpt"));
        auth.or(mail).or(rcpt)?;
        let ((auth_ok, auth_all), (mail_ok, mail_all), (rcpt_ok, rcpt_all)) =
            (auth.unwrap_or_default(), mail.unwrap_or_default(), rcpt.unwrap_or_default());
        let none = CommandCounts::default();
        Some(CommandCounts { auth_ok, auth_all, mail_ok, mail_all, rcpt_ok, rcpt_all, ..none })
    }

    /// The event at its time.
    pub fn event(&self, at: Timestamp) -> Event<'_> {
        let service = self.text("service").unwrap_or_default();
        Event {
            protocol: self.protocol,
            reason: self.reason,
            hostile: self.flag("hostile").unwrap_or(false),
            client: self.client,
            account: self.text("account"),
            known: self.flag("known"),
            attempts: self.attempts,
            recipients: self.recipients,
            origin: self.origin,
            host: self.text("host"),
            pid: self.pid,
            session: self.text("session"),
            queue_id: self.text("queue_id"),
            mechanism: self.text("mechanism"),
            sender: self.text("sender"),
            recipient: self.text("recipient"),
            helo: self.text("helo"),
            secret_tag: self.text("secret_tag"),
            detail: self.text("detail"),
            mail_subject: self.text("mail_subject"),
            query_name: self.text("query_name"),
            query_type: self.text("query_type"),
            commands: self.commands(),
            ..Event::new(at, self.server, service, self.kind, self.outcome)
        }
    }
}
