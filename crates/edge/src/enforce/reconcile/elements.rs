//! The bans themselves: elements of the sets.

use super::{FILL_MAX, FOR_EVER, Note, Reconciler, SKEW_MS, element};
use crate::enforce::kernel::{Kernel, KernelError};
use crate::enforce::plan::Change;
use crate::enforce::skeleton::{BanSets, Skeleton};
use crate::enforce::table::{Element, ElementKey, Mask};
use event::Network;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// A fixed set of up to so many elements is looked at whole.
const FIXED_MAX: usize = 4096;

/// The changes that set and lift bans, whatever the kernel holds of them.
///
/// Adding, deleting and adding again in one transaction works on every kernel: adding alone leaves
/// the time of an element that is there (before 6.12), deleting alone fails when it is not.
pub(super) fn changes(
    sets: &BanSets,
    held: &[(Network, u64)],
    lifted: &[Network],
    now_ms: u64,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let held = held.iter().map(|(network, until)| (network, element(network, *until, now_ms)));
    for (set, elements) in by_set(sets, held) {
        changes.push(Change::Add(set.clone(), elements.clone()));
        changes.push(Change::Delete(set.clone(), elements.clone()));
        changes.push(Change::Add(set, elements));
    }
    let lifted = lifted.iter().filter(|network| sets.masks.contains(&Mask::of(network)));
    let lifted = lifted.map(|network| (network, element(network, 1000, 0)));
    for (set, elements) in by_set(sets, lifted) {
        changes.push(Change::Add(set.clone(), elements.clone()));
        changes.push(Change::Delete(set, elements));
    }
    changes
}

/// The elements of each set, each network once (deleting it twice would fail), the last word on it.
fn by_set<'a>(
    sets: &BanSets,
    elements: impl Iterator<Item = (&'a Network, Element)>,
) -> Vec<(String, Vec<Element>)> {
    let mut by_mask: BTreeMap<Mask, BTreeMap<ElementKey, Element>> = BTreeMap::new();
    for (network, element) in elements {
        by_mask.entry(Mask::of(network)).or_default().insert(element.key, element);
    }
    by_mask
        .into_iter()
        .map(|(mask, elements)| (sets.name(mask), elements.into_values().collect()))
        .collect()
}

impl<K: Kernel> Reconciler<K> {
    /// Sets and lifts bans in one transaction.
    pub(super) fn write(
        &mut self,
        held: &[(Network, u64)],
        lifted: &[Network],
        now_ms: u64,
    ) -> Result<(), KernelError> {
        if !self.acts() {
            return Ok(());
        }
        let masks = held.iter().map(|(network, _)| Mask::of(network));
        let new: BTreeSet<Mask> = masks.filter(|mask| !self.sets.masks.contains(mask)).collect();
        if !new.is_empty() {
            self.sets.masks.extend(new);
            self.synchronize_masks(now_ms)?;
        }
        let changes = changes(&self.sets, held, lifted, now_ms);
        match self.kernel.commit(&changes) {
            Err(error) if error.is_missing() => {
                // Somebody removed the table a moment ago: all that is desired is put back. What
                // failed before this call stays to be put right.
                let was_dirty = std::mem::replace(&mut self.dirty, true);
                let wrong = self.synchronize(now_ms)?;
                self.kernel.commit(&changes)?;
                self.dirty = was_dirty;
                self.notes.push(Note::Healed(wrong));
                Ok(())
            }
            Err(error) => {
                self.dirty = true;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Fills all bans into sets of the next generation, while those in force stay so, and changes
    /// over in one transaction.
    pub(super) fn rebuild(&mut self, now_ms: u64) -> Result<(), KernelError> {
        self.try_rebuild(now_ms).inspect_err(|_| self.dirty = true)
    }

    fn try_rebuild(&mut self, now_ms: u64) -> Result<(), KernelError> {
        let Some(ruleset) = self.ruleset.clone().filter(|_| self.acts()) else {
            self.filled = true;
            return Ok(());
        };
        let mut next = BanSets {
            generation: self.sets.generation.wrapping_add(1),
            counted: ruleset.counters_per_ban,
            ..BanSets::default()
        };
        next.masks.extend(self.bans.keys().map(Mask::of));
        let observed = self.kernel.observe()?;
        if observed.table {
            let create = next.sets().flat_map(|set| {
                let stale = observed.sets.contains_key(&set.name);
                let delete = stale.then(|| Change::DeleteSet(set.name.clone()));
                delete.into_iter().chain([Change::CreateSet(set)])
            });
            self.kernel.commit(&create.collect::<Vec<_>>())?;
            self.fill(&next, &next.masks, now_ms)?;
        }
        self.sets = next;
        self.filled = true;
        self.synchronize_masks(now_ms).map(drop)
    }

    /// Fills sets that were created a moment ago.
    pub(super) fn fill_created(
        &mut self,
        changes: &[Change],
        now_ms: u64,
    ) -> Result<(), KernelError> {
        let created: BTreeSet<&str> = changes
            .iter()
            .filter_map(|change| match change {
                Change::CreateSet(set) => Some(set.name.as_str()),
                _ => None,
            })
            .collect();
        let sets = self.sets.clone();
        let masks: BTreeSet<Mask> = sets
            .masks
            .iter()
            .filter(|mask| created.contains(sets.name(**mask).as_str()))
            .copied()
            .collect();
        self.fill(&sets, &masks, now_ms).inspect_err(|_| self.dirty = true)
    }

    /// Puts all bans of these prefix lengths into their sets, the latest first.
    fn fill(
        &mut self,
        sets: &BanSets,
        masks: &BTreeSet<Mask>,
        now_ms: u64,
    ) -> Result<(), KernelError> {
        if self.bans.len() > FILL_MAX {
            let held = self.latest.iter().filter_map(|network| {
                let until = self.bans.get(network).filter(|until| **until > now_ms)?;
                masks
                    .contains(&Mask::of(network))
                    .then(|| (network, element(network, *until, now_ms)))
            });
            // Adding an element twice changes nothing.
            let changes: Vec<Change> =
                by_set(sets, held).into_iter().map(|(set, part)| Change::Add(set, part)).collect();
            self.kernel.commit(&changes)?;
        }
        let mut parts: BTreeMap<Mask, Vec<Element>> = BTreeMap::new();
        for (network, until) in self.bans.iter().filter(|(_, until)| **until > now_ms) {
            let mask = Mask::of(network);
            if !masks.contains(&mask) {
                continue;
            }
            let part = parts.entry(mask).or_insert_with(|| Vec::with_capacity(FILL_MAX));
            part.push(element(network, *until, now_ms));
            if part.len() == FILL_MAX {
                let part = std::mem::replace(part, Vec::with_capacity(FILL_MAX));
                self.kernel.commit(&[Change::Add(sets.name(mask), part)])?;
            }
        }
        for (mask, part) in parts {
            if !part.is_empty() {
                self.kernel.commit(&[Change::Add(sets.name(mask), part)])?;
            }
        }
        Ok(())
    }

    /// Looks all fixed elements up and puts back what is missing.
    pub(super) fn check_fixed(&mut self) -> Result<(), KernelError> {
        let Some(ruleset) = &self.ruleset else { return Ok(()) };
        let skeleton = Skeleton::of(ruleset, &self.sets, self.lacks);
        for (set, elements) in &skeleton.contents {
            let mut missing = false;
            for element in elements.iter().take(FIXED_MAX) {
                missing |= self.kernel.find(set, element.key)?.is_none();
            }
            if missing {
                self.kernel.commit(&[Change::Add(set.clone(), elements.clone())])?;
                self.notes.push(Note::Healed(format!("elements of the set {set} were gone")));
            }
        }
        Ok(())
    }

    /// The next bans in turn, beginning anew behind the last.
    fn sample(&mut self, samples: usize, now_ms: u64) -> Vec<(Network, u64)> {
        let samples = samples.min(self.bans.len());
        let from = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let sample: Vec<(Network, u64)> = self
            .bans
            .range((from, Bound::Unbounded))
            .chain(self.bans.iter())
            .take(samples)
            .filter(|(_, until)| **until > now_ms.saturating_add(SKEW_MS))
            .map(|(network, until)| (*network, *until))
            .collect();
        self.cursor = sample.last().map(|(network, _)| *network);
        sample
    }

    /// Looks up the next `samples` bans. A missing one means that somebody took elements out: then
    /// all are put back.
    pub(super) fn check_samples(&mut self, samples: usize, now_ms: u64) -> Result<(), KernelError> {
        if !self.filled {
            return Ok(());
        }
        let sample = self.sample(samples, now_ms);
        let mut skewed = Vec::new();
        for (network, until) in sample {
            let set = self.sets.name(Mask::of(&network));
            let key = ElementKey::Address(network.address());
            let Some(found) = self.kernel.find(&set, key)? else {
                self.rebuild(now_ms)?;
                self.notes.push(Note::Healed(format!("bans were gone from the set {set}")));
                return Ok(());
            };
            let wanted = (until != FOR_EVER).then(|| until.saturating_sub(now_ms));
            let right = match (found.remaining_ms, wanted) {
                (Some(found), Some(wanted)) => found.abs_diff(wanted) <= SKEW_MS,
                (found, wanted) => found == wanted,
            };
            if !right {
                skewed.push((network, until));
            }
        }
        if skewed.is_empty() { Ok(()) } else { self.write(&skewed, &[], now_ms) }
    }
}
