//! The story of one session or message, whatever servers logged parts of it.
//!
//! From one id (Dovecot's or OpenSMTPD's session, a queue id) to all lines that belong to it: the
//! lines of that id, the connection that a Postfix process served meanwhile, the queue ids and
//! sessions of that connection, and where a message was handed on inside this host: to a delivery
//! agent, or through a filter (amavis and its like), which gives it back under another id. What
//! strangers wrote leads nowhere: a next server's answer is followed only if it is one of our own,
//! reached over the loopback.

use crate::answer;
use crate::failure::Failure;
use crate::recover::failure;
use crate::terminal;
use event::{Event, Kind, Length, Outcome, Server, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use store::{Filter, Found, Reader, Row};

/// Ids and connections followed.
const LINKS_MAX: usize = 64;
/// Lines of one link.
const LINES_MAX: usize = 1_000;
/// A filter has a message for so long at most, seconds.
const FILTER_S: i64 = 3600;
/// A Postfix process serves one connection; longer ones are cut here, seconds.
const CONNECTION_S: i64 = 4 * 3600;

/// What belongs to the story.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Link {
    /// Lines with this session or queue id.
    Id(Vec<u8>),
    /// The connection that this process served about then.
    Connection { client: IpAddr, pid: u32, at: Timestamp },
    /// What the next server said then is its id of a message: followed if it came from this host.
    Claimed { id: Vec<u8>, at: Timestamp },
}

/// All that belongs to `id`, in the order in which it was read.
pub fn story(reader: &Reader, id: &[u8]) -> Result<Found, Failure> {
    let mut gathering = Gathering { reader, rows: BTreeMap::new(), found: Found::default() };
    let mut seen: BTreeSet<Link> = BTreeSet::new();
    let mut open = vec![Link::Id(id.to_vec())];
    while let Some(link) = open.pop() {
        if seen.len() >= LINKS_MAX {
            gathering.found.cut = true;
            break;
        }
        if seen.insert(link.clone()) {
            open.extend(gathering.follow(&link)?);
        }
    }
    let mut found = gathering.found;
    found.rows = gathering.rows.into_values().collect();
    Ok(found)
}

struct Gathering<'r> {
    reader: &'r Reader,
    rows: BTreeMap<u64, Row>,
    found: Found,
}

impl Gathering<'_> {
    /// Takes the rows of a link in, and says where they lead.
    fn follow(&mut self, link: &Link) -> Result<Vec<Link>, Failure> {
        let rows = match link {
            Link::Id(id) => {
                let (mut rows, claims) = self.named(id)?;
                let true_ones = claims
                    .into_iter()
                    .filter(|row| row.event().is_some_and(|claim| came_from_here(&rows, claim.at)));
                let true_ones: Vec<Row> = true_ones.collect();
                rows.extend(true_ones);
                rows
            }
            Link::Claimed { id, at } => {
                let (rows, _) = self.named(id)?;
                return Ok(came_from_here(&rows, *at)
                    .then(|| Link::Id(id.clone()))
                    .into_iter()
                    .collect());
            }
            Link::Connection { client, pid, at } => {
                let filter = Filter {
                    client: Some(event::Network::host(*client)),
                    server: Some(Server::Postfix),
                    from: Some(at.plus_seconds(-CONNECTION_S)),
                    until: Some(at.plus_seconds(CONNECTION_S)),
                    ..Filter::default()
                };
                let mut rows = self.ask(&filter)?;
                rows.retain(|row| row.event().is_some_and(|event| event.pid == Some(*pid)));
                one_connection(rows, *at)
            }
        };
        let links = rows.iter().flat_map(links).collect();
        for row in rows {
            if let Some(store::Record::Event { seq, .. }) = row.record() {
                self.rows.insert(seq, row);
            }
        }
        Ok(links)
    }

    /// The rows of an id, and those in which a next server says that it is its own.
    fn named(&mut self, id: &[u8]) -> Result<(Vec<Row>, Vec<Row>), Failure> {
        let rows = self.ask(&Filter { text: Some(id.to_vec()), ..Filter::default() })?;
        let is_own = |row: &Row| row.event().is_some_and(|event| has(&event, id));
        let (own, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(is_own);
        Ok((own, others.into_iter().filter(|row| claims(row, id)).collect()))
    }

    /// Oldest first.
    fn ask(&mut self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        let mut found = self.reader.query(filter, LINES_MAX).map_err(failure)?;
        self.found.cut |= found.cut;
        self.found.losses.append(&mut found.losses);
        found.rows.reverse();
        Ok(found.rows)
    }
}

/// Where a row leads.
fn links(row: &Row) -> Vec<Link> {
    let Some(event) = row.event() else { return Vec::new() };
    let ids = [event.session, event.queue_id, handed_on(&event)];
    let mut links: Vec<Link> =
        ids.into_iter().flatten().map(|Text(id)| Link::Id(id.to_vec())).collect();
    let at = event.at;
    links.extend(queued_as(row, &event).map(|id| Link::Claimed { id: id.to_vec(), at }));
    let serves_one = event.server == Server::Postfix && event.service.bytes().ends_with(b"smtpd");
    if let (true, Some(client), Some(pid)) = (serves_one, event.client, event.pid) {
        links.push(Link::Connection { client, pid, at });
    }
    links
}

/// True where the event is of this session or message, or hands one on to it.
fn has(event: &Event<'_>, id: &[u8]) -> bool {
    let is = |text: Option<Text<'_>>| text.is_some_and(|text| text.bytes() == id);
    is(event.session) || is(event.queue_id) || is(handed_on(event))
}

/// The session or queue id of the server of this host that took a message over, as it answered:
/// `250 2.0.0 <bob@example.org> SESSION Saved` from Dovecot by LMTP.
fn handed_on<'a>(event: &Event<'a>) -> Option<Text<'a>> {
    let is_local = event.kind == Kind::Delivery && event.service.bytes().ends_with(b"lmtp");
    let answer = event.detail.filter(|_| is_local)?.bytes();
    let words = answer.strip_suffix(b" Saved")?;
    let id = words.rsplit(|byte| *byte == b' ').next()?;
    (id.len() >= 8 && !id.ends_with(b">")).then_some(Text(id))
}

/// What a next server calls a message that it took: `250 2.0.0 Ok: queued as 4D3C66C6A0`. The words
/// are that server's, so it must be one of this host.
fn queued_as<'a>(row: &Row, event: &Event<'a>) -> Option<&'a [u8]> {
    let was_taken = event.kind == Kind::Delivery
        && event.outcome == Outcome::Allowed
        && row.line().is_some_and(was_relayed_inside);
    let answer = event.detail.filter(|_| was_taken)?.bytes();
    answer::queued_as(answer)
}

/// True where every next server that the line of a delivery names is one of this host. A stranger
/// can put one more into it, with a recipient or an answer, but take none away.
fn was_relayed_inside(line: &[u8]) -> bool {
    const KEYS: [&[u8]; 2] = [b"relay=", b" H="];
    let named = (0..line.len()).filter_map(|at| {
        let rest = line.get(at..)?;
        KEYS.iter().find_map(|key| rest.strip_prefix(*key))
    });
    let mut named = named.peekable();
    named.peek().is_some() && named.all(is_of_this_host)
}

/// `127.0.0.1[127.0.0.1]:10024, ...`, `localhost [::1] ...`, `mx[private/filter], ...`.
fn is_of_this_host(relay: &[u8]) -> bool {
    let relay = relay.split(|byte| *byte == b',').next().unwrap_or_default();
    let words = relay.split(|byte| *byte == b' ').take(2);
    let mut addresses = words.filter_map(|word| {
        let from = word.iter().position(|byte| *byte == b'[')? + 1;
        let length = word.get(from..)?.iter().position(|byte| *byte == b']')?;
        word.get(from..from + length)
    });
    let is_inside = |address: &[u8]| match std::str::from_utf8(address).map(str::parse::<IpAddr>) {
        Ok(Ok(address)) => address.to_canonical().is_loopback(),
        // A socket in the file system.
        _ => address.contains(&b'/'),
    };
    addresses.next().is_some_and(is_inside) && addresses.all(is_inside)
}

fn claims(row: &Row, id: &[u8]) -> bool {
    row.event().is_some_and(|event| queued_as(row, &event) == Some(id))
}

/// True where these rows of one id begin on this host, shortly before `at`: so a filter gave back
/// what it was handed then. A message that came from elsewhere was not handed on by us.
fn came_from_here(rows: &[Row], at: Timestamp) -> bool {
    let first =
        rows.iter().filter_map(Row::event).find_map(|event| Some((event.client?, event.at)));
    first.is_some_and(|(client, began)| {
        client.to_canonical().is_loopback()
            && (0..FILTER_S).contains(&(at.seconds() - began.seconds()))
    })
}

/// Of the lines of one process and client, those of the connection that was open at `at`.
fn one_connection(rows: Vec<Row>, at: Timestamp) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::new();
    let mut over = false;
    for row in rows {
        let Some(event) = row.event() else { continue };
        // A process that served another connection before; the first line may be missing.
        if event.kind == Kind::Connect || over {
            if event.at > at {
                break;
            }
            kept.clear();
        }
        // `lost connection after ...` comes before the last line.
        over = event.kind == Kind::Disconnect && event.detail.is_none();
        kept.push(row);
    }
    kept
}

/// What it comes to, for people: who, as whom, and what became of each recipient.
pub fn summary(found: &Found) -> String {
    let events: Vec<Event<'_>> = found.rows.iter().filter_map(Row::event).collect();
    let Some((first, last)) = events.first().zip(events.last()) else { return String::new() };
    let mut out = format!(
        "{}, {}",
        terminal::local(first.at),
        Length(last.at.seconds() - first.at.seconds())
    );
    let clients: BTreeSet<String> =
        events.iter().filter_map(|event| Some(event.client?.to_string())).collect();
    push_list(&mut out, ", client ", clients);
    let logins = events.iter().filter(|event| event.kind == Kind::Auth);
    let (good, bad): (Vec<&Event<'_>>, Vec<&Event<'_>>) =
        logins.partition(|event| event.outcome == Outcome::Allowed);
    let accounts = good.iter().filter_map(|event| Some(event.account?.to_string())).collect();
    push_list(&mut out, ", logged in as ", accounts);
    let failed: u32 = bad.iter().map(|event| event.attempts).sum();
    if failed > 0 {
        let _ = write!(out, ", {failed} failed logins");
    }
    out.push('\n');
    for event in &events {
        if event.kind == Kind::Delivery
            && let Some(recipient) = event.recipient
        {
            let id = event.queue_id.unwrap_or_default();
            let reason = event.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            let _ = writeln!(out, "  {id} to {recipient}: {}{reason}", event.outcome);
        }
    }
    out.push('\n');
    out
}

fn push_list(out: &mut String, before: &str, words: BTreeSet<String>) {
    if !words.is_empty() {
        out.push_str(before);
        out.push_str(&words.into_iter().collect::<Vec<_>>().join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_server_of_this_host_is_told_from_others() {
        for (line, is_inside) in [
            ("x: to=<a@b>, relay=127.0.0.1[127.0.0.1]:10024, delay=1", true),
            ("x: to=<a@b>, relay=localhost[::1]:10024, delay=1", true),
            ("x: to=<a@b>, relay=mx[private/filter], delay=1", true),
            ("x: to=<a@b>, mailer=esmtp, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0", true),
            ("x => a@b R=filter T=smtp H=localhost [127.0.0.1] C=\"250 OK\"", true),
            ("x => a@b R=filter T=smtp H=mx.evil [192.0.2.1] C=\"250 H=x [127.0.0.1]\"", false),
            ("x: to=<a@b>, relay=127.0.0.1[192.0.2.1]:25, delay=1", false),
            ("x: to=<\"relay=x[127.0.0.1]\"@b>, relay=mx.evil[192.0.2.1]:25, delay=1", false),
            ("x: to=<a@b>, relay=[127.0.0.1] [192.0.2.1], dsn=2.0.0", false),
            ("x: to=<a@b>, relay=none, delay=1", false),
            ("x: to=<a@b>, delay=1", false),
        ] {
            assert_eq!(was_relayed_inside(line.as_bytes()), is_inside, "{line}");
        }
    }
}
