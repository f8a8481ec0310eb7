//! nf_tables over one long-lived netlink socket.

use super::reply::{CounterValue, read_chain, read_chain_rule, read_element, read_set, read_table};
use super::request::{Kind, Transaction, element_list, question};
use super::{Found, Kernel, KernelError};
use crate::enforce::netlink::{ACK, Builder, DUMP, Message, Socket, SocketError};
use crate::enforce::plan::{Change, Observed};
use crate::enforce::table::{Element, ElementKey, Hook, Rule, TABLE};
use rustix::io::Errno;
use rustix::net::netlink;
use std::collections::BTreeMap;

/// What one transaction may take in the kernel, in bytes.
const BUFFER_BYTES: usize = 16 << 20;

/// The kernel of this network namespace.
pub struct Netfilter {
    socket: Socket,
    sequence: u32,
}

impl Netfilter {
    /// Opens the socket and asks for nf_tables.
    pub fn open() -> Result<Netfilter, KernelError> {
        let socket = Socket::open(netlink::NETFILTER, 0, BUFFER_BYTES).map_err(classify)?;
        let mut netfilter = Netfilter { socket, sequence: 1 };
        netfilter.observe()?;
        Ok(netfilter)
    }

    /// Whether changes are permitted: deletes a table that nobody can have, which needs
    /// `CAP_NET_ADMIN` before it is found missing.
    pub fn permitted(&mut self) -> Result<(), KernelError> {
        let mut transaction = Transaction::begin(self.sequence.wrapping_add(1));
        transaction.change(&Change::DeleteChain(String::from("mailward-probe")), true);
        let (bytes, last, next, _) = transaction.end();
        self.sequence = next;
        let bytes = bytes.ok_or(KernelError::Netlink(SocketError::TooLong))?;
        match self.socket.transact(&bytes, last) {
            Err(SocketError::Refused { error: Errno::NOENT, .. }) => Ok(()),
            result => result.map_err(classify),
        }
    }

    /// The number by which notifications name this socket's own changes.
    pub const fn port(&self) -> u32 {
        self.socket.port()
    }

    fn ask<T: Default>(
        &mut self,
        kind: Kind,
        flags: u16,
        body: impl FnOnce(&mut Builder),
        each: impl FnMut(&mut T, &Message<'_>),
    ) -> Result<Option<T>, KernelError> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = question(kind, flags, self.sequence, body)
            .ok_or(KernelError::Netlink(SocketError::TooLong))?;
        match self.socket.ask(&bytes, self.sequence, each) {
            Ok(answer) => Ok(Some(answer)),
            Err(SocketError::Refused { error: Errno::NOENT, .. }) => Ok(None),
            Err(error) => Err(classify(error)),
        }
    }

    fn rules(&mut self) -> Result<Vec<(String, String, Option<CounterValue>)>, KernelError> {
        let table = |m: &mut Builder| {
            m.text(1, TABLE);
        };
        let rules = self.ask(Kind::GetRule, DUMP, table, |rules: &mut Vec<_>, message| {
            rules.extend(read_chain_rule(message.payload));
        })?;
        Ok(rules.unwrap_or_default())
    }
}

impl Kernel for Netfilter {
    fn observe(&mut self) -> Result<Observed, KernelError> {
        let mut observed = Observed::default();
        let table = |m: &mut Builder| {
            m.text(1, TABLE);
        };
        let found = self.ask(Kind::GetTable, ACK, table, |dormant: &mut bool, message| {
            *dormant |= read_table(message.payload);
        })?;
        let Some(dormant) = found else { return Ok(observed) };
        observed.table = true;
        observed.dormant = dormant;
        let sets = self.ask(Kind::GetSet, DUMP, table, |sets: &mut Vec<_>, message| {
            sets.extend(read_set(message.payload));
        })?;
        for (name, flags, key_bytes) in sets.unwrap_or_default() {
            observed.sets.insert(name, (flags, key_bytes));
        }
        // All of the family are shown; those of our table are taken.
        let chains = self.ask(Kind::GetChain, DUMP, table, |chains: &mut Vec<_>, message| {
            chains.extend(read_chain(message.payload));
        })?;
        observed.chains.extend(chains.unwrap_or_default());
        for (chain, mark, _) in self.rules()? {
            if let Some(chain) = observed.chains.get_mut(&chain) {
                chain.marks.push(mark);
            }
        }
        Ok(observed)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), KernelError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut transaction = Transaction::begin(self.sequence.wrapping_add(1));
        for (position, change) in changes.iter().enumerate() {
            transaction.change(change, position + 1 == changes.len());
        }
        let (bytes, last, next, first) = transaction.end();
        self.sequence = next;
        let bytes = bytes.ok_or(KernelError::Netlink(SocketError::TooLong))?;
        match self.socket.transact(&bytes, last) {
            Err(SocketError::Refused { sequence, error }) if error != Errno::PERM => {
                let position = first.partition_point(|first| *first <= sequence);
                let change = position.checked_sub(1).and_then(|p| changes.get(p));
                let nth = position.checked_sub(1).and_then(|p| first.get(p));
                let nth = nth.map_or(0, |first| sequence.wrapping_sub(*first));
                Err(refused(change, nth, error))
            }
            result => result.map_err(classify),
        }
    }

    fn find(&mut self, set: &str, key: ElementKey) -> Result<Option<Found>, KernelError> {
        let element = [Element { key, timeout_ms: None }];
        let body = |m: &mut Builder| element_list(m, set, &element, false);
        let found =
            self.ask(Kind::GetElement, ACK, body, |found: &mut Option<Found>, message| {
                *found = read_element(message.payload);
            })?;
        Ok(found.flatten())
    }

    fn counters(&mut self) -> Result<BTreeMap<String, CounterValue>, KernelError> {
        let mut counters: BTreeMap<String, CounterValue> = BTreeMap::new();
        for (_, mark, counter) in self.rules()? {
            if let Some(counter) = counter {
                let sum = counters.entry(Rule::name_of_mark(&mark).to_owned()).or_default();
                sum.packets += counter.packets;
                sum.bytes += counter.bytes;
            }
        }
        Ok(counters)
    }
}

fn classify(error: SocketError) -> KernelError {
    match error {
        SocketError::Refused { error: Errno::PERM | Errno::ACCESS, .. }
        | SocketError::Call { error: Errno::PERM | Errno::ACCESS, .. } => KernelError::NotPermitted,
        SocketError::Call { call: "socket", error } => KernelError::Unsupported(error),
        // nfnetlink answers so when no subsystem has the message's number.
        SocketError::Refused { error: error @ (Errno::INVAL | Errno::OPNOTSUPP), .. } => {
            KernelError::Unsupported(error)
        }
        other => KernelError::Netlink(other),
    }
}

/// `nth` counts the messages of the change.
fn refused(change: Option<&Change>, nth: u32, error: Errno) -> KernelError {
    let mut limit = false;
    let mut forward = false;
    let what = match change {
        None => "begin a transaction".to_owned(),
        Some(Change::CreateTable) => format!("create the table {TABLE}"),
        Some(Change::DeleteTable) => format!("delete the table {TABLE}"),
        Some(Change::CreateChain(hook)) => {
            forward = *hook == Hook::Forward;
            format!("create the chain {}", hook.name())
        }
        Some(Change::DeleteChain(name)) => format!("delete the chain {name}"),
        Some(Change::CreateSet(set)) => {
            limit = set.name.starts_with("rate_") || set.name.starts_with("concurrent_");
            format!("create the {set}")
        }
        Some(Change::DeleteSet(name)) => format!("delete the set {name}"),
        Some(Change::ReplaceRules(hook, rules)) => {
            let rule = (nth as usize).checked_sub(1).and_then(|nth| rules.get(nth));
            limit = rule.is_some_and(Rule::is_limit);
            forward = *hook == Hook::Forward && !limit;
            match rule {
                Some(rule) => format!("add to the chain {} the rule {rule}", hook.name()),
                None => format!("empty the chain {}", hook.name()),
            }
        }
        Some(Change::Add(set, elements)) => format!("add {} elements to {set}", elements.len()),
        Some(Change::Delete(set, elements)) => {
            format!("delete {} elements from {set}", elements.len())
        }
    };
    KernelError::Refused { what, error, limit, forward }
}
