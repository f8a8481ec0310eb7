use super::*;
use ::event::{
    CommandCounts, Evidence, IncidentStep, Kind, Measure, Mode, Network, Order, Origin, Outcome,
    Protocol, Reason, Server, Subject, Text, Vocabulary,
};
use proptest::prelude::*;
use std::net::IpAddr;

/// The fields of an event as owned values; texts are either pieces of the line or foreign.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) line: Vec<u8>,
    at: i64,
    words: (u8, u8, u8, u8, u8),
    hostile: bool,
    known: Option<bool>,
    client: Option<IpAddr>,
    attempts: u32,
    pid: Option<u32>,
    commands: Option<[u32; 9]>,
    texts: Vec<Option<Piece>>,
    recipients: u32,
    forwarded: Option<IpAddr>,
    times: u32,
    origin: (u32, [u8; 2]),
}

#[derive(Clone, Debug)]
enum Piece {
    OfLine(prop::sample::Index, prop::sample::Index),
    Foreign(Vec<u8>),
}

fn word<V: Vocabulary>(pick: u8) -> V {
    V::ALL[usize::from(pick) % V::ALL.len()]
}

impl Parts {
    pub(crate) fn event(&self) -> Event<'_> {
        let mut texts = self.texts.iter().map(|piece| {
            piece.as_ref().map(|piece| {
                Text(match piece {
                    Piece::OfLine(from, to) => {
                        let (a, b) =
                            (from.index(self.line.len() + 1), to.index(self.line.len() + 1));
                        &self.line[a.min(b)..a.max(b)]
                    }
                    Piece::Foreign(bytes) => bytes,
                })
            })
        });
        let mut text = || texts.next().flatten();
        let (server, protocol, kind, outcome, reason) = self.words;
        let mut event = Event::new(
            Timestamp(self.at),
            word::<Server>(server),
            text().unwrap_or_default(),
            word::<Kind>(kind),
            word::<Outcome>(outcome),
        );
        event.protocol = word::<Protocol>(protocol);
        event.reason = (reason > 40).then(|| word::<Reason>(reason));
        event.hostile = self.hostile;
        event.known = self.known;
        event.client = self.client;
        event.attempts = self.attempts;
        event.pid = self.pid;
        event.commands = self.commands.map(|[a, b, c, d, e, f, g, h, i]| CommandCounts {
            auth_ok: a,
            auth_all: b,
            mail_ok: c,
            mail_all: d,
            rcpt_ok: e,
            rcpt_all: f,
            unknown: g,
            ok: h,
            all: i,
        });
        event.account = text();
        event.host = text();
        event.session = text();
        event.queue_id = text();
        event.mechanism = text();
        event.sender = text();
        event.recipient = text();
        event.helo = text();
        event.secret_tag = text();
        event.detail = text();
        event.mail_subject = text();
        event.spam_score = text();
        event.query_name = text();
        event.query_type = text();
        event.recipients = self.recipients;
        event.forwarded = self.forwarded;
        event.times = self.times;
        let (operator, country) = self.origin;
        event.origin = Origin { operator, country };
        event
    }
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Piece::OfLine(a, b)),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Piece::Foreign),
    ]
}

pub(crate) fn parts() -> impl Strategy<Value = Parts> {
    (
        proptest::collection::vec(any::<u8>(), 0..300),
        any::<i64>(),
        any::<(u8, u8, u8, u8, u8)>(),
        any::<(bool, Option<bool>, Option<IpAddr>, u32)>(),
        any::<Option<u32>>(),
        any::<Option<[u32; 9]>>(),
        proptest::collection::vec(proptest::option::of(piece()), 15),
        (
            any::<(u32, Option<IpAddr>)>(),
            prop_oneof![Just(1), any::<u32>()],
            prop_oneof![Just((0, [0; 2])), any::<(u32, [u8; 2])>()],
        ),
    )
        .prop_map(
            |(
                line,
                at,
                words,
                (hostile, known, client, attempts),
                pid,
                commands,
                texts,
                ((recipients, forwarded), times, origin),
            )| Parts {
                line,
                at,
                words,
                hostile,
                known,
                client,
                attempts,
                pid,
                commands,
                texts,
                recipients,
                forwarded,
                times,
                origin,
            },
        )
}

fn subject() -> impl Strategy<Value = Subject> {
    let name = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Vec::into_boxed_slice);
    prop_oneof![
        any::<IpAddr>().prop_map(Subject::Client),
        any::<(IpAddr, u8)>().prop_map(|(a, p)| Subject::Network(Network::of(a, p))),
        name().prop_map(Subject::Account),
        name().prop_map(Subject::Sender),
        name().prop_map(Subject::Host),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    let network = || any::<(IpAddr, u8)>().prop_map(|(a, p)| Network::of(a, p));
    prop_oneof![
        (subject(), any::<Option<u32>>())
            .prop_map(|(subject, duration_s)| Order::Ban { subject, duration_s }),
        subject().prop_map(|subject| Order::Unban { subject }),
        (network(), any::<Option<i64>>())
            .prop_map(|(network, until)| Order::Allow { network, until: until.map(Timestamp) }),
        network().prop_map(|network| Order::Disallow { network }),
        proptest::collection::vec(network(), 0..20)
            .prop_map(|networks| Order::Protect { networks: networks.into() }),
        subject().prop_map(|subject| Order::OpenIncident { subject }),
        (any::<u64>(), 0..IncidentStep::ALL.len())
            .prop_map(|(number, step)| Order::Incident { number, step: IncidentStep::ALL[step] }),
    ]
}

fn other() -> impl Strategy<Value = Record<'static>> {
    let evidence = || proptest::collection::vec(any::<u64>(), 0..12).prop_map(Evidence::from_iter);
    let name = || "[a-z-]{0,12}".prop_map(::event::Name::from);
    let at = || any::<i64>().prop_map(Timestamp);
    let measure = || (0..Measure::ALL.len()).prop_map(|at| Measure::ALL[at]);
    let mode = prop_oneof![Just(Mode::Off), Just(Mode::Observe), Just(Mode::Enforce)];
    let decision = (
        (at(), measure(), subject(), proptest::option::of(at())),
        (name(), any::<u32>(), -1e9_f32..1e9, mode, evidence()),
    )
        .prop_map(|((at, measure, subject, until), (rule, offence, score, mode, evidence))| {
            Decision { at, measure, subject, until, rule, offence, score, mode, evidence }
        });
    prop_oneof![
        at().prop_map(|at| Record::Tick { at }),
        (at(), any::<i64>()).prop_map(|(at, by_micros)| Record::ClockSet { at, by_micros }),
        (any::<u64>(), decision).prop_map(|(seq, decision)| Record::Decision { seq, decision }),
        (any::<u64>(), at(), name(), subject(), -1e9_f32..1e9, evidence()).prop_map(
            |(seq, at, detector, subject, score, evidence)| Record::Finding {
                seq,
                finding: Finding { at, detector, subject, score, evidence },
            }
        ),
        (any::<u64>(), at(), subject(), measure(), any::<bool>(), name(), name()).prop_map(
            |(seq, at, subject, measure, recorded, rule, cause)| {
                let mode = if recorded { Mode::Observe } else { Mode::Enforce };
                Record::Expiry { seq, expiry: Expiry { at, subject, measure, mode, rule, cause } }
            }
        ),
        (any::<u64>(), at(), name(), any::<u64>()).prop_map(|(seq, at, table, entries)| {
            Record::Evicted { seq, evicted: Evicted { at, table, entries } }
        }),
        (any::<u64>(), at(), ".{0,9}", ".{0,9}", order()).prop_map(|(seq, at, who, why, order)| {
            Record::Command {
                seq,
                command: Command { at, operator: who.into(), reason: why.into(), order },
            }
        }),
    ]
}

proptest! {
    #[test]
    fn events_round_trip(seq: u64, source: u32, parts in parts()) {
        let record = Record::Event { seq, source: SourceId(source), event: parts.event(), line: &parts.line };
        let mut bytes = Vec::new();
        encode(&mut bytes, &record);
        prop_assert_eq!(decode(&bytes[4..]).unwrap(), record);
    }

    #[test]
    fn the_rest_round_trips_in_order(all in proptest::collection::vec(other(), 0..20)) {
        let mut bytes = Vec::new();
        all.iter().for_each(|record| encode(&mut bytes, record));
        let back: Result<Vec<_>, _> = records(&bytes).collect();
        prop_assert_eq!(back.unwrap(), all);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        prop_assert!(records(&bytes).count() <= bytes.len());
    }

    #[test]
    fn a_damaged_record_never_panics(parts in parts(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        encode(&mut bytes, &Record::Event { seq: 7, source: SourceId(1), event: parts.event(), line: &parts.line });
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        records(&bytes).for_each(drop);
    }
}

#[test]
fn texts_of_the_line_cost_no_copy() {
    let line = b"Nov 21 10:00:00 mx imapd: failed user=bob@example.org ip=192.0.2.1".to_vec();
    let mut event = Event::new(
        Timestamp(1),
        Server::Dovecot,
        Text(&line[19..24]),
        Kind::Auth,
        Outcome::Rejected,
    );
    event.account = Some(Text(&line[38..53]));
    event.detail = Some(Text(&line[26..]));
    let (mut within, mut copied) = (Vec::new(), Vec::new());
    encode(&mut within, &Record::Event { seq: 1, source: SourceId(1), event, line: &line });
    let foreign = line.clone();
    encode(&mut copied, &Record::Event { seq: 1, source: SourceId(1), event, line: &foreign });
    assert!(within.len() + 50 < copied.len(), "{} {}", within.len(), copied.len());
    assert_eq!(decode(&within[4..]), decode(&copied[4..]));
}

#[test]
fn an_unknown_tag_is_stepped_over() {
    let mut bytes = Vec::new();
    encode(&mut bytes, &Record::Tick { at: Timestamp(1) });
    bytes.extend_from_slice(&[3, 0, 0, 0, 200, 1, 2]);
    encode(&mut bytes, &Record::Tick { at: Timestamp(2) });
    let all: Vec<_> = records(&bytes).collect();
    assert_eq!(all.len(), 3);
    assert_eq!(all[1], Err(CodecError::Flags));
    assert_eq!(all[2], Ok(Record::Tick { at: Timestamp(2) }));
}
