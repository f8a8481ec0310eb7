//! Each change as nf_tables messages.

use super::expression;
use crate::enforce::netlink::{ACK, APPEND, Builder, CREATE, REQUEST};
use crate::enforce::plan::Change;
use crate::enforce::table::{
    Behaviour, Element, ElementKey, Family, Hook, Key, PRIORITY, Rule, Set, TABLE,
};
use std::net::IpAddr;

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
/// `NFPROTO_INET`.
const INET: u8 = 1;
/// Elements in one message: the attribute that holds them is at most 64 KiB long.
const ELEMENTS_MAX: usize = 1000;
/// How many sources a set that packets fill remembers. When it is full, limits let pass.
const METERED_MAX: u32 = 131_072;

/// `enum nf_tables_msg_types`, in the nfnetlink subsystem.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(super) enum Kind {
    NewTable = 0,
    GetTable = 1,
    DeleteTable = 2,
    NewChain = 3,
    GetChain = 4,
    DeleteChain = 5,
    NewRule = 6,
    GetRule = 7,
    DeleteRule = 8,
    NewSet = 9,
    GetSet = 10,
    DeleteSet = 11,
    NewElement = 12,
    GetElement = 13,
    DeleteElement = 14,
}

impl Kind {
    /// As in a message's header.
    pub(super) const fn code(self) -> u16 {
        SUBSYSTEM << 8 | self as u16
    }
}

/// Writes a transaction and remembers which message belongs to which change.
pub(super) struct Transaction {
    messages: Builder,
    sequence: u32,
    /// The first message of each change.
    first: Vec<u32>,
    set_id: u32,
}

impl Transaction {
    /// Begins one whose messages are numbered from `sequence`.
    pub(super) fn begin(sequence: u32) -> Transaction {
        let mut transaction =
            Transaction { messages: Builder::default(), sequence, first: Vec::new(), set_id: 0 };
        transaction.bracket(16);
        transaction
    }

    /// Ends it: the bytes, the number of the message that is acknowledged, the number to go on
    /// with.
    pub(super) fn end(mut self) -> (Option<Vec<u8>>, u32, u32, Vec<u32>) {
        let last = self.sequence.wrapping_sub(1);
        self.bracket(17);
        (self.messages.finish(), last, self.sequence, self.first)
    }

    /// Adds a change. The transaction's last must be added with `last`, which asks for an answer.
    pub(super) fn change(&mut self, change: &Change, last: bool) {
        self.first.push(self.sequence);
        let ack = if last { ACK } else { 0 };
        match change {
            Change::CreateTable => self.message(Kind::NewTable, CREATE | ack, |m| {
                m.text(1, TABLE).u32(2, 0);
            }),
            Change::DeleteTable => self.message(Kind::DeleteTable, ack, |m| {
                m.text(1, TABLE);
            }),
            Change::CreateChain(hook) => {
                self.message(Kind::NewChain, CREATE | ack, |m| chain(m, *hook));
            }
            Change::DeleteChain(name) => {
                self.message(Kind::DeleteRule, 0, |m| {
                    m.text(1, TABLE).text(2, name);
                });
                self.message(Kind::DeleteChain, ack, |m| {
                    m.text(1, TABLE).text(3, name);
                });
            }
            Change::CreateSet(new) => {
                self.set_id += 1;
                let id = self.set_id;
                self.message(Kind::NewSet, CREATE | ack, |m| set(m, new, id));
            }
            Change::DeleteSet(name) => self.message(Kind::DeleteSet, ack, |m| {
                m.text(1, TABLE).text(2, name);
            }),
            Change::ReplaceRules(hook, rules) => self.rules(*hook, rules, ack),
            Change::Add(set, elements) => {
                self.elements(Kind::NewElement, CREATE, set, elements, ack);
            }
            Change::Delete(set, elements) => {
                self.elements(Kind::DeleteElement, 0, set, elements, ack);
            }
        }
    }

    fn rules(&mut self, hook: Hook, rules: &[Rule], ack: u16) {
        let flush = if rules.is_empty() { ack } else { 0 };
        self.message(Kind::DeleteRule, flush, |m| {
            m.text(1, TABLE).text(2, hook.name());
        });
        for (position, new) in rules.iter().enumerate() {
            let ack = if position + 1 == rules.len() { ack } else { 0 };
            self.message(Kind::NewRule, CREATE | APPEND | ack, |m| rule(m, hook, new));
        }
    }

    fn elements(&mut self, kind: Kind, flags: u16, set: &str, elements: &[Element], ack: u16) {
        let parts = elements.len().div_ceil(ELEMENTS_MAX);
        for (position, part) in elements.chunks(ELEMENTS_MAX).enumerate() {
            let ack = if position + 1 == parts { ack } else { 0 };
            let timed = matches!(kind, Kind::NewElement);
            self.message(kind, flags | ack, |m| element_list(m, set, part, timed));
        }
    }

    fn message(&mut self, kind: Kind, flags: u16, body: impl FnOnce(&mut Builder)) {
        self.messages.message(kind.code(), REQUEST | flags, self.sequence, |m| {
            m.raw(&[INET, 0, 0, 0]);
            body(m);
        });
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// `NFNL_MSG_BATCH_BEGIN` or `NFNL_MSG_BATCH_END`.
    fn bracket(&mut self, kind: u16) {
        let [high, low] = SUBSYSTEM.to_be_bytes();
        self.messages.message(kind, REQUEST, self.sequence, |m| {
            m.raw(&[0, 0, high, low]);
        });
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// A single question, which is no transaction.
pub(super) fn question(
    kind: Kind,
    flags: u16,
    sequence: u32,
    body: impl FnOnce(&mut Builder),
) -> Option<Vec<u8>> {
    let mut message = Builder::default();
    message.message(kind.code(), REQUEST | flags, sequence, |m| {
        m.raw(&[INET, 0, 0, 0]);
        body(m);
    });
    message.finish()
}

/// Names elements of a set; with their times where they are to be added.
pub(super) fn element_list(m: &mut Builder, set: &str, elements: &[Element], timed: bool) {
    m.text(1, TABLE).text(2, set).nest(3, |list| {
        for element in elements {
            list.nest(1, |e| {
                e.nest(1, |key| key_data(key, element.key));
                if let Some(timeout_ms) = element.timeout_ms.filter(|_| timed) {
                    e.u64(4, timeout_ms);
                }
            });
        }
    });
}

fn key_data(data: &mut Builder, key: ElementKey) {
    match key {
        ElementKey::Address(IpAddr::V4(v4)) => data.bytes(1, &v4.octets()),
        ElementKey::Address(IpAddr::V6(v6)) => data.bytes(1, &v6.octets()),
        ElementKey::Port(port) => data.bytes(1, &port.to_be_bytes()),
    };
}

fn chain(m: &mut Builder, hook: Hook) {
    m.text(1, TABLE).text(3, hook.name());
    m.nest(4, |h| {
        h.u32(1, hook.number()).bytes(2, &PRIORITY.to_be_bytes());
    });
    // Policy: NF_ACCEPT.
    m.u32(5, 1).text(7, "filter");
}

fn set(m: &mut Builder, set: &Set, id: u32) {
    // The types by which nft knows how to print keys.
    let kind = match set.key {
        Key::Address(Family::V4) => 7,
        Key::Address(Family::V6) => 8,
        Key::Port => 13,
    };
    m.text(1, TABLE).text(2, &set.name).u32(3, set.flags());
    m.u32(4, kind).u32(5, set.key_bytes()).u32(10, id);
    match set.behaviour {
        Behaviour::Fixed | Behaviour::Timed { counted: false } => {}
        Behaviour::Timed { counted: true } => expression::counter(m, 17),
        Behaviour::Metered { timeout_s } => {
            m.nest(9, |desc| {
                desc.u32(1, METERED_MAX);
            });
            m.u64(11, u64::from(timeout_s) * 1000);
        }
        Behaviour::Counting => {
            m.nest(9, |desc| {
                desc.u32(1, METERED_MAX);
            });
        }
    }
}

fn rule(m: &mut Builder, hook: Hook, rule: &Rule) {
    m.text(1, TABLE).text(2, hook.name());
    m.nest(4, |list| rule.steps.iter().for_each(|step| expression::write(list, step)));
    m.bytes(7, &comment(&rule.mark()));
}

/// A comment as nft stores it with a rule: type 0, length, text with its zero byte.
fn comment(text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    let text = text.get(..text.len().min(126)).unwrap_or_default();
    let mut bytes = vec![0, text.len() as u8 + 1];
    bytes.extend_from_slice(text);
    bytes.push(0);
    bytes
}
