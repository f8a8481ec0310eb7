//! The JSON forms of DESIGN.md: a contract, because tools read them.
//!
//! Bytes that are not UTF-8 become U+FFFD; everything else is kept, escaped as RFC 8259 asks.

use event::{
    Decision, Event, Evicted, Evidence, Expiry, Finding, Incident, Subject, Text, Timestamp,
};
use std::fmt::Write as _;

/// Writes one JSON object into a string that is used again and again.
pub struct Object<'s> {
    out: &'s mut String,
    first: bool,
}

impl<'s> Object<'s> {
    /// Opens an object at the end of `out`.
    pub fn open(out: &'s mut String) -> Self {
        out.push('{');
        Object { out, first: true }
    }

    /// Closes it.
    pub fn close(self) {
        self.out.push('}');
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push_str(", ");
        }
        self.first = false;
        string(self.out, key.as_bytes());
        self.out.push_str(": ");
        self.out
    }

    /// A value that is written as it displays: a number, a boolean.
    pub fn plain(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        let out = self.key(key);
        let _ = write!(out, "{value}");
        self
    }

    /// A string.
    pub fn text(&mut self, key: &str, value: &[u8]) -> &mut Self {
        string(self.key(key), value);
        self
    }

    /// A string or null.
    pub fn text_or_null(&mut self, key: &str, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.plain(key, "null"),
        }
    }

    /// A string, or nothing at all.
    pub fn text_if(&mut self, key: &str, value: Option<Text<'_>>) -> &mut Self {
        if let Some(value) = value {
            self.text(key, value.bytes());
        }
        self
    }

    /// Something that displays as plain ASCII without quotes: a time, an address.
    pub fn shown(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        let out = self.key(key);
        let _ = write!(out, "\"{value}\"");
        self
    }

    /// A time or null.
    pub fn time_or_null(&mut self, key: &str, value: Option<Timestamp>) -> &mut Self {
        match value {
            Some(value) => self.shown(key, value),
            None => self.plain(key, "null"),
        }
    }

    /// An object inside this one.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        let out = self.key(key);
        let mut inner = Object::open(out);
        fill(&mut inner);
        inner.close();
        self
    }

    /// A list of objects.
    pub fn list<T>(
        &mut self,
        key: &str,
        items: &[T],
        mut fill: impl FnMut(&mut Object<'_>, &T),
    ) -> &mut Self {
        let out = self.key(key);
        out.push('[');
        for (position, item) in items.iter().enumerate() {
            out.push_str(if position == 0 { "" } else { ", " });
            let mut inner = Object::open(out);
            fill(&mut inner, item);
            inner.close();
        }
        out.push(']');
        self
    }

    /// A list of words.
    pub fn texts(&mut self, key: &str, words: &[&str]) -> &mut Self {
        let out = self.key(key);
        out.push('[');
        for (position, word) in words.iter().enumerate() {
            out.push_str(if position == 0 { "" } else { ", " });
            string(out, word.as_bytes());
        }
        out.push(']');
        self
    }

    /// A list of numbers.
    pub fn numbers(&mut self, key: &str, values: &[u64]) -> &mut Self {
        let out = self.key(key);
        out.push('[');
        for (position, value) in values.iter().enumerate() {
            let _ = write!(out, "{}{value}", if position == 0 { "" } else { ", " });
        }
        out.push(']');
        self
    }
}

/// A JSON string of bytes that may be anything.
pub fn string(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control.is_control() => {
                    let _ = write!(out, "\\u{:04x}", control as u32);
                }
                other => out.push(other),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out.push('"');
}

/// The fields of an event.
pub fn event(object: &mut Object<'_>, event: &Event<'_>) {
    object
        .shown("at", event.at)
        .shown("server", event.server)
        .text("service", event.service.bytes())
        .shown("kind", event.kind)
        .shown("outcome", event.outcome);
    match event.reason {
        Some(reason) => object.shown("reason", reason),
        None => object.plain("reason", "null"),
    };
    match event.client {
        Some(client) => object.shown("client", client),
        None => object.plain("client", "null"),
    };
    object
        .text_or_null("account", event.account.map(Text::bytes))
        .plain("attempts", event.attempts)
        .plain("hostile", event.hostile)
        .shown("protocol", event.protocol)
        .text_if("host", event.host);
    if let Some(pid) = event.pid {
        object.plain("pid", pid);
    }
    if let Some(known) = event.known {
        object.plain("known", known);
    }
    object
        .text_if("session", event.session)
        .text_if("queue_id", event.queue_id)
        .text_if("mechanism", event.mechanism)
        .text_if("sender", event.sender)
        .text_if("recipient", event.recipient)
        .text_if("helo", event.helo)
        .text_if("secret_tag", event.secret_tag)
        .text_if("mail_subject", event.mail_subject)
        .text_if("spam_score", event.spam_score)
        .text_if("query_name", event.query_name)
        .text_if("query_type", event.query_type)
        .text_if("detail", event.detail);
    if event.recipients > 0 {
        object.plain("recipients", event.recipients);
    }
    if let Some(forwarded) = event.forwarded {
        object.shown("forwarded", forwarded);
    }
    if let Some(counts) = event.commands {
        object.object("commands", |object| {
            object
                .plain("auth_ok", counts.auth_ok)
                .plain("auth_all", counts.auth_all)
                .plain("mail_ok", counts.mail_ok)
                .plain("mail_all", counts.mail_all)
                .plain("rcpt_ok", counts.rcpt_ok)
                .plain("rcpt_all", counts.rcpt_all)
                .plain("unknown", counts.unknown)
                .plain("ok", counts.ok)
                .plain("all", counts.all);
        });
    }
}

/// `{"client": "203.0.113.9"}`.
pub fn subject(object: &mut Object<'_>, subject: &Subject) {
    object.object("subject", |object| {
        match subject {
            Subject::Client(address) => object.shown("client", address),
            Subject::Network(network) => object.shown("network", network),
            Subject::Account(name) | Subject::Sender(name) | Subject::Host(name) => {
                object.text(subject.kind(), name)
            }
        };
    });
}

fn evidence(object: &mut Object<'_>, evidence: &Evidence) {
    object.numbers("evidence", evidence.lines());
}

/// A number of points with one digit behind the point, as in DESIGN.md.
fn score(value: f32) -> String {
    format!("{value:.1}")
}

/// What every record begins with.
fn head<'s>(out: &'s mut String, kind: &str, at: Timestamp) -> Object<'s> {
    let mut object = Object::open(out);
    object.shown("type", kind).shown("at", at);
    object
}

/// An incident, as `incidents --format json` and the console's API write it.
pub fn incident(out: &mut String, incident: &Incident) {
    let mut object = head(out, "incident", incident.opened_at);
    let detectors: Vec<&str> = incident.detectors.iter().map(|name| &**name).collect();
    object
        .plain("number", incident.number)
        .shown("latest_at", incident.latest_at)
        .shown("state", incident.state)
        .text("opened_by", incident.opened_by.as_bytes())
        .text("title", incident.title.as_bytes())
        .texts("detectors", &detectors)
        .list("concerned", &incident.concerned, |object, one| {
            subject(object, &one.subject);
            object.shown("since", one.since).shown("standing", one.standing.name());
        })
        .plain("findings", incident.findings)
        .plain("findings_more", incident.findings_more)
        .plain("decisions", incident.decisions)
        .plain("score_max", score(incident.score_max))
        .time_or_null("acknowledged_at", incident.acknowledged_at)
        .time_or_null("contained_at", incident.contained_at)
        .time_or_null("resolved_at", incident.resolved_at)
        .text("acted_by", incident.acted_by.as_bytes())
        .text("end", incident.end.as_bytes());
    evidence(&mut object, &incident.evidence);
    object.close();
}

/// A finding, as `replay --format json` writes it.
pub fn finding(out: &mut String, finding: &Finding) {
    let mut object = head(out, "finding", finding.at);
    object.text("detector", finding.detector.as_bytes());
    subject(&mut object, &finding.subject);
    object.plain("score", score(finding.score));
    evidence(&mut object, &finding.evidence);
    object.close();
}

/// A decision, as `replay --format json` and `bans --format json` write it.
pub fn decision(out: &mut String, decision: &Decision) {
    let mut object = head(out, "decision", decision.at);
    object.shown("measure", decision.measure);
    subject(&mut object, &decision.subject);
    object
        .time_or_null("until", decision.until)
        .text("rule", decision.rule.as_bytes())
        .plain("offence", decision.offence)
        .plain("score", score(decision.score))
        .shown("mode", decision.mode);
    evidence(&mut object, &decision.evidence);
    object.close();
}

/// The end of a decision.
pub fn expiry(out: &mut String, expiry: &Expiry) {
    let mut object = head(out, "expiry", expiry.at);
    object.shown("measure", expiry.measure);
    subject(&mut object, &expiry.subject);
    object
        .text("rule", expiry.rule.as_bytes())
        .text("cause", expiry.cause.as_bytes())
        .shown("mode", expiry.mode);
    object.close();
}

/// State that gave way.
pub fn evicted(out: &mut String, evicted: &Evicted) {
    let mut object = head(out, "evicted", evicted.at);
    object.text("table", evicted.table.as_bytes()).plain("entries", evicted.entries);
    object.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Kind, Outcome, Server};

    #[test]
    fn hostile_bytes_stay_inside_the_string() {
        let mut out = String::new();
        string(&mut out, b"a\"b\\c\x1b[31m\xff\n\x7f");
        assert_eq!(out, "\"a\\\"b\\\\c\\u001b[31m\u{fffd}\\n\\u007f\"");
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
    }

    #[test]
    fn every_form_is_valid_json() {
        let mut out = String::new();
        let mut object = Object::open(&mut out);
        let seen = Event::new(
            Timestamp(0),
            Server::Postfix,
            Text(b"smtpd"),
            Kind::Auth,
            Outcome::Rejected,
        );
        event(&mut object, &seen);
        object.close();
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["client"], serde_json::Value::Null);
        assert_eq!(value["at"], "1970-01-01T00:00:00.000000Z");
    }
}
