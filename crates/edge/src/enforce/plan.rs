//! What must change in the kernel so that it is as desired: pure, so that it can be tested without
//! one. After the changes are made, planning again gives nothing.

use super::skeleton::Skeleton;
use super::table::{Element, Hook, PRIORITY, Rule, Set};
use std::collections::{BTreeMap, BTreeSet};

/// One change; a list of them is made as one transaction, all or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Create the table, or wake it.
    CreateTable,
    /// Delete it with everything in it.
    DeleteTable,
    /// Create a base chain that accepts by default, or have one that is there accept again.
    CreateChain(Hook),
    /// Delete a chain and its rules, by name.
    DeleteChain(String),
    /// Create a set.
    CreateSet(Set),
    /// Delete a set, by name.
    DeleteSet(String),
    /// Replace all rules of a chain.
    ReplaceRules(Hook, Vec<Rule>),
    /// Put elements into a set. One that is there already keeps its time (kernels before 6.12) or
    /// gets the new one.
    Add(String, Vec<Element>),
    /// Take elements out. One that is not there fails the transaction.
    Delete(String, Vec<Element>),
}

/// What is in the kernel, elements of large sets aside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Observed {
    /// Whether the table is there.
    pub table: bool,
    /// Whether somebody put it to sleep (`flags dormant`): its rules are not looked at.
    pub dormant: bool,
    /// Its sets: flags and bytes of a key, by name.
    pub sets: BTreeMap<String, (u32, u32)>,
    /// Its chains, by name.
    pub chains: BTreeMap<String, ObservedChain>,
}

/// A chain in our table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObservedChain {
    /// The number of its hook and its priority; none where packets come only by a jump.
    pub base: Option<(u32, i32)>,
    /// What no rule decides is dropped.
    pub drops: bool,
    /// The marks of its rules.
    pub marks: Vec<String>,
}

/// The flags of a set that say what kind it is (`constant`, `interval`, `map`, `timeout`, `eval`,
/// `expr`); later kernels may add others of their own.
const FLAGS: u32 = 0x4 | 0x8 | 0x10 | 0x20 | 0x100;

/// The changes from `observed` to `desired`.
pub fn plan(observed: &Observed, desired: &Skeleton) -> Vec<Change> {
    if desired.chains.is_empty() {
        return if observed.table { vec![Change::DeleteTable] } else { Vec::new() };
    }
    let foreign = desired.sets.iter().any(|set| {
        observed.sets.get(&set.name).is_some_and(|(flags, key_bytes)| {
            flags & FLAGS != set.flags() || *key_bytes != set.key_bytes()
        })
    });
    let foreign = foreign || observed.chains.iter().any(|(name, chain)| is_foreign(name, chain));
    if foreign {
        // A set or a chain that is not ours: nothing in this table can be trusted. A foreign chain
        // may decide before ours does, and may be held by the rules of another.
        let mut changes = vec![Change::DeleteTable];
        changes.extend(plan(&Observed::default(), desired));
        return changes;
    }
    let mut changes = Vec::new();
    if !observed.table || observed.dormant {
        changes.push(Change::CreateTable);
    }
    plan_sets(observed, desired, &mut changes);
    plan_chains(observed, desired, &mut changes);
    let wanted: BTreeSet<&str> = desired.sets.iter().map(|set| set.name.as_str()).collect();
    let stale = observed.sets.keys().filter(|name| !wanted.contains(name.as_str()));
    changes.extend(stale.map(|name| Change::DeleteSet(name.clone())));
    changes
}

/// A chain of another name than ours, or one of our names that is not where ours is.
fn is_foreign(name: &str, chain: &ObservedChain) -> bool {
    let hook = Hook::ALL.into_iter().find(|hook| hook.name() == name);
    hook.is_none_or(|hook| chain.base != Some((hook.number(), PRIORITY)))
}

fn plan_sets(observed: &Observed, desired: &Skeleton, changes: &mut Vec<Change>) {
    for set in &desired.sets {
        if observed.sets.contains_key(&set.name) {
            continue;
        }
        changes.push(Change::CreateSet(set.clone()));
        if let Some(elements) = desired.contents.get(&set.name)
            && !elements.is_empty()
        {
            changes.push(Change::Add(set.name.clone(), elements.clone()));
        }
    }
}

fn plan_chains(observed: &Observed, desired: &Skeleton, changes: &mut Vec<Change>) {
    for (hook, rules) in &desired.chains {
        let seen = observed.chains.get(hook.name());
        if seen.is_none_or(|chain| chain.drops) {
            changes.push(Change::CreateChain(*hook));
        }
        let marks: Vec<String> = rules.iter().map(Rule::mark).collect();
        if seen.is_none_or(|chain| chain.marks != marks) {
            changes.push(Change::ReplaceRules(*hook, rules.clone()));
        }
    }
    let wanted: BTreeSet<&str> = desired.chains.keys().map(|hook| hook.name()).collect();
    let stale = observed.chains.keys().filter(|name| !wanted.contains(name.as_str()));
    changes.extend(stale.map(|name| Change::DeleteChain(name.clone())));
}
