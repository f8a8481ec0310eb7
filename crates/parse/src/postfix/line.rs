//! What all lines of one record share, and how an event of it is begun.

use super::peer::Peer;
use crate::{Parsed, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The record's own words, known before its message is read.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    at: Timestamp,
    service: Text<'a>,
    protocol: Protocol,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    pub(super) fn of(record: &Record<'a>, at: Timestamp) -> Self {
        let program = record.program.bytes();
        let service = program
            .iter()
            .position(|byte| *byte == b'/')
            .map_or(program, |slash| program.get(slash + 1..).unwrap_or_default());
        let service = if service.is_empty() { program } else { service };
        Line {
            at,
            service: Text(service),
            protocol: protocol(service),
            host: record.host,
            pid: record.pid,
        }
    }

    /// The daemon: the last part of the program's name; `postfix` where syslog lost it.
    pub(super) fn daemon(&self) -> &'a [u8] {
        let service = self.service.bytes();
        service.rsplit(|byte| *byte == b'/').next().unwrap_or(service)
    }

    /// An event about a message or a delivery, which names no client.
    pub(super) fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: self.protocol,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Postfix, self.service, kind, outcome)
        }
    }

    /// An event about a client.
    pub(super) fn about(&self, peer: Peer, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event { client: peer.client, ..self.event(kind, outcome) }
    }

    /// An event that counts against a client.
    pub(super) fn against(
        &self,
        peer: Peer,
        kind: Kind,
        outcome: Outcome,
        reason: Reason,
    ) -> Event<'a> {
        Event { reason: Some(reason), hostile: true, ..self.about(peer, kind, outcome) }
    }
}

/// What a stranger sent, where there is something.
pub(super) fn detail(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text(text))
}

/// `Parsed::Event`, or `Parsed::Unknown` where the grammar did not hold.
pub(super) fn parsed(event: Option<Event<'_>>) -> Parsed<'_> {
    event.map_or(Parsed::Unknown, Parsed::Event)
}

/// The protocol by the service's name in `master.cf`, which only smtpd's and postscreen's lines
/// have as that of a client.
fn protocol(service: &[u8]) -> Protocol {
    let mut parts = service.rsplit(|byte| *byte == b'/');
    match parts.next() {
        Some(b"smtpd") => match parts.next() {
            Some(b"submission" | b"submissions" | b"smtps" | b"587" | b"465") => {
                Protocol::Submission
            }
            _ => Protocol::Smtp,
        },
        Some(b"postscreen" | b"dnsblog") => Protocol::Smtp,
        _ => Protocol::Unknown,
    }
}
