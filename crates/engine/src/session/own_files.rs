//! Servers that tell of one failed login twice in logs of their own, where either line can be
//! missing.
//!
//! - Domino: the task (`smtp`) and the server (`SMTP Server`) both name client and account, which
//!   may be the short name on one line and the full one on the other.
//! - Kerio: `Failed ... login` names no account, other lines of the same protocol do.
//! - Zimbra: `audit.log` and `mailbox.log` both name client, protocol and account.
//!
//! They pair off within a minute, each line with one of the other kind. What pairs is told by the
//! same client of the same protocol, and with Zimbra of the same account. A line excuses only one
//! of the other kind: whoever mixes attempts of which one line tells still counts half.

use super::{Line, Side, pair};
use crate::hash::{lower, mix};
use crate::state::State;
use event::{Event, Protocol, Reason, Server, Text};

const DOMINO: u64 = 0x44;
const KERIO: u64 = 0x4b;
const ZIMBRA: u64 = 0x5a;

/// How Domino's servers are called: `SMTP Server`. Their tasks are not (`smtp`).
const DOMINO_SERVER: &[u8] = b" Server";
/// Zimbra's logger of `audit.log`.
const ZIMBRA_AUDIT: &[u8] = b"security";

/// How many attempts are new, of those that tell of one on two lines of the same words.
pub(super) fn paired(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { event, now_s, .. } = *line;
    match shared(line).filter(|_| is_wrong(event)) {
        Some((key, side)) => pair(state, key, side, event.attempts, now_s),
        None => event.attempts,
    }
}

/// What both lines of an attempt share, and which of them this is.
fn shared(line: &Line<'_>) -> Option<(u64, Side)> {
    let Line { seed, event, client, .. } = *line;
    let side = |is_service| if is_service { Side::Service } else { Side::Server };
    let service = event.service.bytes();
    match event.server {
        // A line without an account, of an address that Domino locked, has no second one.
        Server::Domino => {
            event.account?;
            let key = mix(event.protocol as u64, mix(client.0, DOMINO));
            Some((key, side(!service.ends_with(DOMINO_SERVER))))
        }
        Server::Kerio => {
            // `HTTP` on one line may be `HTTP/WebMail` on the other.
            let place = match event.protocol {
                Protocol::Unknown => lower(seed, service),
                protocol => protocol as u64,
            };
            let key = mix(place, mix(client.0, KERIO));
            Some((key, side(event.account.is_some())))
        }
        Server::Zimbra => {
            let is_audit = service == ZIMBRA_AUDIT;
            // `audit.log` names the account, and what was typed where that is another name.
            let typed = event.detail.filter(|_| is_audit).or(event.account);
            let place = ZIMBRA | (event.protocol as u64) << 8;
            Some((named(line, typed, place)?, side(is_audit)))
        }
        _ => None,
    }
}

/// Takes note of a locked user: of him the SMTP server says no more than that the login failed.
pub(super) fn untested(state: &mut State, line: &Line<'_>) {
    let Line { event, now_s, .. } = *line;
    if let Some((key, side @ Side::Service)) = shared(line) {
        pair(state, key, side, event.times, now_s);
    }
}

/// True for a password or account that was wrong, and no other refusal.
pub(super) fn is_wrong(event: &Event<'_>) -> bool {
    event.attempts > 0 && event.reason == Some(Reason::AuthFailed)
}

fn named(line: &Line<'_>, name: Option<Text<'_>>, place: u64) -> Option<u64> {
    name.map(|name| mix(lower(line.seed, name.bytes()), mix(line.client.0, place)))
}

#[cfg(test)]
mod tests {
    use super::super::new_attempts;
    use super::*;
    use crate::Config;
    use crate::client::ClientKey;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use event::{Kind, Outcome, Timestamp};
    use proptest::prelude::*;

    fn counted(state: &mut State, event: &Event<'_>, client: ClientKey, now_s: u32) -> u32 {
        new_attempts(state, &super::Line { seed: 7, event, client, now_s, seq: 0 })
    }

    const SERVERS: [Server; 3] = [Server::Domino, Server::Kerio, Server::Zimbra];
    const NAMES: [&str; 3] = ["bob", "eve", "info@example.org"];

    /// A line of one of two kinds, about one of several accounts or services. `group` is
    /// what the two lines of an attempt share.
    #[derive(Clone, Copy, Debug)]
    struct Line {
        server: Server,
        is_first: bool,
        name: usize,
        place: usize,
        client: u8,
        after_s: u32,
    }

    impl Line {
        fn event(&self) -> Event<'static> {
            let protocol = [Protocol::Smtp, Protocol::Imap][self.place];
            let service: &[u8] = match (self.server, self.is_first) {
                (Server::Domino, true) if self.place == 0 => b"smtp",
                (Server::Domino, true) => b"imap",
                (Server::Domino, false) => b"SMTP Server",
                (Server::Zimbra, true) => b"security",
                (Server::Kerio, _) if self.place == 0 => b"SMTP",
                _ => b"other",
            };
            let names_one = self.is_first || matches!(self.server, Server::Domino | Server::Zimbra);
            Event {
                protocol,
                reason: Some(Reason::AuthFailed),
                hostile: true,
                attempts: 1,
                account: names_one.then_some(Text(NAMES[self.name].as_bytes())),
                ..Event::new(
                    Timestamp(0),
                    self.server,
                    Text(service),
                    Kind::Auth,
                    Outcome::Rejected,
                )
            }
        }

        fn group(&self) -> (u8, Server, usize, usize) {
            let is_by_name = self.server == Server::Zimbra;
            (self.client, self.server, self.place, if is_by_name { self.name } else { 0 })
        }
    }

    fn line() -> impl Strategy<Value = Line> {
        (prop::sample::select(&SERVERS[..]), any::<bool>(), 0..3usize, 0..2usize, 1..3u8, 0..40u32)
            .prop_map(|(server, is_first, name, place, client, after_s)| Line {
                server,
                is_first,
                name,
                place,
                client,
                after_s,
            })
    }

    proptest! {
        /// Whoever mixes attempts of all kinds: of each, as many count as the kind of line that
        /// tells of more of them has lines. So no line excuses one of its own kind, nor one of
        /// another client, protocol or account.
        #[test]
        fn a_line_excuses_one_of_the_other_kind_and_of_the_same_words(
            lines in prop::collection::vec(line(), 1..60),
        ) {
            let mut state = State::new(&Config::default());
            let mut groups: BTreeMap<_, [u32; 3]> = BTreeMap::new();
            let mut now_s = 1_000;
            for line in &lines {
                now_s += line.after_s;
                let client = ClientKey(u64::from(line.client));
                let new = counted(&mut state, &line.event(), client, now_s);
                let group = groups.entry(line.group()).or_default();
                group[usize::from(line.is_first)] += 1;
                group[2] += new;
            }
            for (group, [second, first, counted]) in groups {
                prop_assert!(counted >= first.max(second), "{group:?} {first} {second} {counted}");
                prop_assert!(counted <= first + second);
            }
        }
    }

    /// `Failed HTTP login` and `HTTP/WebMail: Invalid password for user bob` are one attempt; of
    /// two protocols for which there is no word, each is one.
    #[test]
    fn kerio_names_one_protocol_by_two_words() {
        for (first, second, protocol, attempts) in [
            ("HTTP", "HTTP/WebMail", Protocol::Http, 1),
            ("XMPP", "XMPP", Protocol::Unknown, 1),
            ("XMPP", "LDAP", Protocol::Unknown, 2),
        ] {
            let mut state = State::new(&Config::default());
            let line = Line {
                server: Server::Kerio,
                is_first: true,
                name: 0,
                place: 1,
                client: 1,
                after_s: 0,
            };
            let mut told = |line: Line, service: &'static str| {
                let service = Text(service.as_bytes());
                let event = Event { service, protocol, ..line.event() };
                counted(&mut state, &event, ClientKey(1), 1_000)
            };
            let counted = told(line, second) + told(Line { is_first: false, ..line }, first);
            assert_eq!(counted, attempts, "{first} {second}");
        }
    }

    /// As many lines of one kind as of the other, whatever their order, are that many attempts.
    #[test]
    fn lines_that_pair_off_count_half() {
        for server in [Server::Domino, Server::Kerio, Server::Zimbra] {
            for order in 0..64u32 {
                let mut state = State::new(&Config::default());
                let first = |bit: u32| order >> bit & 1 == 1;
                let told: Vec<bool> =
                    (0..6).map(first).chain((0..6).map(|bit| !first(bit))).collect();
                let line =
                    |is_first| Line { server, is_first, name: 0, place: 0, client: 1, after_s: 0 };
                let new =
                    |is_first| counted(&mut state, &line(is_first).event(), ClientKey(1), 1_000);
                assert_eq!(told.into_iter().map(new).sum::<u32>(), 6, "{server} {order:b}");
            }
        }
    }
}
