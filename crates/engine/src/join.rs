//! Fills in who, where a line names only a session or a message.
//!
//! OpenSMTPD names the peer in the first line of a session, Sendmail in that of a message. The
//! later lines, the failed logins among them, carry nothing but an id. What the first line said of
//! an id is kept in a bounded table and given to the later ones. The same id of another host is
//! another session. Nothing is guessed: without the first line there is nobody, and an account is
//! given only to what followed its login. An id is believed for as long as it is nobody else's
//! ([`id_life_s`]): servers whose ids soon come again are left out.
//!
//! Whoever takes events in asks [`Engine::join`] of each before [`Engine::step`], also of those
//! that come back from the journal: so the table is that of an engine that never stopped.

use crate::checkpoint::record;
use crate::client::{address_of, words_of};
use crate::engine::Engine;
use crate::hash::{self, lower, mix};
use crate::state::{JoinRow, State};
use crate::table::Row;
use alloc::boxed::Box;
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Server, Text, canonical};

/// An id that never comes again and was not met for so long is done with, seconds: the longest a
/// queue keeps a message (Postfix, Sendmail and OpenSMTPD give up after four or five days).
const QUEUE_S: u32 = 5 * 86_400;
/// The same, of what lasts no longer than a connection.
const CONNECTION_S: u32 = 3_600;
/// A longer account name is not kept: half a name would be another's.
const NAME_MAX: usize = 64;

const SESSION: u64 = 1;
const MESSAGE: u64 = 2;

record! {
    /// An account's name, if it is short enough.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct ShortName {
        words: [u64; NAME_MAX / 8],
        length: u8,
    }
}

impl ShortName {
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut short = ShortName::default();
        let Ok(length @ 1..) = u8::try_from(name.len()) else { return short };
        if usize::from(length) > NAME_MAX {
            return short;
        }
        for (slot, word) in short.words.iter_mut().zip(hash::words(name)) {
            *slot = word;
        }
        ShortName { length, ..short }
    }

    /// The name, lower case; none where it was too long.
    pub(crate) fn lower(&self) -> Option<Box<[u8]>> {
        let name = self.bytes().get(..usize::from(self.length))?.to_ascii_lowercase();
        (!name.is_empty()).then(|| name.into())
    }

    fn bytes(&self) -> [u8; NAME_MAX] {
        let mut bytes = [0; NAME_MAX];
        for (chunk, word) in bytes.chunks_mut(8).zip(self.words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// Whom the addresses of an event make its client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    /// The client that it names, if any.
    Own,
    /// Whom a trusted proxy or server says it forwards.
    Of(IpAddr),
    /// Nobody: a stranger could have written the line.
    Nobodys,
}

/// What earlier lines, or a proxy that is trusted, said of an event that does not say it itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Joined {
    word: Word,
    client: Option<IpAddr>,
    account: [u8; NAME_MAX],
    account_length: usize,
}

impl Joined {
    const NOTHING: Joined =
        Joined { word: Word::Own, client: None, account: [0; NAME_MAX], account_length: 0 };

    /// The event, with what it did not say itself.
    pub fn fill<'a>(&'a self, event: &Event<'a>) -> Event<'a> {
        let account = self.account.get(..self.account_length).filter(|name| !name.is_empty());
        let account = event.account.or(account.map(Text));
        let (client, forwarded) = match self.word {
            Word::Own => (event.client.or(self.client), event.forwarded),
            Word::Of(client) => (Some(client), event.forwarded),
            Word::Nobodys => (None, event.forwarded.or(event.client)),
        };
        Event { client, forwarded, account, ..*event }
    }
}

impl Engine {
    /// What earlier lines said of the session or message of this event and it does not say itself;
    /// keeps what this one says for later ones. Whom a trusted proxy forwards is the client, and
    /// where a stranger could have written the whole line nobody is.
    #[inline]
    pub fn join(&mut self, event: &Event<'_>) -> Option<Joined> {
        let word = match (event.forwarded, event.client) {
            (None, None) => Word::Own,
            (None, Some(_)) if !event.is_forgeable() => Word::Own,
            _ => self.word(event),
        };
        match word {
            Word::Own => self.joined(event),
            Word::Of(client) => {
                let event = Event { client: Some(client), ..*event };
                let joined = self.joined(&event).unwrap_or(Joined::NOTHING);
                Some(Joined { word, ..joined })
            }
            Word::Nobodys => {
                let event = Event { client: None, session: None, queue_id: None, ..*event };
                let joined = self.joined(&event).unwrap_or(Joined::NOTHING);
                Some(Joined { word, ..joined })
            }
        }
    }

    /// True where `forwarded.servers` lists a server: nobody else writes lines of it.
    pub fn is_believed(&self, server: Server) -> bool {
        self.config.forwarded_servers.contains(&server)
    }

    /// Whose word the addresses of an event are.
    #[cold]
    fn word(&self, event: &Event<'_>) -> Word {
        let is_listed = self.is_believed(event.server);
        if event.is_forgeable() && !is_listed {
            return Word::Nobodys;
        }
        let is_believed = match event.client {
            None => is_listed,
            Some(_) if !event.server.tells_forwarded() => false,
            Some(peer) => {
                let peer = canonical(peer);
                self.config.forwarded_proxies.iter().any(|network| network.contains(peer))
            }
        };
        event.forwarded.filter(|_| is_believed).map_or(Word::Own, Word::Of)
    }

    #[inline]
    fn joined(&mut self, event: &Event<'_>) -> Option<Joined> {
        if event.session.is_none() && event.queue_id.is_none() {
            return None;
        }
        let joined = join(&mut self.state, self.config.seed, event, id_life_s(event.server)?);
        (joined.client.is_some() || joined.account_length > 0).then_some(joined)
    }
}

/// For how long after its last line an id still means the same session or message, seconds. `None`
/// where lines are not joined: their ids come again, or every line that matters names the peer.
const fn id_life_s(server: Server) -> Option<u32> {
    match server {
        // Ids are random, or begin with the time.
        Server::Opensmtpd
        | Server::Sendmail
        | Server::Cyrus
        | Server::Courier
        | Server::Stalwart
        | Server::Exchange
        | Server::Barracuda
        | Server::Kerio
        | Server::Roundcube
        | Server::Openwebmail => Some(QUEUE_S),
        // The last five digits of the seconds, which come again after 28 hours.
        Server::Assp => Some(CONNECTION_S),
        // Postfix's id, which comes again with the inode, and 20 random bits.
        Server::Mailscanner => Some(CONNECTION_S),
        // Amavis counts by process, rspamd takes 24 random bits, qmail counts from its start and
        // has inodes, Domino takes the numbers of notes. None of them leaves out what matters.
        Server::Amavis | Server::Rspamd | Server::Qmail | Server::Domino => None,
        // Each of their lines names the peer wherever it matters.
        Server::Postfix | Server::Dovecot | Server::Exim | Server::Mailward => None,
        // No ids.
        Server::Spamassassin
        | Server::Zimbra
        | Server::Sogo
        | Server::Horde
        | Server::Squirrelmail
        | Server::Mailcow
        | Server::Mailu
        | Server::Perdition
        | Server::Solidpop3d
        | Server::Uwimap
        | Server::Saslauthd
        | Server::Pam
        | Server::Bind
        | Server::Unbound
        | Server::Dnsmasq
        | Server::Nsd
        | Server::Pdns
        | Server::Coredns
        | Server::Dnstap
        | Server::Nginx => None,
    }
}

fn join(state: &mut State, seed: u64, event: &Event<'_>, life_s: u32) -> Joined {
    let host = lower(seed, event.host.unwrap_or_default().bytes());
    let place = mix(host, event.server as u64);
    let key =
        |id: Option<Text<'_>>, form: u64| id.map(|Text(id)| mix(mix(place, form), lower(seed, id)));
    let (session, message) = (key(event.session, SESSION), key(event.queue_id, MESSAGE));
    let now_s = event.at.seconds_u32();
    // The first line of a session or a message: ids come again, and what begins on this host has no
    // client.
    let begins = |kind| event.kind == kind && event.outcome == Outcome::Allowed;
    let first = [
        session.filter(|_| begins(Kind::Connect) && event.client.is_none()),
        message.filter(|_| begins(Kind::Message)),
    ];
    let mut joined = Joined::NOTHING;
    let mut behind = ShortName::default();
    for (key, first) in [session, message].into_iter().zip(first) {
        if let Some(first) = first {
            state.joins.remove(first);
        }
        if let Some(key) = key {
            recall(state, key, now_s, life_s, event, &mut joined, &mut behind);
        }
    }
    if event.account.is_none() {
        (joined.account, joined.account_length) = (behind.bytes(), behind.length.into());
    }
    let client = event.client.map(canonical).or(joined.client);
    let account = logged_in(event).map_or(behind, ShortName::of);
    if client.is_some() || account.length > 0 {
        for key in [session, message].into_iter().flatten() {
            keep(state, key, now_s, client, account);
        }
    }
    joined
}

/// The account, of a login that succeeded.
fn logged_in<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    let is_login = event.kind == Kind::Auth && event.outcome == Outcome::Allowed;
    event.account.filter(|_| is_login).map(Text::bytes)
}

/// Adds what is known of an id and what the event leaves out. `behind` is the account whose login
/// the event follows: also where the event names it itself, as one that comes back from the journal
/// does, where it was filled in.
fn recall(
    state: &mut State,
    key: u64,
    now_s: u32,
    life_s: u32,
    event: &Event<'_>,
    joined: &mut Joined,
    behind: &mut ShortName,
) {
    let Some(row) = state.joins.touch(key) else { return };
    // Older lines can come later, too: another log that is read from its beginning.
    if now_s.abs_diff(row.stamp_s) > life_s {
        *row = JoinRow::with_key(key);
        return;
    }
    if event.client.is_none() && joined.client.is_none() && row.has_client {
        joined.client = Some(address_of(row.address));
    }
    // A login that fails behind one that succeeded is another account's, or nobody's.
    let follows = matches!(
        event.kind,
        Kind::Message | Kind::Envelope | Kind::Delivery | Kind::Session | Kind::Disconnect
    );
    let is_its = |Text(name): Text<'_>| ShortName::of(name) == row.account;
    if follows && behind.length == 0 && event.account.is_none_or(is_its) {
        *behind = row.account;
    }
}

fn keep(state: &mut State, key: u64, now_s: u32, client: Option<IpAddr>, account: ShortName) {
    let Some(row) = state.joins.entry(key) else { return };
    row.stamp_s = now_s;
    if let Some(client) = client {
        row.address = words_of(client);
        row.has_client = true;
    }
    if account.length > 0 {
        row.account = account;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Input};
    use alloc::string::ToString as _;
    use alloc::vec::Vec;
    use event::{Reason, Timestamp};

    fn event(kind: Kind, outcome: Outcome, session: &'static str) -> Event<'static> {
        Event {
            session: Some(Text::from(session)),
            host: Some(Text(b"mx")),
            ..Event::new(
                Timestamp::from_seconds(1_000),
                Server::Opensmtpd,
                Text(b"smtp"),
                kind,
                outcome,
            )
        }
    }

    fn filled<'a>(
        engine: &mut Engine,
        event: &Event<'a>,
    ) -> (Option<IpAddr>, Option<alloc::vec::Vec<u8>>) {
        let joined = engine.join(event);
        let event = joined.as_ref().map_or(*event, |joined| joined.fill(event));
        (event.client, event.account.map(|name| name.bytes().to_vec()))
    }

    #[test]
    fn what_the_first_line_said_is_given_to_the_later_ones_of_its_session_only() {
        let mut engine = Engine::new(Config::default());
        let peer: IpAddr = "203.0.113.66".parse().unwrap();
        let connect = Event { client: Some(peer), ..event(Kind::Connect, Outcome::Allowed, "a1") };
        filled(&mut engine, &connect);
        let failed = Event {
            account: Some(Text(b"bob")),
            reason: Some(Reason::AuthFailed),
            ..event(Kind::Auth, Outcome::Rejected, "a1")
        };
        assert_eq!(filled(&mut engine, &failed), (Some(peer), Some(b"bob".to_vec())));
        let other = Event { session: Some(Text(b"a2")), ..failed };
        assert_eq!(filled(&mut engine, &other).0, None, "another session");
        let other = Event { host: Some(Text(b"mx2")), ..failed };
        assert_eq!(filled(&mut engine, &other).0, None, "another host");
        let late = Event { at: Timestamp::from_seconds(1_000 + 6 * 86_400), ..failed };
        assert_eq!(filled(&mut engine, &late).0, None, "long ago");
    }

    #[test]
    fn an_account_follows_from_a_login_to_its_message_and_never_from_a_failure() {
        let mut engine = Engine::new(Config::default());
        let peer: IpAddr = "2001:db8::7".parse().unwrap();
        let connect = Event { client: Some(peer), ..event(Kind::Connect, Outcome::Allowed, "a1") };
        filled(&mut engine, &connect);
        let failed =
            Event { account: Some(Text(b"eve")), ..event(Kind::Auth, Outcome::Rejected, "a1") };
        filled(&mut engine, &failed);
        let message =
            Event { queue_id: Some(Text(b"q1")), ..event(Kind::Message, Outcome::Allowed, "a1") };
        assert_eq!(filled(&mut engine, &message), (Some(peer), None));
        let login =
            Event { account: Some(Text(b"bob")), ..event(Kind::Auth, Outcome::Allowed, "a1") };
        filled(&mut engine, &login);
        assert_eq!(filled(&mut engine, &message), (Some(peer), Some(b"bob".to_vec())));
        let failed = event(Kind::Auth, Outcome::Rejected, "a1");
        assert_eq!(filled(&mut engine, &failed), (Some(peer), None), "somebody else's");
        let delivery = Event { session: None, ..message };
        let delivery = Event { kind: Kind::Delivery, ..delivery };
        assert_eq!(filled(&mut engine, &delivery), (Some(peer), Some(b"bob".to_vec())));
    }

    #[test]
    fn a_message_of_this_host_has_no_client_although_its_id_was_a_strangers() {
        let mut engine = Engine::new(Config::default());
        let peer: IpAddr = "203.0.113.66".parse().unwrap();
        let queued = |kind, client| Event {
            client,
            queue_id: Some(Text(b"q1")),
            session: None,
            ..event(kind, Outcome::Allowed, "")
        };
        filled(&mut engine, &queued(Kind::Message, Some(peer)));
        assert_eq!(filled(&mut engine, &queued(Kind::Delivery, None)).0, Some(peer));
        filled(&mut engine, &queued(Kind::Message, None));
        assert_eq!(filled(&mut engine, &queued(Kind::Delivery, None)).0, None);
    }

    const BEHIND: &str = "203.0.113.66";
    const PROXY: &str = "::ffff:192.0.2.3";

    fn by(server: Server, client: &str, forwarded: Option<&str>) -> Event<'static> {
        let address = |text: &str| text.parse().unwrap();
        Event {
            client: Some(address(client)),
            forwarded: forwarded.map(address),
            server,
            ..event(Kind::Auth, Outcome::Rejected, "a1")
        }
    }

    #[test]
    fn whom_a_proxy_forwards_is_the_client_where_the_proxy_is_trusted_only() {
        let trusted = "192.0.2.0/28".parse().unwrap();
        let mut engine =
            Engine::new(Config { forwarded_proxies: Vec::from([trusted]), ..Config::default() });
        let mut told = |event| filled(&mut engine, &event).0.map(|client| client.to_string());
        let by = |client, forwarded| Event {
            service: Text(b"security"),
            ..by(Server::Zimbra, client, forwarded)
        };
        assert_eq!(told(by(PROXY, Some(BEHIND))).as_deref(), Some(BEHIND));
        assert_eq!(told(by(BEHIND, Some(BEHIND))).as_deref(), Some(BEHIND), "comes back");
        let stranger = "198.51.100.9";
        let assp = Event { server: Server::Assp, ..by(PROXY, Some(BEHIND)) };
        assert_eq!(told(assp).as_deref(), Some(PROXY), "no web proxy's word");
        assert_eq!(told(by(stranger, Some(BEHIND))).as_deref(), Some(stranger));
        assert_eq!(told(by(PROXY, None)).as_deref(), Some(PROXY));
        let later = Event { client: None, ..assp };
        assert_eq!(told(later).as_deref(), Some("192.0.2.3"), "of its session");
    }

    #[test]
    fn where_a_stranger_could_have_written_the_line_nobody_is_the_client() {
        let servers = [Server::Roundcube, Server::Sogo, Server::Horde];
        let mut engine = Engine::new(Config::default());
        for server in servers {
            let line = by(server, BEHIND, None);
            let joined = engine.join(&line).unwrap();
            let told = joined.fill(&line);
            assert_eq!((told.client, told.forwarded), (None, line.client), "{server}");
            let again = engine.join(&told).unwrap();
            assert_eq!(again.fill(&told), told, "comes back from the journal");
            assert_eq!(filled(&mut engine, &Event { client: None, ..line }).0, None, "nor later");
        }
        let zimbra = |service: &'static str| Event {
            service: Text::from(service),
            ..by(Server::Zimbra, BEHIND, None)
        };
        assert_eq!(filled(&mut engine, &zimbra("imap")).0, None, "raw, as SOGo's");
        let audited = zimbra("security");
        assert_eq!(filled(&mut engine, &audited).0, audited.client, "without line breaks");
        let trusted = Config { forwarded_servers: Vec::from(servers), ..Config::default() };
        let mut engine = Engine::new(trusted);
        for server in servers {
            let line = by(server, BEHIND, None);
            assert_eq!(filled(&mut engine, &line).0, line.client, "{server}");
            let unnamed = Event { client: None, forwarded: line.client, ..line };
            assert_eq!(filled(&mut engine, &unnamed).0, line.client, "a server that names nobody");
        }
    }

    #[test]
    fn names_are_kept_whole_or_not_at_all() {
        for length in 0..80 {
            let name = alloc::vec![b'x'; length];
            let short = ShortName::of(&name);
            let kept = short.bytes()[..usize::from(short.length)].to_vec();
            assert_eq!(kept, if length <= NAME_MAX { name } else { alloc::vec![] });
        }
    }

    /// A session with a login, a message, its deliveries, and a stranger's failure.
    fn session() -> Vec<Event<'static>> {
        let peer: IpAddr = "2001:db8::7".parse().unwrap();
        let queued = |kind, queue_id: &'static str| Event {
            queue_id: Some(Text::from(queue_id)),
            ..event(kind, Outcome::Allowed, "a1")
        };
        let named = |event| Event { account: Some(Text(b"bob")), ..event };
        let delivery = Event { session: None, ..queued(Kind::Delivery, "q1") };
        let web = |kind| Event {
            server: Server::Roundcube,
            account: (kind == Kind::Auth).then_some(Text(b"eve")),
            ..event(kind, Outcome::Allowed, "bbbb1111")
        };
        Vec::from([
            Event { client: Some(peer), ..event(Kind::Connect, Outcome::Allowed, "a1") },
            named(event(Kind::Auth, Outcome::Rejected, "a1")),
            named(event(Kind::Auth, Outcome::Allowed, "a1")),
            queued(Kind::Message, "q1"),
            delivery,
            delivery,
            queued(Kind::Message, "q2"),
            Event { account: Some(Text(b"eve")), ..queued(Kind::Message, "q3") },
            Event { session: None, ..queued(Kind::Delivery, "q3") },
            event(Kind::Disconnect, Outcome::Allowed, "a1"),
            Event { client: Some(peer), ..web(Kind::Auth) },
            web(Kind::Session),
        ])
    }

    #[test]
    fn what_comes_back_from_the_journal_leaves_the_table_of_an_engine_that_never_stopped() {
        let checkpoint = |engine: &Engine| {
            let mut bytes = Vec::new();
            engine.checkpoint(&mut bytes);
            bytes
        };
        let events = session();
        for cut in 0..=events.len() {
            let mut whole = Engine::new(Config::default());
            let mut again = Engine::new(Config::default());
            let mut out = Vec::new();
            for (number, event) in (0..).zip(&events) {
                let joined = whole.join(event);
                let event = joined.as_ref().map_or(*event, |joined| joined.fill(event));
                whole.step(number, &Input::Event(&event), &mut out);
                if number < cut as u64 {
                    again.join(&event);
                } else {
                    assert_eq!(again.join(&events[number as usize]), joined, "{cut} {number}");
                }
                again.step(number, &Input::Event(&event), &mut out);
                assert!(checkpoint(&whole) == checkpoint(&again), "{cut} {number}");
            }
        }
    }
}
