//! The story of one session or message, whatever servers logged parts of it.
//!
//! From one id (Dovecot's or OpenSMTPD's session, a queue id) to all lines that belong to it: the
//! lines of that id, the connection that a Postfix process served meanwhile, the queue ids and
//! sessions of that connection, and where a message was handed on inside this host: to a delivery
//! agent, or through a filter (amavis and its like), which gives it back under another id. What
//! strangers wrote leads nowhere: a next server's answer is followed only if it is one of our own.

use crate::failure::Failure;
use crate::recover::failure;
use crate::terminal;
use event::{Event, Kind, Outcome, Server, Text, Timestamp};
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
        let links = rows.iter().filter_map(Row::event).flat_map(|e| self.links(&e)).collect();
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
        let is =
            |row: &Row, of: fn(&Event<'_>, &[u8]) -> bool| row.event().is_some_and(|e| of(&e, id));
        let (own, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| is(row, has));
        Ok((own, others.into_iter().filter(|row| is(row, claims)).collect()))
    }

    /// Oldest first.
    fn ask(&mut self, filter: &Filter) -> Result<Vec<Row>, Failure> {
        let mut found = self.reader.query(filter, LINES_MAX).map_err(failure)?;
        self.found.cut |= found.cut;
        self.found.losses.append(&mut found.losses);
        found.rows.reverse();
        Ok(found.rows)
    }

    fn links(&self, event: &Event<'_>) -> Vec<Link> {
        let ids = [event.session, event.queue_id, handed_on(event)];
        let mut links: Vec<Link> =
            ids.into_iter().flatten().map(|Text(id)| Link::Id(id.to_vec())).collect();
        links.extend(queued_as(event).map(|id| Link::Claimed { id: id.to_vec(), at: event.at }));
        let serves_one =
            event.server == Server::Postfix && event.service.bytes().ends_with(b"smtpd");
        if let (true, Some(client), Some(pid)) = (serves_one, event.client, event.pid) {
            links.push(Link::Connection { client, pid, at: event.at });
        }
        links
    }
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
/// are that server's, which may be anybody's.
fn queued_as<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    const WORDS: &[u8] = b"queued as ";
    let was_taken = event.kind == Kind::Delivery && event.outcome == Outcome::Allowed;
    let answer = event.detail.filter(|_| was_taken)?.bytes();
    let at = answer.windows(WORDS.len()).rposition(|words| words == WORDS)?;
    let id = answer.get(at + WORDS.len()..)?;
    let end = id.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(id.len());
    id.get(..end).filter(|id| id.len() >= 6)
}

fn claims(event: &Event<'_>, id: &[u8]) -> bool {
    queued_as(event) == Some(id)
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
        terminal::duration(last.at.seconds() - first.at.seconds())
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
