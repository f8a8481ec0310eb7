//! What events are counted by: few words, so that their combinations are few.

use crate::codec::bytes::{Bytes, put_bytes};
use ::event::{Event, Kind, Outcome, Protocol, Reason, Server, Vocabulary};
use std::collections::BTreeMap;

/// Combinations that have counts of their own. Events with another one are counted without host
/// and service.
const SERIES_MAX: usize = 4096;
/// Where the outcome stands in a key.
const OUTCOME_AT: usize = 3;
/// Bytes of a host or service that count.
const NAME_MAX: usize = 64;

/// Events with the same words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Series {
    /// The host that wrote the lines; empty where they do not say.
    pub host: Vec<u8>,
    /// The server.
    pub server: Server,
    /// Its part.
    pub service: Vec<u8>,
    /// What the client spoke.
    pub protocol: Protocol,
    /// What happened.
    pub kind: Kind,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
}

impl Series {
    /// As it is stored; the inverse of [`put_key`].
    pub(crate) fn decode(key: &[u8]) -> Option<Series> {
        let mut input = Bytes(key);
        let mut code = || input.byte().ok();
        let (server, protocol) = (Server::from_code(code()?)?, Protocol::from_code(code()?)?);
        let (kind, outcome) = (Kind::from_code(code()?)?, Outcome::from_code(code()?)?);
        let reason = code()?;
        let reason = match reason.checked_sub(1) {
            None => None,
            Some(code) => Some(Reason::from_code(code)?),
        };
        let host = input.bytes().ok()?.to_vec();
        let service = input.bytes().ok()?.to_vec();
        Some(Series { host, server, service, protocol, kind, outcome, reason })
    }
}

/// The words of an event, as they are stored.
fn put_key(out: &mut Vec<u8>, event: &Event<'_>, is_named: bool) {
    let reason = event.reason.map_or(0, |reason| reason.code() + 1);
    out.extend_from_slice(&[
        event.server.code(),
        event.protocol.code(),
        event.kind.code(),
        event.outcome.code(),
        reason,
    ]);
    let cut = |name: &[u8]| name.get(..NAME_MAX).unwrap_or(name).to_vec();
    let names = is_named.then(|| (event.host.map(|host| cut(host.0)), cut(event.service.0)));
    let (host, service) = names.unwrap_or_default();
    put_bytes(out, &host.unwrap_or_default());
    put_bytes(out, &service);
}

/// All series seen, by number.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    numbers: BTreeMap<Vec<u8>, u16>,
    /// Not on record yet.
    new: Vec<(u16, Vec<u8>)>,
    /// By number: whether events of the series went through.
    allowed: Vec<bool>,
    latest: Option<(Vec<u8>, u16)>,
    scratch: Vec<u8>,
}

impl Catalogue {
    /// Of what is on record.
    pub(crate) fn of(stored: impl Iterator<Item = (u16, Vec<u8>)>) -> Self {
        let mut catalogue = Catalogue::default();
        for (number, key) in stored {
            catalogue.note_outcome(number, &key);
            catalogue.numbers.insert(key, number);
        }
        catalogue
    }

    /// The number of the event's series.
    pub(crate) fn number(&mut self, event: &Event<'_>) -> u16 {
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        put_key(&mut key, event, true);
        // Most lines are followed by one of the same series.
        if let Some((_, number)) = self.latest.as_ref().filter(|(latest, _)| *latest == key) {
            let number = *number;
            self.scratch = key;
            return number;
        }
        let number = self.find(&key, event);
        let before = self.latest.replace((key, number));
        self.scratch = before.map(|(key, _)| key).unwrap_or_default();
        number
    }

    fn find(&mut self, key: &[u8], event: &Event<'_>) -> u16 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let mut key = key.to_vec();
        if self.numbers.len() >= SERIES_MAX {
            key.clear();
            put_key(&mut key, event, false);
            if let Some(number) = self.numbers.get(&key) {
                return *number;
            }
        }
        let number = u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        self.note_outcome(number, &key);
        self.numbers.insert(key.clone(), number);
        self.new.push((number, key));
        number
    }

    /// True where its events went through.
    pub(crate) fn is_allowed(&self, number: u16) -> bool {
        self.allowed.get(usize::from(number)).copied().unwrap_or(false)
    }

    fn note_outcome(&mut self, number: u16, key: &[u8]) {
        let place = usize::from(number);
        if place >= self.allowed.len() {
            self.allowed.resize(place + 1, false);
        }
        if let Some(allowed) = self.allowed.get_mut(place) {
            *allowed = key.get(OUTCOME_AT) == Some(&Outcome::Allowed.code());
        }
    }

    /// Those that are not on record yet.
    pub(crate) fn new_ones(&self) -> &[(u16, Vec<u8>)] {
        &self.new
    }

    /// They are on record now.
    pub(crate) fn recorded(&mut self) {
        self.new.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::event::{Text, Timestamp};

    fn event<'a>(service: &'a str, host: &'a str) -> Event<'a> {
        let mut event = Event::new(
            Timestamp(0),
            Server::Dovecot,
            Text::from(service),
            Kind::Auth,
            Outcome::Rejected,
        );
        event.host = Some(Text::from(host));
        event.reason = Some(Reason::AuthFailed);
        event
    }

    #[test]
    fn what_is_stored_is_what_was_seen() {
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.number(&event("imap-login", "mx1")), 0);
        assert_eq!(catalogue.number(&event("pop3-login", "mx1")), 1);
        assert_eq!(catalogue.number(&event("imap-login", "mx1")), 0);
        let [_, (1, key)] = catalogue.new_ones() else { panic!("two are new") };
        let series = Series::decode(key).unwrap();
        assert_eq!(
            (series.service.as_slice(), series.host.as_slice()),
            (&b"pop3-login"[..], &b"mx1"[..])
        );
        assert_eq!((series.server, series.kind), (Server::Dovecot, Kind::Auth));
        assert_eq!((series.outcome, series.reason), (Outcome::Rejected, Some(Reason::AuthFailed)));
        assert_eq!(Series::decode(&key[..4]), None);
        let again = Catalogue::of(catalogue.new_ones().to_vec().into_iter());
        assert_eq!(again.numbers.len(), 2);
    }

    #[test]
    fn hosts_that_a_stranger_makes_up_do_not_grow_it_for_ever() {
        let mut catalogue = Catalogue::default();
        for host in 0..2 * SERIES_MAX {
            catalogue.number(&event("smtpd", &host.to_string()));
        }
        assert_eq!(catalogue.numbers.len(), SERIES_MAX + 1);
        let shared = catalogue.number(&event("smtpd", "another"));
        let (_, key) = &catalogue.new_ones()[usize::from(shared)];
        assert_eq!(Series::decode(key).unwrap().host, b"");
    }
}
