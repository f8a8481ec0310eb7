//! Messages, and what became of them for each recipient, joined by their queue ids.
//!
//! Lines of any server that name one queue id are of one message. A filter, or a second mail
//! server, of this host that has a message under another id makes no second one of it: the answer
//! to the first names the second, which came from this host. A mail store's word on what it was
//! given counts only where no mail server tells of deliveries, and a filter's only where none tells
//! of messages: it is the same one, or one that was refused in the end.

use super::distinct::{Count, Distinct};
use crate::answer;
use engine::{hash_of_bytes, hash_of_name};
use event::{Event, Kind, Outcome, Server, Text};
use hashbrown::HashTable;
use std::collections::VecDeque;

/// Messages and waiting recipients that are remembered, each.
const ROWS_MAX: usize = 1 << 17;
/// A queue id that nothing was said of for so long may be another message's, seconds.
const STALE_S: i64 = 5 * 86_400;
/// A filter has a message for so long at most, seconds.
const FILTER_S: i64 = 3_600;
/// Answers that named an id before a line did: where stamps have no fractions, two logs may tell of
/// one second in either order.
const ANSWERS_MAX: usize = 64;

/// What came of all messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailTotals {
    /// Messages.
    pub messages: u64,
    /// Different senders of them.
    pub senders: Count,
    /// Different recipients.
    pub recipients: Count,
    /// Deliveries, one for each recipient of a message.
    pub delivered: u64,
    /// Recipients of messages that still waited at the end.
    pub waiting: u64,
    /// Deliveries that were put off, each time.
    pub deferred: u64,
    /// Deliveries that failed for good.
    pub bounced: u64,
    /// More was going on at once than is remembered: some may be counted twice.
    pub is_about: bool,
}

/// Counts them.
pub struct Mail {
    seed: u64,
    messages: Recent,
    waiting: Recent,
    senders: Distinct,
    recipients: Distinct,
    totals: MailTotals,
    /// Keys of ids that an answer named before a line did, and when.
    answers: VecDeque<(u64, i64)>,
    /// Messages of which a filter told.
    filtered: u64,
    /// Deliveries of which a mail store told.
    stored: u64,
}

impl Mail {
    /// `seed` is the key of the hash.
    pub fn new(seed: u64) -> Self {
        Mail {
            seed,
            messages: Recent::default(),
            waiting: Recent::default(),
            senders: Distinct::default(),
            recipients: Distinct::default(),
            totals: MailTotals::default(),
            answers: VecDeque::new(),
            filtered: 0,
            stored: 0,
        }
    }

    /// Takes an event in, of any kind. False where it tells of nothing that is new.
    #[inline]
    pub fn take(&mut self, event: &Event<'_>) -> bool {
        match (event.kind, event.outcome) {
            (Kind::Message, Outcome::Allowed) => self.message(event),
            (Kind::Delivery, _) => self.delivery(event),
            (Kind::Auth | Kind::Envelope, Outcome::Allowed) if event.queue_id.is_some() => {
                self.seen(event);
                true
            }
            _ => true,
        }
    }

    /// The row of an event's message.
    fn seen(&mut self, event: &Event<'_>) -> Option<&mut Row> {
        let Text(id) = event.queue_id?;
        let at_s = event.at.seconds();
        let row = self.messages.row(hash_of_bytes(self.seed, id), at_s);
        if event.client.is_some_and(|client| client.to_canonical().is_loopback()) {
            row.came_from_here_s = Some(at_s);
        }
        Some(row)
    }

    fn message(&mut self, event: &Event<'_>) -> bool {
        // Its ids are inodes, which are used again at once; it tells of each message once.
        let is_once = event.server == Server::Qmail;
        let is_filter = event.server.is_filter();
        // Postfix has an id from the first recipient on; what it took in has a sender.
        let is_begun = event.server == Server::Postfix && event.sender.is_none();
        if !is_filter && self.was_handed_on(event) {
            return false;
        }
        let is_new = match self.seen(event) {
            _ if is_begun => false,
            Some(row) if is_filter => !std::mem::replace(&mut row.is_filtered, true),
            Some(row) => !std::mem::replace(&mut row.is_counted, true) || is_once,
            None => true,
        };
        if is_filter {
            self.filtered += u64::from(is_new);
        } else {
            self.totals.messages += u64::from(is_new);
        }
        let is_new = is_new && !is_filter;
        if let Some(Text(sender)) = event.sender.filter(|sender| !sender.bytes().is_empty()) {
            self.senders.insert(hash_of_name(self.seed, sender));
        }
        if let Some(Text(recipient)) = event.recipient {
            self.recipients.insert(hash_of_name(self.seed, recipient));
        }
        is_new
    }

    fn delivery(&mut self, event: &Event<'_>) -> bool {
        let Text(recipient) = event.recipient.unwrap_or_default();
        let recipient = hash_of_name(self.seed, recipient);
        let is_store = matches!(event.server, Server::Dovecot | Server::Cyrus | Server::Zimbra);
        if is_store {
            self.stored += u64::from(event.outcome == Outcome::Allowed);
            return true;
        }
        if event.outcome == Outcome::Allowed && self.is_handed_on(event) {
            return false;
        }
        if event.recipient.is_some() {
            self.recipients.insert(recipient);
        }
        self.seen(event);
        let Text(id) = event.queue_id.unwrap_or_default();
        let key = hash_of_bytes(recipient ^ self.seed, id);
        match event.outcome {
            Outcome::Deferred => {
                self.totals.deferred += 1;
                self.waiting.row(key, event.at.seconds());
            }
            Outcome::Allowed => {
                self.totals.delivered += 1;
                self.waiting.remove(key);
            }
            _ => {
                self.totals.bounced += 1;
                self.waiting.remove(key);
            }
        }
        true
    }

    /// True where a filter of this host took the message and gave it back as another.
    fn is_handed_on(&mut self, event: &Event<'_>) -> bool {
        let Some(id) = event.detail.and_then(|Text(answer)| answer::queued_as(answer)) else {
            return false;
        };
        let (key, at_s) = (hash_of_bytes(self.seed, id), event.at.seconds());
        let Some(row) = self.messages.held(key) else {
            self.answers.truncate(ANSWERS_MAX - 1);
            self.answers.push_front((key, at_s));
            return false;
        };
        if !row.came_from_here_s.is_some_and(|began_s| (0..FILTER_S).contains(&(at_s - began_s))) {
            return false;
        }
        let is_second = row.is_counted && !std::mem::replace(&mut row.is_handed_on, true);
        self.totals.messages -= u64::from(is_second && self.totals.messages > 0);
        true
    }

    /// True for the first word on a message that an answer of the same second named before: the
    /// delivery that it ended was counted, and was none.
    fn was_handed_on(&mut self, event: &Event<'_>) -> bool {
        let (Some(Text(id)), at_s) = (event.queue_id, event.at.seconds()) else { return false };
        let key = hash_of_bytes(self.seed, id);
        let Some(place) = self.answers.iter().position(|answer| *answer == (key, at_s)) else {
            return false;
        };
        let is_from_here = self.seen(event).is_some_and(|row| {
            let is_from_here = row.came_from_here_s.is_some() && !row.is_counted;
            row.is_counted |= is_from_here;
            row.is_handed_on |= is_from_here;
            is_from_here
        });
        if is_from_here {
            self.answers.remove(place);
            self.totals.delivered = self.totals.delivered.saturating_sub(1);
        }
        is_from_here
    }

    /// What came of them so far.
    pub fn totals(&self) -> MailTotals {
        let mut totals = self.totals.clone();
        totals.messages = if totals.messages == 0 { self.filtered } else { totals.messages };
        totals.delivered = if totals.delivered == 0 { self.stored } else { totals.delivered };
        totals.senders = self.senders.count();
        totals.recipients = self.recipients.count();
        totals.waiting = self.waiting.rows.len() as u64;
        totals.is_about = self.messages.is_cut || self.waiting.is_cut;
        totals
    }
}

#[derive(Clone, Copy, Default)]
struct Row {
    key: u64,
    at_s: i64,
    is_counted: bool,
    /// A filter told of it.
    is_filtered: bool,
    is_handed_on: bool,
    came_from_here_s: Option<i64>,
}

/// What was going on lately. Where it is full, the older half gives way.
#[derive(Default)]
struct Recent {
    rows: HashTable<Row>,
    is_cut: bool,
}

impl Recent {
    fn held(&mut self, key: u64) -> Option<&mut Row> {
        self.rows.find_mut(key, |row| row.key == key)
    }

    fn remove(&mut self, key: u64) {
        if let Ok(entry) = self.rows.find_entry(key, |row| row.key == key) {
            entry.remove();
        }
    }

    fn row(&mut self, key: u64, at_s: i64) -> &mut Row {
        if self.rows.len() >= ROWS_MAX {
            self.cut(at_s);
        }
        let entry = self.rows.entry(key, |row| row.key == key, |row| row.key);
        let row = entry.or_insert(Row { key, at_s, ..Row::default() }).into_mut();
        if at_s - row.at_s > STALE_S {
            *row = Row { key, ..Row::default() };
        }
        row.at_s = row.at_s.max(at_s);
        row
    }

    /// Makes room. What is too old to matter goes without a loss.
    #[cold]
    fn cut(&mut self, now_s: i64) {
        self.rows.retain(|row| now_s - row.at_s <= STALE_S);
        if self.rows.len() < ROWS_MAX / 2 {
            return;
        }
        self.is_cut = true;
        let mut stamps: Vec<i64> = self.rows.iter().map(|row| row.at_s).collect();
        let middle = stamps.len() / 2;
        let (_, middle_s, _) = stamps.select_nth_unstable(middle);
        let middle_s = *middle_s;
        self.rows.retain(|row| row.at_s > middle_s);
    }
}
