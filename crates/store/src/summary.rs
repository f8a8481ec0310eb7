//! What many records are about, in few bytes: so that a question steps over those that cannot
//! hold an answer, without reading them.
//!
//! A summary knows the clients, accounts, senders and hosts of its records (networks around the
//! clients as well), and the words of the events. It may say "perhaps" without cause, one time
//! in a hundred; it never says "no" where there is something.
//!
//! As bytes: version (1 byte: 1), CRC-32 of the rest (4, little-endian), number of marks (2),
//! marks of 2 bytes (kind and value: a word, or a prefix length), then a split block Bloom filter
//! as in Apache Parquet (its `BloomFilter.md`) over the names and networks. What does not match
//! its checksum says "perhaps" to everything.

use crate::codec::Record;
use crate::codec::bytes::{sealed, unsealed};
use crate::filter::{Filter, subject_of};
use ::event::{Event, Network, Subject, Text, Vocabulary, canonical};
use ::parquet::bloom_filter::Sbbf;
use std::collections::BTreeSet;
use std::net::IpAddr;

const FORMAT: u8 = 1;
/// One block of the filter.
const BLOCK: usize = 32;
/// "Perhaps" without cause: this share of the answers.
const WRONG: f64 = 0.01;
/// Names and networks of one record, at most.
const KEYS_A_RECORD: usize = 7;
/// Beyond this many keys the filter only becomes less sharp.
const KEYS_MAX: usize = 1 << 20;

/// Around a client these networks are known too; a question about another prefix length asks for
/// the next wider one.
const WIDTHS_V4: [u8; 2] = [24, 16];
const WIDTHS_V6: [u8; 3] = [64, 48, 32];

// Kinds of marks and of keys: the format, append only.
const V4: u8 = 4;
const V6: u8 = 6;
const ACCOUNT: u8 = 16;
const SENDER: u8 = 17;
const HOST: u8 = 18;
const SERVER: u8 = 32;
const PROTOCOL: u8 = 33;
const KIND: u8 = 34;
const OUTCOME: u8 = 35;
const REASON: u8 = 36;

/// A summary in the making.
pub(crate) struct Summing {
    names: Sbbf,
    marks: BTreeSet<(u8, u8)>,
    /// The latest client: often many records in a row are of the same.
    client: Option<IpAddr>,
    key: Vec<u8>,
}

impl Summing {
    /// For about so many records.
    pub(crate) fn of(records: usize) -> Self {
        let keys = records.saturating_mul(KEYS_A_RECORD).clamp(1, KEYS_MAX);
        // Ten bits a key hold the share of wrong answers; it is made smaller at the end.
        let names = Sbbf::new_with_num_of_bytes(keys.saturating_mul(10) / 8);
        Summing { names, marks: BTreeSet::new(), client: None, key: Vec::new() }
    }

    pub(crate) fn add(&mut self, record: &Record<'_>) {
        match record {
            Record::Event { event, .. } => self.event(event),
            _ => {
                if let Some(subject) = subject_of(record) {
                    self.subject(subject);
                }
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        for mark in [
            (SERVER, event.server.code()),
            (PROTOCOL, event.protocol.code()),
            (KIND, event.kind.code()),
            (OUTCOME, event.outcome.code()),
        ] {
            self.marks.insert(mark);
        }
        if let Some(reason) = event.reason {
            self.marks.insert((REASON, reason.code()));
        }
        if let Some(client) = event.client
            && self.client.replace(client) != Some(client)
        {
            self.network(Network::host(client));
        }
        let names = [(ACCOUNT, event.account), (SENDER, event.sender), (HOST, event.host)];
        for (kind, name) in names {
            if let Some(Text(name)) = name {
                self.name(kind, name);
            }
        }
    }

    fn subject(&mut self, subject: &Subject) {
        match subject {
            Subject::Client(address) => self.network(Network::host(*address)),
            Subject::Network(network) => self.network(*network),
            Subject::Account(name) => self.name(ACCOUNT, name),
            Subject::Sender(name) => self.name(SENDER, name),
            Subject::Host(name) => self.name(HOST, name),
        }
    }

    /// The network and those around it. Other than single addresses, it also matters to questions
    /// about what lies inside: its length is marked, so that these know what to ask for.
    fn network(&mut self, network: Network) {
        if !network.is_host() {
            self.marks.insert((family(&network), network.prefix()));
        }
        self.insert_network(&network);
        for width in widths(&network) {
            if *width < network.prefix() {
                self.insert_network(&Network::of(network.address(), *width));
            }
        }
    }

    fn insert_network(&mut self, network: &Network) {
        put_network(&mut self.key, network);
        self.names.insert(self.key.as_slice());
    }

    fn name(&mut self, kind: u8, name: &[u8]) {
        put_name(&mut self.key, kind, name);
        self.names.insert(self.key.as_slice());
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.names.fold_to_target_fpp(WRONG);
        sealed(FORMAT, |out| {
            out.extend_from_slice(&(self.marks.len() as u16).to_le_bytes());
            for (kind, value) in &self.marks {
                out.extend_from_slice(&[*kind, *value]);
            }
            // Writing into memory does not fail; if it did, the filter would be too short to be
            // used.
            let _ = self.names.write_bitset(out);
        })
    }
}

const fn family(network: &Network) -> u8 {
    match network.address() {
        IpAddr::V4(_) => V4,
        IpAddr::V6(_) => V6,
    }
}

const fn widths(network: &Network) -> &'static [u8] {
    match network.address() {
        IpAddr::V4(_) => &WIDTHS_V4,
        IpAddr::V6(_) => &WIDTHS_V6,
    }
}

fn put_network(key: &mut Vec<u8>, network: &Network) {
    key.clear();
    key.extend_from_slice(&[family(network), network.prefix()]);
    match network.address() {
        IpAddr::V4(v4) => key.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => key.extend_from_slice(&v6.octets()),
    }
}

/// Names are compared without regard to ASCII case.
fn put_name(key: &mut Vec<u8>, kind: u8, name: &[u8]) {
    key.clear();
    key.push(kind);
    key.extend(name.iter().map(u8::to_ascii_lowercase));
}

/// The conditions of a question that a summary can answer. All must hold.
pub(crate) struct Asked {
    networks: Vec<Network>,
    names: Vec<Vec<u8>>,
    marks: Vec<(u8, u8)>,
}

impl Asked {
    /// `None` where the question has no such condition.
    pub(crate) fn by(filter: &Filter) -> Option<Asked> {
        let mut asked = Asked { networks: Vec::new(), names: Vec::new(), marks: Vec::new() };
        asked.networks.extend(filter.client);
        if let Some(account) = &filter.account {
            asked.name(ACCOUNT, account);
        }
        match &filter.subject {
            Some(Subject::Account(name)) => asked.name(ACCOUNT, name),
            Some(Subject::Sender(name)) => asked.name(SENDER, name),
            Some(Subject::Host(name)) => asked.name(HOST, name),
            Some(Subject::Client(address)) => {
                asked.networks.push(Network::host(canonical(*address)));
            }
            Some(Subject::Network(network)) => asked.networks.push(*network),
            None => {}
        }
        let words = [
            filter.server.map(|word| (SERVER, word.code())),
            filter.protocol.map(|word| (PROTOCOL, word.code())),
            filter.kind.map(|word| (KIND, word.code())),
            filter.outcome.map(|word| (OUTCOME, word.code())),
            filter.reason.map(|word| (REASON, word.code())),
        ];
        asked.marks.extend(words.into_iter().flatten());
        let is_empty =
            asked.networks.is_empty() && asked.names.is_empty() && asked.marks.is_empty();
        (!is_empty).then_some(asked)
    }

    fn name(&mut self, kind: u8, name: &[u8]) {
        let mut key = Vec::new();
        put_name(&mut key, kind, name);
        self.names.push(key);
    }

    /// False where none of the summed records is asked for.
    pub(crate) fn may_be_in(&self, summary: &[u8]) -> bool {
        let Some(known) = Known::read(summary) else { return true };
        self.marks.iter().all(|mark| known.marked(*mark))
            && self.names.iter().all(|name| known.names.check(name.as_slice()))
            && self.networks.iter().all(|network| known.touches(network))
    }
}

/// A summary that was read.
struct Known<'a> {
    marks: &'a [[u8; 2]],
    names: Sbbf,
}

impl Known<'_> {
    fn read(summary: &[u8]) -> Option<Known<'_>> {
        let (count, rest) = unsealed(FORMAT, summary)?.split_first_chunk()?;
        let marks = usize::from(u16::from_le_bytes(*count)) * 2;
        let (marks, names) = rest.split_at_checked(marks)?;
        let whole = names.len() >= BLOCK && names.len().is_multiple_of(BLOCK);
        whole.then(|| Known { marks: marks.as_chunks::<2>().0, names: Sbbf::new(names) })
    }

    fn marked(&self, (kind, value): (u8, u8)) -> bool {
        self.marks.contains(&[kind, value])
    }

    /// True where a client or network of the records may share an address with this one.
    fn touches(&self, network: &Network) -> bool {
        let mut key = Vec::new();
        let mut known = |network: &Network| {
            put_network(&mut key, network);
            self.names.check(key.as_slice())
        };
        // What lies inside is known by the widest of the networks that are kept around it.
        let inside = if network.is_host() {
            known(network)
        } else {
            let width = widths(network).iter().find(|width| **width <= network.prefix());
            width.is_none_or(|width| known(&Network::of(network.address(), *width)))
        };
        let of_family = self.marks.iter().filter(|[kind, _]| *kind == family(network));
        inside
            || of_family.into_iter().any(|[_, prefix]| {
                *prefix < network.prefix() && known(&Network::of(network.address(), *prefix))
            })
    }
}

#[cfg(test)]
mod tests;
