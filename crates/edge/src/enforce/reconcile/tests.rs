//! The reconciler against a simulated kernel: whatever is asked and whatever others break, after a
//! check the kernel holds what is desired.

use super::*;
use crate::enforce::kernel::Found;
use crate::enforce::plan::ObservedChain;
use crate::enforce::ruleset::{AllowOnly, Limits, Scope};
use crate::enforce::table::{Behaviour, Hook, PRIORITY, Set};
use proptest::prelude::*;
use rustix::io::Errno;

/// As much of nf_tables as matters here.
#[derive(Clone, Default)]
struct Simulated {
    state: State,
    now_ms: u64,
    /// Before 6.12 adding an element that is there leaves its time.
    old: bool,
    /// Transactions that fail for no reason of ours.
    failures: u32,
    lacks_limits: bool,
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct State {
    table: bool,
    dormant: bool,
    sets: BTreeMap<String, (Set, BTreeMap<ElementKey, u64>)>,
    chains: BTreeMap<Hook, Vec<Rule>>,
    /// Chains whose policy is to drop.
    dropping: BTreeSet<Hook>,
    /// A chain of somebody else.
    foreign: bool,
}

fn refused(error: Errno) -> KernelError {
    KernelError::Refused { what: "test".to_owned(), error, limit: false, forward: false }
}

impl Simulated {
    fn change(&self, state: &mut State, change: &Change) -> Result<(), KernelError> {
        if !state.table && !matches!(change, Change::CreateTable) {
            return Err(refused(Errno::NOENT));
        }
        match change {
            Change::CreateTable => {
                state.table = true;
                state.dormant = false;
            }
            Change::DeleteTable => *state = State::default(),
            Change::CreateChain(hook) => {
                state.dropping.remove(hook);
                state.chains.entry(*hook).or_default();
            }
            Change::DeleteChain(name) => {
                let hook = Hook::ALL.into_iter().find(|hook| hook.name() == name);
                hook.and_then(|hook| state.chains.remove(&hook)).ok_or(refused(Errno::NOENT))?;
                state.dropping.retain(|hook| hook.name() != name);
            }
            Change::CreateSet(set) => {
                let limit = matches!(set.behaviour, Behaviour::Metered { .. });
                if limit && self.lacks_limits {
                    let what = set.name.clone();
                    let error = Errno::NOENT;
                    return Err(KernelError::Refused { what, error, limit, forward: false });
                }
                state.sets.entry(set.name.clone()).or_insert((set.clone(), BTreeMap::new()));
            }
            Change::DeleteSet(name) => {
                let used =
                    state.chains.values().flatten().any(|rule| rule.to_string().contains(name));
                if used {
                    return Err(refused(Errno::BUSY));
                }
                state.sets.remove(name).ok_or(refused(Errno::NOENT))?;
            }
            Change::ReplaceRules(hook, rules) => {
                for rule in rules {
                    for word in rule.to_string().split(' ').filter_map(|w| w.strip_prefix('@')) {
                        assert!(state.sets.contains_key(word), "a rule names {word}");
                    }
                }
                *state.chains.get_mut(hook).ok_or(refused(Errno::NOENT))? = rules.clone();
            }
            Change::Add(set, elements) => {
                let (_, held) = state.sets.get_mut(set).ok_or(refused(Errno::NOENT))?;
                held.retain(|_, until| *until > self.now_ms);
                for element in elements {
                    let until = element.timeout_ms.map_or(FOR_EVER, |ms| self.now_ms + ms);
                    let entry = held.entry(element.key).or_insert(until);
                    if !self.old {
                        *entry = until;
                    }
                }
            }
            Change::Delete(set, elements) => {
                let (_, held) = state.sets.get_mut(set).ok_or(refused(Errno::NOENT))?;
                held.retain(|_, until| *until > self.now_ms);
                for element in elements {
                    held.remove(&element.key).ok_or(refused(Errno::NOENT))?;
                }
            }
        }
        Ok(())
    }
}

impl Kernel for Simulated {
    fn observe(&mut self) -> Result<Observed, KernelError> {
        let sets = self
            .state
            .sets
            .values()
            .map(|(set, _)| (set.name.clone(), (set.flags(), set.key_bytes())));
        let chains = self.state.chains.iter().map(|(hook, rules)| {
            let base = Some((hook.number(), PRIORITY));
            let drops = self.state.dropping.contains(hook);
            let marks = rules.iter().map(Rule::mark).collect();
            (hook.name().to_owned(), ObservedChain { base, drops, marks })
        });
        let mut chains: BTreeMap<String, ObservedChain> = chains.collect();
        if self.state.foreign {
            chains.insert("foreign".to_owned(), ObservedChain::default());
        }
        let (table, dormant) = (self.state.table, self.state.dormant);
        Ok(Observed { table, dormant, sets: sets.collect(), chains })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), KernelError> {
        if self.failures > 0 && !changes.is_empty() {
            self.failures -= 1;
            return Err(refused(Errno::NOMEM));
        }
        let mut state = self.state.clone();
        for change in changes {
            self.change(&mut state, change)?;
        }
        self.state = state;
        Ok(())
    }

    fn find(&mut self, set: &str, key: ElementKey) -> Result<Option<Found>, KernelError> {
        let until = self.state.sets.get(set).and_then(|(_, held)| held.get(&key));
        let until = until.copied().filter(|until| *until > self.now_ms);
        Ok(until.map(|until| Found {
            remaining_ms: (until != FOR_EVER).then(|| until - self.now_ms),
            packets: None,
        }))
    }

    fn counters(&mut self) -> Result<BTreeMap<String, CounterValue>, KernelError> {
        Ok(BTreeMap::new())
    }
}

/// What can happen.
#[derive(Clone, Debug)]
enum Happening {
    Ruleset(u8),
    Ban(Vec<(u8, u8, u32)>),
    Unban(Vec<(u8, u8)>),
    Snapshot(Vec<(u8, u8, u32)>),
    Passes(u32),
    Restart,
    Fails(u8),
    Flush,
    ForeignRule,
    ForeignChain,
    PolicyDrop,
    Dormant,
    TakeOut(u8),
    Check,
}

fn network((last, prefix): (u8, u8)) -> Network {
    if last % 2 == 0 {
        Network::of(IpAddr::from([198, 51, 100, last]), 22 + prefix % 11)
    } else {
        let last = u16::from(last);
        let address = IpAddr::from([0x2001, 0xdb8, last, last, 0, 0, 0, last]);
        Network::of(address, 48 + prefix % 81)
    }
}

fn ban((last, prefix, seconds): (u8, u8, u32)) -> Ban {
    let remaining_s = (seconds % 50 != 0).then_some(seconds % 5000);
    Ban { network: network((last, prefix)), remaining_s }
}

fn ruleset(number: u8) -> Ruleset {
    Ruleset {
        mode: [Mode::Enforce, Mode::Observe, Mode::Enforce, Mode::Off][usize::from(number % 4)],
        scope: if number & 4 == 0 { Scope::MailPorts } else { Scope::All },
        allow: (0..number % 3).map(|n| network((n * 2, 10))).collect(),
        protect: (0..number / 4 % 3).map(|n| network((n * 6, 10))).collect(),
        allow_only: (0..number % 2)
            .map(|n| AllowOnly { port: 993, networks: vec![network((n, 2)), network((7, 3))] })
            .collect(),
        limits: Limits {
            connections_per_minute_per_address: u32::from(number / 8 % 3),
            concurrent_per_prefix: u32::from(number / 16 % 2),
            ..Limits::default()
        },
        unlimited: (0..number % 5).map(|n| network((n, 8))).collect(),
        published: number & 64 != 0,
        counters_per_ban: number & 128 != 0,
        ..Ruleset::default()
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let ban = || (any::<u8>(), any::<u8>(), 1u32..100_000);
    prop_oneof![
        2 => any::<u8>().prop_map(Happening::Ruleset),
        6 => proptest::collection::vec(ban(), 1..5).prop_map(Happening::Ban),
        3 => proptest::collection::vec(any::<(u8, u8)>(), 1..3).prop_map(Happening::Unban),
        2 => proptest::collection::vec(ban(), 0..12).prop_map(Happening::Snapshot),
        3 => (1u32..3_000_000).prop_map(Happening::Passes),
        1 => Just(Happening::Restart),
        1 => (1u8..3).prop_map(Happening::Fails),
        1 => Just(Happening::Flush),
        1 => Just(Happening::ForeignRule),
        1 => Just(Happening::ForeignChain),
        1 => Just(Happening::PolicyDrop),
        1 => Just(Happening::Dormant),
        1 => any::<u8>().prop_map(Happening::TakeOut),
        2 => Just(Happening::Check),
    ]
}

/// The world of one run: the guard's desired state, the enforcer, the kernel.
struct Run {
    reconciler: Reconciler<Simulated>,
    ruleset: Ruleset,
    bans: BTreeMap<Network, u64>,
    now_ms: u64,
}

impl Run {
    fn new(old: bool, lacks_limits: bool) -> Run {
        let kernel = Simulated { old, lacks_limits, ..Simulated::default() };
        let mut run = Run {
            reconciler: Reconciler::new(kernel),
            ruleset: ruleset(0),
            bans: BTreeMap::new(),
            now_ms: 1000,
        };
        run.begin();
        run
    }

    /// What the guard does with a new enforcer.
    fn begin(&mut self) {
        let _ = self.reconciler.ruleset(self.ruleset.clone(), self.now_ms);
        self.snapshot();
    }

    fn snapshot(&mut self) {
        let now = self.now_ms;
        self.bans.retain(|_, until| *until > now);
        let bans: Vec<Ban> = self
            .bans
            .iter()
            .map(|(network, until)| Ban {
                network: *network,
                remaining_s: (*until != FOR_EVER).then(|| (until - now).div_ceil(1000) as u32),
            })
            .collect();
        self.reconciler.snapshot_begin();
        self.reconciler.snapshot_part(&bans, now);
        let _ = self.reconciler.snapshot_end(now);
    }

    fn want(&mut self, ban: &Ban) {
        if self.ruleset.refusal(&ban.network).is_some() || ban.remaining_s == Some(0) {
            return;
        }
        let until = ban.remaining_s.map_or(FOR_EVER, |s| self.now_ms + u64::from(s) * 1000);
        self.bans.insert(ban.network, until);
    }

    fn happens(&mut self, happening: Happening) {
        let now = self.now_ms;
        match happening {
            Happening::Ruleset(number) => {
                self.ruleset = ruleset(number);
                let ruleset = self.ruleset.clone();
                self.bans.retain(|network, _| ruleset.refusal(network).is_none());
                let _ = self.reconciler.ruleset(ruleset, now);
            }
            Happening::Ban(bans) => {
                let bans: Vec<Ban> = bans.into_iter().map(ban).collect();
                bans.iter().for_each(|ban| self.want(ban));
                let _ = self.reconciler.ban(&bans, now);
            }
            Happening::Unban(list) => {
                let mut networks: Vec<Network> = list.into_iter().map(network).collect();
                networks.extend(self.bans.keys().next());
                self.bans.retain(|network, _| !networks.contains(network));
                let _ = self.reconciler.unban(&networks, now);
            }
            Happening::Snapshot(bans) => {
                self.bans.clear();
                bans.into_iter().map(ban).for_each(|ban| self.want(&ban));
                self.snapshot();
            }
            Happening::Passes(ms) => {
                self.now_ms += u64::from(ms);
                self.reconciler.kernel().now_ms = self.now_ms;
            }
            Happening::Restart => {
                let kernel = self.reconciler.kernel().clone();
                self.reconciler = Reconciler::new(kernel);
                self.begin();
            }
            Happening::Fails(times) => self.reconciler.kernel().failures = times.into(),
            Happening::Flush => self.reconciler.kernel().state = State::default(),
            Happening::ForeignRule => {
                let rules = self.reconciler.kernel().state.chains.values_mut().next();
                let foreign = Rule { name: String::new(), steps: Vec::new() };
                rules.into_iter().for_each(|rules| rules.insert(0, foreign.clone()));
            }
            Happening::ForeignChain => {
                let state = &mut self.reconciler.kernel().state;
                state.foreign = state.table;
            }
            Happening::PolicyDrop => {
                let state = &mut self.reconciler.kernel().state;
                state.dropping = state.chains.keys().copied().collect();
            }
            Happening::Dormant => {
                let state = &mut self.reconciler.kernel().state;
                state.dormant = state.table;
            }
            Happening::TakeOut(nth) => self.take_out(nth),
            Happening::Check => drop(self.reconciler.check(8, now)),
        }
    }

    /// Somebody deletes elements; the kernel tells.
    fn take_out(&mut self, nth: u8) {
        let sets = &mut self.reconciler.kernel().state.sets;
        if let Some((_, (_, held))) = sets.iter_mut().nth(usize::from(nth) % 8) {
            held.clear();
            self.reconciler.distrust();
        }
    }

    /// The kernel holds what is desired, and there is nothing left to plan.
    fn settle(&mut self) {
        let now = self.now_ms;
        for _ in 0..4 {
            let _ = self.reconciler.check(1000, now);
        }
        self.reconciler.expire(now);
        self.bans.retain(|_, until| *until > now);
        assert!(!self.reconciler.is_dirty());
        let Reconciler { sets, lacks, .. } = &self.reconciler;
        let desired = Skeleton::of(&self.ruleset, sets, *lacks);
        let sets = sets.clone();
        let kernel = self.reconciler.kernel();
        assert_eq!(plan(&kernel.observe().unwrap(), &desired), []);
        assert!(kernel.state.dropping.is_empty() && !kernel.state.foreign);
        if self.ruleset.mode == Mode::Off {
            assert_eq!(kernel.state, State::default());
            return;
        }
        for (name, elements) in &desired.contents {
            let held: Vec<ElementKey> = kernel.state.sets[name].1.keys().copied().collect();
            assert_eq!(held, elements.iter().map(|e| e.key).collect::<Vec<_>>(), "{name}");
        }
        let mut held = BTreeMap::new();
        for set in sets.sets() {
            let (mask, _, _) = BanSets::parse(&set.name).unwrap();
            for (key, until) in &kernel.state.sets[&set.name].1 {
                let ElementKey::Address(address) = key else { panic!("{key:?}") };
                if *until > now {
                    held.insert(Network::of(*address, mask.prefix), *until);
                }
            }
        }
        // A ban about to end may have ended on one side: times agree to within the skew.
        let clear = |bans: &BTreeMap<Network, u64>| {
            let lasting = bans.iter().filter(|(_, until)| **until > now + SKEW_MS + 1000);
            lasting.map(|(network, _)| *network).collect::<Vec<_>>()
        };
        let missing = clear(&self.bans).into_iter().find(|network| !held.contains_key(network));
        assert_eq!(missing, None);
        let foreign = clear(&held).into_iter().find(|network| !self.bans.contains_key(network));
        assert_eq!(foreign, None);
        for (network, until) in self.bans.iter().filter(|(network, _)| held.contains_key(network)) {
            assert!(until.abs_diff(held[network]) <= SKEW_MS + 1000, "{network}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_kernel_ends_up_as_desired(
        happenings in proptest::collection::vec(happening(), 1..40),
        old: bool,
        lacks_limits: bool,
    ) {
        let mut run = Run::new(old, lacks_limits);
        for happening in happenings {
            run.happens(happening);
        }
        run.reconciler.kernel().failures = 0;
        run.settle();
    }

    #[test]
    fn after_the_planned_changes_nothing_is_left_to_plan(before: u8, after: u8, masks: [(u8, u8); 3]) {
        let mut sets = BanSets::default();
        let mut kernel = Simulated::default();
        for number in [before, after] {
            let desired = Skeleton::of(&ruleset(number), &sets, Lacks::default());
            let changes = plan(&kernel.observe().unwrap(), &desired);
            kernel.commit(&changes).unwrap();
            prop_assert_eq!(plan(&kernel.observe().unwrap(), &desired), []);
            sets.masks.extend(masks.map(|m| Mask::of(&network(m))));
            sets.generation += 1;
        }
    }

    #[test]
    fn a_restart_never_uncovers_a_ban(
        bans in proptest::collection::vec((any::<u8>(), any::<u8>(), 3000u32..5000), 1..10),
        number in 0u8..3,
    ) {
        let mut run = Run::new(false, false);
        let bans: Vec<Ban> = bans.into_iter().map(ban).collect();
        bans.iter().for_each(|ban| run.want(ban));
        run.reconciler.ban(&bans, run.now_ms).unwrap();
        // Every transaction of the new process is looked at: the bans held are in force in each.
        let kernel = Watched { inner: run.reconciler.kernel().clone(), bans: run.bans.clone() };
        let mut reconciler = Reconciler::new(kernel);
        let ruleset = Ruleset { allow: Vec::new(), ..ruleset(number & 2) };
        reconciler.ruleset(ruleset, run.now_ms).unwrap();
        reconciler.snapshot_begin();
        reconciler.snapshot_part(&bans, run.now_ms);
        reconciler.snapshot_end(run.now_ms).unwrap();
    }
}

/// Panics when a transaction leaves a ban without a rule that looks at it.
struct Watched {
    inner: Simulated,
    bans: BTreeMap<Network, u64>,
}

impl Kernel for Watched {
    fn observe(&mut self) -> Result<Observed, KernelError> {
        self.inner.observe()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), KernelError> {
        self.inner.commit(changes)?;
        let state = &self.inner.state;
        for network in self.bans.keys() {
            let key = ElementKey::Address(network.address());
            let covered = state.sets.iter().any(|(name, (_, held))| {
                BanSets::parse(name).is_some_and(|(mask, _, _)| mask == Mask::of(network))
                    && held.contains_key(&key)
                    && state.chains[&Hook::Input]
                        .iter()
                        .any(|rule| Rule::set_of_mark(&rule.mark()) == Some(name))
            });
            assert!(covered, "{network} is uncovered after {changes:?}");
        }
        Ok(())
    }

    fn find(&mut self, set: &str, key: ElementKey) -> Result<Option<Found>, KernelError> {
        self.inner.find(set, key)
    }

    fn counters(&mut self) -> Result<BTreeMap<String, CounterValue>, KernelError> {
        self.inner.counters()
    }
}

#[test]
fn a_later_success_does_not_cover_up_a_failed_lifting() {
    let mut run = Run::new(false, false);
    run.happens(Happening::Snapshot(vec![(1, 0, 9)]));
    run.happens(Happening::Fails(2));
    // Neither the new set nor the lifting of the first ban comes about.
    run.happens(Happening::Ban(vec![(133, 8, 9)]));
    run.happens(Happening::Unban(vec![(1, 0)]));
    // The set is missing, and is put there.
    run.happens(Happening::Unban(vec![(133, 8)]));
    run.settle();
}
