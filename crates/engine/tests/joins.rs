//! Whose a session or message is, where ids come again.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine};
use event::{Event, Kind, Outcome, Server, Text, Timestamp, Vocabulary};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// 2026-11-02T08:00:00Z.
const START_S: i64 = 1_793_606_400;

/// After how long at the least a server gives an id to another session or message, seconds. `None`
/// where it never does within a lifetime.
fn comes_again_s(server: Server) -> Option<i64> {
    match server {
        // Processes and counts begin anew with a restart, 24 bits are few, inodes and numbers of
        // notes are taken again at once, and so are Postfix's queue ids, which are inodes.
        Server::Amavis | Server::Rspamd | Server::Qmail | Server::Domino | Server::Postfix => {
            Some(0)
        }
        // The last five digits of the seconds.
        Server::Assp => Some(100_000),
        // Postfix's id and 20 random bits: not by chance within a day.
        Server::Mailscanner => Some(86_400),
        _ => None,
    }
}

#[derive(Clone, Debug)]
struct Session {
    server: usize,
    id: u8,
    client: Option<u8>,
    /// Whether its first line is of the kind that begins one.
    has_first: bool,
    is_message: bool,
    /// Seconds before each further line.
    gaps_s: Vec<u16>,
    before_s: i64,
}

fn session() -> impl Strategy<Value = Session> {
    let before_s = prop_oneof![3 => 0..100i64, 1 => 0..200_000i64];
    (
        0..Server::ALL.len(),
        0..3u8,
        prop::option::of(1..200u8),
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(0..300u16, 0..5),
        before_s,
    )
        .prop_map(|(server, id, client, has_first, is_message, gaps_s, before_s)| Session {
            server,
            id,
            client,
            has_first,
            is_message,
            gaps_s,
            before_s,
        })
}

fn line<'a>(
    session: &Session,
    server: Server,
    id: &'a str,
    at_s: i64,
    is_first: bool,
) -> Event<'a> {
    let kind = match (is_first && session.has_first, session.is_message) {
        (true, true) => Kind::Message,
        (true, false) => Kind::Connect,
        _ => Kind::Envelope,
    };
    let text = Some(Text(id.as_bytes()));
    let client = session.client.filter(|_| is_first);
    Event {
        client: client.map(|last| IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))),
        session: text.filter(|_| !session.is_message),
        queue_id: text.filter(|_| session.is_message),
        host: Some(Text(b"mx")),
        ..Event::new(Timestamp::from_seconds(at_s), server, Text(b"smtp"), kind, Outcome::Allowed)
    }
}

fn client(engine: &mut Engine, event: &Event<'_>) -> Option<IpAddr> {
    let joined = engine.join(event);
    joined.as_ref().map_or(*event, |joined| joined.fill(event)).client
}

proptest! {
    /// Ids come again as soon as their server gives them again, or at once where the new session
    /// has a first line: whatever is said of it, it is never whose the old one was.
    #[test]
    fn no_session_gets_the_client_of_an_ended_one(
        sessions in prop::collection::vec(session(), 1..60),
        only in prop::option::of(prop::sample::select(vec![
            Server::Amavis, Server::Rspamd, Server::Assp, Server::Opensmtpd, Server::Sendmail,
        ])),
    ) {
        let mut engine = Engine::new(Config::default());
        let mut at_s = START_S;
        let mut ended_s: BTreeMap<(Server, bool, u8), i64> = BTreeMap::new();
        for session in &sessions {
            let server = only.unwrap_or(Server::ALL[session.server]);
            at_s += session.before_s;
            let key = (server, session.is_message, session.id);
            if let Some(ended_s) = ended_s.get(&key).filter(|_| !session.has_first) {
                match comes_again_s(server) {
                    Some(again_s) => at_s = at_s.max(ended_s + again_s),
                    None => continue,
                }
            }
            let id = format!("id{}", session.id);
            let own = line(session, server, &id, at_s, true).client;
            for (number, gap_s) in [0].iter().chain(&session.gaps_s).enumerate() {
                at_s += i64::from(*gap_s);
                let event = line(session, server, &id, at_s, number == 0);
                let told = client(&mut engine, &event);
                prop_assert!(told.is_none() || told == own, "{server} {told:?} for {own:?}");
            }
            ended_s.insert(key, at_s);
        }
    }
}

/// The property above would hold of an engine that joins nothing.
#[test]
fn lines_that_leave_the_client_out_get_it() {
    let joins = |server: Server, is_message: bool| {
        let mut engine = Engine::new(Config::default());
        let session = Session {
            server: 0,
            id: 0,
            client: Some(66),
            has_first: true,
            is_message,
            gaps_s: vec![],
            before_s: 0,
        };
        client(&mut engine, &line(&session, server, "id", START_S, true)).unwrap();
        client(&mut engine, &line(&session, server, "id", START_S + 900, false)).is_some()
    };
    let sessions = [Server::Opensmtpd, Server::Exchange, Server::Cyrus, Server::Assp];
    assert!(sessions.iter().all(|server| joins(*server, false)));
    let messages = [Server::Opensmtpd, Server::Sendmail, Server::Kerio, Server::Barracuda];
    assert!(messages.iter().all(|server| joins(*server, true)));
    for server in Server::ALL {
        let is_reused = comes_again_s(*server) == Some(0);
        assert!(!is_reused || !joins(*server, true) && !joins(*server, false), "{server}");
    }
}
