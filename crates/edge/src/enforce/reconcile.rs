//! Makes the kernel hold what is desired: at start, on change, after a flush, and every minute.
//!
//! The truth about bans is here; the kernel is looked at by single elements only, because a dump of
//! a large set takes minutes. Time is what the caller says it is.

use super::allowed::Allowed;
use super::kernel::{CounterValue, Kernel, KernelError};
use super::message::{Counter, Held};
use super::plan::{Change, Observed, plan};
use super::ruleset::{Ban, Refusal, Ruleset};
use super::skeleton::{BanSets, Lacks, Skeleton};
use super::table::{Element, ElementKey, Mask, Rule};
use event::{Mode, Network, canonical};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

mod elements;

/// `until` of a ban that does not end.
const FOR_EVER: u64 = u64::MAX;
/// A difference in time that does not matter, in milliseconds: times travel in whole seconds.
const SKEW_MS: u64 = 5000;
/// Elements in one transaction of a large fill.
const FILL_MAX: usize = 2000;
/// Bans that come first when all are put back: who was banned last is still at it.
const LATEST_MAX: usize = 2000;
/// How many changes of the skeleton are tried in a row, when the kernel lacks something.
const TRIES: u32 = 4;

/// Something that the guard should hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A ban was refused, or lifted because the allowlist now covers it.
    Refused(Network, Refusal),
    /// Something could not be done.
    Failed(String),
    /// Something was missing in the kernel and is there again.
    Healed(String),
}

/// The desired state and the kernel that is to hold it.
pub struct Reconciler<K> {
    kernel: K,
    ruleset: Option<Ruleset>,
    allowed: Allowed,
    /// When each ban ends, in the caller's milliseconds.
    bans: BTreeMap<Network, u64>,
    /// The latest of them, those that were told one by one; perhaps lifted since.
    latest: VecDeque<Network>,
    sets: BanSets,
    lacks: Lacks,
    /// What an earlier process left was looked at.
    adopted: bool,
    /// `bans` is complete. False after a start, when the kernel's sets may hold what an earlier
    /// process put there.
    filled: bool,
    /// A change failed: look again.
    dirty: bool,
    /// Somebody else took elements out.
    distrusted: bool,
    /// A complete list as it comes; the last word on a network counts, 0 lifts it.
    snapshot: Option<Vec<(Network, u64)>>,
    /// Counters of rules that were replaced, and the latest of those in force.
    counted: BTreeMap<String, CounterValue>,
    counting: BTreeMap<String, CounterValue>,
    notes: Vec<Note>,
    /// Where the next samples are taken.
    cursor: Option<Network>,
}

impl<K: Kernel> Reconciler<K> {
    /// A reconciler that wants nothing yet.
    pub fn new(kernel: K) -> Self {
        Reconciler {
            kernel,
            ruleset: None,
            allowed: Allowed::default(),
            bans: BTreeMap::new(),
            latest: VecDeque::new(),
            sets: BanSets::default(),
            lacks: Lacks::default(),
            adopted: false,
            filled: false,
            dirty: false,
            distrusted: false,
            snapshot: None,
            counted: BTreeMap::new(),
            counting: BTreeMap::new(),
            notes: Vec::new(),
            cursor: None,
        }
    }

    /// The kernel.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// The rules wanted.
    pub const fn wanted(&self) -> Option<&Ruleset> {
        self.ruleset.as_ref()
    }

    /// Bans held, those that ended since the last [`Reconciler::expire`] included.
    pub fn bans(&self) -> impl Iterator<Item = &Network> {
        self.bans.keys()
    }

    /// How many bans are held.
    pub fn len(&self) -> usize {
        self.bans.len()
    }

    /// True where no ban is held.
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }

    /// True after a failure: call [`Reconciler::check`] soon.
    pub const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// What happened since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Replaces the rules. What an earlier process left in the kernel stays in force until the
    /// first complete list of bans has come.
    pub fn ruleset(&mut self, ruleset: Ruleset, now_ms: u64) -> Result<(), KernelError> {
        let recount = ruleset.counters_per_ban != self.sets.counted;
        self.lacks = Lacks::default();
        self.allowed = Allowed::of(&ruleset);
        self.ruleset = Some(ruleset);
        self.refuse_held();
        if self.adopted && recount && self.filled && self.acts() {
            return self.rebuild(now_ms);
        }
        self.adopt().inspect_err(|_| self.dirty = true)?;
        self.synchronize(now_ms).map(drop)
    }

    /// Holds these bans beside the others. Returns how many were new or changed.
    pub fn ban(&mut self, bans: &[Ban], now_ms: u64) -> Result<u32, KernelError> {
        let mut changed = Vec::with_capacity(bans.len());
        for ban in bans {
            let Some(until) = self.admit(ban, now_ms) else { continue };
            self.bans.insert(ban.network, until);
            if self.latest.len() == LATEST_MAX {
                self.latest.pop_front();
            }
            self.latest.push_back(ban.network);
            changed.push((ban.network, until));
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.extend(changed.iter().copied());
        }
        self.write(&changed, &[], now_ms)?;
        Ok(changed.len() as u32)
    }

    /// Lifts bans. Returns how many were held.
    pub fn unban(&mut self, networks: &[Network], now_ms: u64) -> Result<u32, KernelError> {
        let mut held = 0;
        for network in networks {
            held += u32::from(self.bans.remove(network).is_some());
            if let Some(snapshot) = &mut self.snapshot {
                snapshot.push((*network, 0));
            }
        }
        // Also those that are not known here: an earlier process may have left them.
        self.write(&[], networks, now_ms)?;
        Ok(held)
    }

    /// A complete list of bans begins.
    pub fn snapshot_begin(&mut self) {
        self.snapshot = Some(Vec::new());
    }

    /// More of it.
    pub fn snapshot_part(&mut self, bans: &[Ban], now_ms: u64) {
        for ban in bans {
            let until = self.admit(ban, now_ms);
            if let (Some(until), Some(snapshot)) = (until, &mut self.snapshot) {
                snapshot.push((ban.network, until));
            }
        }
    }

    /// It is complete: hold these and no others. Returns how many bans changed.
    pub fn snapshot_end(&mut self, now_ms: u64) -> Result<u32, KernelError> {
        let Some(wanted) = self.snapshot.take() else { return Ok(0) };
        // Sorted once and built whole, which is several times faster than inserting one by one.
        let mut wanted = BTreeMap::from_iter(wanted);
        wanted.retain(|_, until| *until > 0);
        if !self.filled || self.dirty {
            self.bans = wanted;
            self.filled = true;
            self.rebuild(now_ms)?;
            return Ok(self.bans.len() as u32);
        }
        let changed: Vec<(Network, u64)> = wanted
            .iter()
            .filter(|(network, until)| {
                self.bans.get(network).is_none_or(|held| held.abs_diff(**until) > SKEW_MS)
            })
            .map(|(network, until)| (*network, *until))
            .collect();
        let lifted: Vec<Network> =
            self.bans.keys().filter(|held| !wanted.contains_key(held)).copied().collect();
        self.bans = wanted;
        for part in lifted.chunks(FILL_MAX) {
            self.write(&[], part, now_ms)?;
        }
        for part in changed.chunks(FILL_MAX) {
            self.write(part, &[], now_ms)?;
        }
        Ok((changed.len() + lifted.len()) as u32)
    }

    /// Somebody else took elements out of the sets: the next check puts all back.
    pub fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// Forgets bans that have ended; the kernel does so by itself.
    pub fn expire(&mut self, now_ms: u64) {
        self.bans.retain(|_, until| *until > now_ms);
    }

    /// Looks whether the table, its chains, rules and sets are as desired, and makes them so.
    /// With `samples`, also looks some bans and all fixed elements up.
    pub fn check(&mut self, samples: usize, now_ms: u64) -> Result<(), KernelError> {
        if self.ruleset.is_none() {
            return Ok(());
        }
        self.try_check(samples, now_ms).inspect_err(|_| self.dirty = true)
    }

    fn try_check(&mut self, samples: usize, now_ms: u64) -> Result<(), KernelError> {
        self.adopt()?;
        let was_dirty = std::mem::take(&mut self.dirty);
        // `synchronize` fills the sets that it has to create, so those can be trusted.
        let healed = self.synchronize(now_ms)?;
        if !healed.is_empty() && !was_dirty {
            self.notes.push(Note::Healed(healed.clone()));
        }
        let distrusted = std::mem::take(&mut self.distrusted);
        if self.filled && (was_dirty || (distrusted && healed.is_empty())) {
            self.rebuild(now_ms)?;
            if distrusted {
                self.notes.push(Note::Healed("bans had been taken out".to_owned()));
            }
        }
        if samples > 0 && self.acts() {
            self.check_fixed()?;
            self.check_samples(samples, now_ms)?;
        }
        Ok(())
    }

    /// The counters since the table was made or the rules first counted by this process.
    pub fn counters(&mut self) -> Result<Vec<Counter>, KernelError> {
        self.counting = self.kernel.counters()?;
        let mut sum = self.counted.clone();
        add_counters(&mut sum, &self.counting);
        Ok(sum
            .into_iter()
            .map(|(name, CounterValue { packets, bytes })| Counter { name, packets, bytes })
            .collect())
    }

    /// What the kernel holds for an address.
    pub fn held(&mut self, address: IpAddr) -> Result<Option<Held>, KernelError> {
        for mask in self.sets.masks.clone().into_iter().rev() {
            let network = Network::of(address, mask.prefix);
            if Mask::of(&network) != mask {
                continue;
            }
            let key = ElementKey::Address(network.address());
            if let Some(found) = self.kernel.find(&self.sets.name(mask), key)? {
                let remaining_s = found.remaining_ms.map(|ms| (ms / 1000) as u32);
                return Ok(Some(Held { network, remaining_s, packets: found.packets }));
            }
        }
        Ok(None)
    }

    /// True where the desired state bans this address now.
    pub fn is_banned(&self, address: IpAddr, now_ms: u64) -> bool {
        let address = canonical(address);
        self.sets.masks.iter().any(|mask| {
            let network = Network::of(address, mask.prefix);
            Mask::of(&network) == *mask
                && self.bans.get(&network).is_some_and(|until| *until > now_ms)
        })
    }

    /// True where the kernel is to hold anything.
    fn acts(&self) -> bool {
        self.ruleset.as_ref().is_some_and(|ruleset| ruleset.mode != Mode::Off)
    }

    /// When a ban would end; `None` where it must not be, or has ended.
    fn admit(&mut self, ban: &Ban, now_ms: u64) -> Option<u64> {
        if let Some(refusal) = self.allowed.refusal(&ban.network) {
            self.notes.push(Note::Refused(ban.network, refusal));
            return None;
        }
        match ban.remaining_s {
            Some(0) => None,
            Some(seconds) => Some(now_ms.saturating_add(u64::from(seconds) * 1000)),
            None => Some(FOR_EVER),
        }
    }

    /// Forgets bans that the rules no longer permit.
    fn refuse_held(&mut self) {
        let (allowed, notes) = (&self.allowed, &mut self.notes);
        let mut lifted = Vec::new();
        self.bans.retain(|network, _| {
            let refusal = allowed.refusal(network);
            if let Some(refusal) = refusal {
                notes.push(Note::Refused(*network, refusal));
                lifted.push(*network);
            }
            refusal.is_none()
        });
        // The allowlist comes before the bans in the kernel too, so a failure here drops nobody.
        let changes = elements::changes(&self.sets, &[], &lifted, 0);
        if self.filled && !changes.is_empty() && self.kernel.commit(&changes).is_err() {
            self.dirty = true;
        }
    }

    /// Takes over what an earlier process left: its sets of bans stay in force.
    fn adopt(&mut self) -> Result<(), KernelError> {
        if self.adopted {
            return Ok(());
        }
        let observed = self.kernel.observe()?;
        self.adopted = true;
        let named = observed.sets.keys().filter_map(|name| BanSets::parse(name));
        let newest = named.map(|(_, _, generation)| generation).max();
        let in_force: Vec<_> = observed
            .chains
            .values()
            .flat_map(|chain| &chain.marks)
            .filter_map(|mark| BanSets::parse(Rule::set_of_mark(mark)?))
            .collect();
        self.sets.counted = self.ruleset.as_ref().is_some_and(|ruleset| ruleset.counters_per_ban);
        match in_force.last() {
            Some((_, counted, generation)) => {
                self.sets.masks.extend(in_force.iter().map(|(mask, _, _)| *mask));
                self.sets.counted = *counted;
                self.sets.generation = *generation;
            }
            None => self.sets.generation = newest.map_or(0, |newest| newest.wrapping_add(1)),
        }
        // With nothing to take over there is nothing to keep: fill as bans come.
        self.filled |= in_force.is_empty();
        Ok(())
    }

    /// Makes the skeleton so, and fills sets of bans that had to be created anew. Says what was
    /// wrong.
    fn synchronize(&mut self, now_ms: u64) -> Result<String, KernelError> {
        let masks: BTreeSet<Mask> = self.bans.keys().map(Mask::of).collect();
        self.sets.masks.extend(masks);
        self.synchronize_masks(now_ms)
    }

    fn synchronize_masks(&mut self, now_ms: u64) -> Result<String, KernelError> {
        let mut wrong = String::new();
        for _ in 0..TRIES {
            let Some(ruleset) = &self.ruleset else { return Ok(wrong) };
            let desired = Skeleton::of(ruleset, &self.sets, self.lacks);
            let observed = self.kernel.observe()?;
            let changes = plan(&observed, &desired);
            if changes.is_empty() {
                return Ok(wrong);
            }
            wrong = describe(&observed, &changes);
            self.keep_counters(&observed);
            match self.kernel.commit(&changes) {
                Ok(()) => {
                    self.fill_created(&changes, now_ms)?;
                    return Ok(wrong);
                }
                Err(error) => self.do_without(error)?,
            }
        }
        Ok(wrong)
    }

    /// Remembers that the kernel lacks something that protection can do without.
    fn do_without(&mut self, error: KernelError) -> Result<(), KernelError> {
        let text = match &error {
            KernelError::Refused { limit: true, .. } if !self.lacks.limits => {
                self.lacks.limits = true;
                format!("{error}; going on without limits")
            }
            KernelError::Refused { forward: true, .. } if !self.lacks.forward => {
                self.lacks.forward = true;
                format!("{error}; going on without guarding published ports")
            }
            _ => {
                self.dirty = true;
                return Err(error);
            }
        };
        self.notes.push(Note::Failed(text));
        Ok(())
    }

    /// Rules lose their counters when they are replaced.
    fn keep_counters(&mut self, observed: &Observed) {
        if observed.table
            && let Ok(counters) = self.kernel.counters()
        {
            self.counting = counters;
        }
        let counting = std::mem::take(&mut self.counting);
        add_counters(&mut self.counted, &counting);
    }
}

fn add_counters(sum: &mut BTreeMap<String, CounterValue>, more: &BTreeMap<String, CounterValue>) {
    for (name, value) in more {
        let entry = sum.entry(name.clone()).or_default();
        entry.packets = entry.packets.saturating_add(value.packets);
        entry.bytes = entry.bytes.saturating_add(value.bytes);
    }
}

fn element(network: &Network, until: u64, now_ms: u64) -> Element {
    let timeout_ms = (until != FOR_EVER).then(|| until.saturating_sub(now_ms).max(1));
    Element { key: ElementKey::Address(network.address()), timeout_ms }
}

/// What is wrong, in a few words.
fn describe(observed: &Observed, changes: &[Change]) -> String {
    if !observed.table {
        return "the table was gone".to_owned();
    }
    if observed.dormant {
        return "the table was dormant".to_owned();
    }
    let parts: Vec<String> = changes
        .iter()
        .filter_map(|change| match change {
            Change::CreateChain(hook) if observed.chains.contains_key(hook.name()) => {
                Some(format!("the policy of the chain {} was to drop", hook.name()))
            }
            Change::CreateChain(hook) => Some(format!("the chain {} was gone", hook.name())),
            Change::CreateSet(set) => Some(format!("the set {} was gone", set.name)),
            Change::ReplaceRules(hook, _) => {
                Some(format!("the rules of {} were not ours", hook.name()))
            }
            Change::DeleteTable => Some("sets or chains were not ours".to_owned()),
            _ => None,
        })
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests;
