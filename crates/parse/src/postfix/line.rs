//! What all lines of one record share, and how an event of it is begun.

use super::peer::Peer;
use crate::{Record, scan};
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
    #[inline]
    pub(super) fn of(record: &Record<'a>, at: Timestamp) -> Self {
        let program = record.program.bytes();
        let service = match program.strip_prefix(b"postfix/") {
            Some(service) => service,
            None => scan::find_near(program, [b'/'])
                .map_or(program, |slash| program.get(slash + 1..).unwrap_or_default()),
        };
        let service = if service.is_empty() { program } else { service };
        Line {
            at,
            service: Text(service),
            protocol: protocol(program, service),
            host: record.host,
            pid: record.pid,
        }
    }

    /// The daemon: the last part of the program's name; `postfix` where syslog lost it.
    pub(super) fn daemon(&self) -> &'a [u8] {
        let service = self.service.bytes();
        let start = memchr::memrchr(b'/', service).map_or(0, |slash| slash + 1);
        service.get(start..).unwrap_or(service)
    }

    /// An event about a message or a delivery, which names no client.
    #[inline]
    pub(super) fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: self.protocol,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Postfix, self.service, kind, outcome)
        }
    }

    /// An event about a client.
    #[inline]
    pub(super) fn about(&self, peer: Peer, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event { client: peer.client, ..self.event(kind, outcome) }
    }

    /// An event that counts against a client.
    #[inline]
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

/// The protocol by the service's name in `master.cf`, which only smtpd's and postscreen's lines
/// have as that of a client.
fn protocol(program: &[u8], service: &[u8]) -> Protocol {
    match service {
        // `syslog_name = postfix-submission`, as an instance's name.
        b"smtpd"
            if program.starts_with(b"postfix-submission")
                || program.starts_with(b"postfix-smtps") =>
        {
            Protocol::Submission
        }
        b"smtpd" | b"postscreen" | b"dnsblog" => Protocol::Smtp,
        b"submission/smtpd" | b"submissions/smtpd" | b"smtps/smtpd" | b"587/smtpd"
        | b"465/smtpd" => Protocol::Submission,
        _ if service.ends_with(b"/smtpd") || service.ends_with(b"/postscreen") => Protocol::Smtp,
        _ => Protocol::Unknown,
    }
}
