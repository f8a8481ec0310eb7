//! From the administrator's [`Ruleset`] to the sets and rules that say it.

use super::ruleset::{Limits, Ruleset, Scope};
use super::table::{
    Behaviour, Element, ElementKey, Family, Hook, Key, Mask, PortOf, Rule, Set, Step, hash,
};
use event::{Mode, Network};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in the table except the bans. An empty skeleton stands for no table at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Skeleton {
    /// The sets, those for bans included.
    pub sets: Vec<Set>,
    /// What is in the fixed sets.
    pub contents: BTreeMap<String, Vec<Element>>,
    /// The rules of each chain, in order.
    pub chains: BTreeMap<Hook, Vec<Rule>>,
}

/// What this kernel cannot do, and mailward does without.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lacks {
    /// Limits by rate or connections.
    pub limits: bool,
    /// The hook for published ports (needs connection tracking).
    pub forward: bool,
}

/// The sets for bans: which prefix lengths, and the generation that their names carry. A complete
/// list of bans is filled into sets of the next generation while the old ones are in force; then
/// the rules change over in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BanSets {
    /// The prefix lengths in use.
    pub masks: BTreeSet<Mask>,
    /// Counts up.
    pub generation: u32,
    /// Whether each ban counts packets.
    pub counted: bool,
}

impl Default for BanSets {
    fn default() -> Self {
        BanSets { masks: BanSets::USUAL.into(), generation: 0, counted: false }
    }
}

impl BanSets {
    /// Prefix lengths that are always there, so that the first ban of each changes no rule.
    pub const USUAL: [Mask; 4] = [
        Mask { family: Family::V4, prefix: 32 },
        Mask { family: Family::V4, prefix: 24 },
        Mask { family: Family::V6, prefix: 128 },
        Mask { family: Family::V6, prefix: 64 },
    ];

    /// The name of the set for a prefix length.
    pub fn name(&self, mask: Mask) -> String {
        let counted = if self.counted { "_counted" } else { "" };
        let Mask { family, prefix } = mask;
        format!("ban_{}_{prefix}{counted}_g{}", family.name(), self.generation)
    }

    /// All sets.
    pub fn sets(&self) -> impl Iterator<Item = Set> {
        self.masks.iter().map(|mask| Set {
            name: self.name(*mask),
            key: Key::Address(mask.family),
            behaviour: Behaviour::Timed { counted: self.counted },
        })
    }

    /// Reads back a name that [`BanSets::name`] made: prefix length, counted, generation.
    pub fn parse(name: &str) -> Option<(Mask, bool, u32)> {
        let (head, generation) = name.strip_prefix("ban_")?.rsplit_once("_g")?;
        let generation = generation.parse().ok()?;
        let (head, counted) = match head.strip_suffix("_counted") {
            Some(head) => (head, true),
            None => (head, false),
        };
        let (family, prefix) = head.split_once('_')?;
        let family = Family::ALL.into_iter().find(|f| f.name() == family)?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= family.bits())?;
        Some((Mask { family, prefix }, counted, generation))
    }
}

impl Skeleton {
    /// What says `ruleset` with these sets for bans.
    pub fn of(ruleset: &Ruleset, bans: &BanSets, lacks: Lacks) -> Skeleton {
        let mut skeleton = Skeleton::default();
        if ruleset.mode == Mode::Off {
            return skeleton;
        }
        let ports = ruleset.watched_ports();
        let ports =
            ports.into_iter().map(|port| Element { key: ElementKey::Port(port), timeout_ms: None });
        let ports = skeleton.fixed("ports", Key::Port, ports.collect());
        skeleton.sets.extend(bans.sets());
        for hook in Hook::ALL {
            if hook == Hook::Forward && (!ruleset.published || lacks.forward) {
                continue;
            }
            let rules = RulesOf { ruleset, bans, hook, ports: &ports }.write(&mut skeleton, lacks);
            skeleton.chains.insert(hook, rules);
        }
        skeleton.sets.sort_unstable();
        skeleton.sets.dedup();
        skeleton
    }

    /// Adds a fixed set; its name tells what is in it, so that a change of it is another set.
    fn fixed(&mut self, name: &str, key: Key, mut elements: Vec<Element>) -> String {
        elements.sort_unstable();
        elements.dedup();
        let name = format!("{name}_{:016x}", hash(&format!("{elements:?}")));
        self.sets.push(Set { name: name.clone(), key, behaviour: Behaviour::Fixed });
        self.contents.insert(name.clone(), elements);
        name
    }

    /// One fixed set for each prefix length of a family in a list of networks.
    fn networks(
        &mut self,
        name: &str,
        family: Family,
        networks: &[Network],
    ) -> Vec<(Mask, String)> {
        let mut by_mask: BTreeMap<Mask, Vec<Element>> = BTreeMap::new();
        for network in networks {
            let element = Element { key: ElementKey::Address(network.address()), timeout_ms: None };
            by_mask.entry(Mask::of(network)).or_default().push(element);
        }
        by_mask
            .into_iter()
            .filter(|(mask, _)| mask.family == family)
            .map(|(mask, elements)| {
                let name = format!("{name}_{}_{}", family.name(), mask.prefix);
                (mask, self.fixed(&name, Key::Address(family), elements))
            })
            .collect()
    }

    fn set(&mut self, name: String, family: Family, behaviour: Behaviour) -> String {
        self.sets.push(Set { name: name.clone(), key: Key::Address(family), behaviour });
        name
    }
}

/// The rules of one chain.
struct RulesOf<'a> {
    ruleset: &'a Ruleset,
    bans: &'a BanSets,
    hook: Hook,
    ports: &'a str,
}

impl RulesOf<'_> {
    fn write(&self, skeleton: &mut Skeleton, lacks: Lacks) -> Vec<Rule> {
        let mut rules = Vec::new();
        self.passing(&mut rules);
        for family in Family::ALL {
            self.pass("allow", family, &self.ruleset.allow, skeleton, &mut rules);
        }
        // Who is protected opens no connection to a port that is for others, and keeps those that
        // he has: an administrator who makes such a list is not cut off by it.
        let protect = &self.ruleset.protect;
        if !protect.is_empty() {
            self.allow_only("open", Some(Step::Opens), skeleton, &mut rules);
        }
        for family in Family::ALL {
            self.pass("protect", family, protect, skeleton, &mut rules);
        }
        self.allow_only("only", None, skeleton, &mut rules);
        for mask in &self.bans.masks {
            let set = self.bans.name(*mask);
            let name = format!("ban-{}-{}", mask.family.name(), mask.prefix);
            let source = Step::SourceIn { mask: *mask, set, inside: true };
            rules.push(self.against(name, [Step::Is(mask.family), source]));
        }
        if !lacks.limits {
            for family in Family::ALL {
                self.unlimited(family, skeleton, &mut rules);
                self.limits(family, skeleton, &mut rules);
            }
        }
        rules
    }

    fn port_of(&self) -> PortOf {
        match self.hook {
            Hook::Input => PortOf::Packet,
            Hook::Forward => PortOf::Connection,
        }
    }

    /// What is none of our business goes on at once.
    fn passing(&self, rules: &mut Vec<Rule>) {
        let mut pass = |name: &str, step| {
            rules.push(Rule { name: name.to_owned(), steps: vec![step, Step::Accept] });
        };
        match self.hook {
            Hook::Input => pass("loopback", Step::Loopback),
            Hook::Forward => {
                pass("untracked", Step::Untracked);
                pass("reply", Step::Reply);
                pass("unpublished", Step::NotPublished);
            }
        }
        if self.ruleset.scope == Scope::MailPorts {
            pass("not-tcp", Step::Tcp(false));
            let set = self.ports.to_owned();
            pass("unguarded", Step::PortIn { of: self.port_of(), set, inside: false });
        }
    }

    fn pass(
        &self,
        name: &str,
        family: Family,
        networks: &[Network],
        skeleton: &mut Skeleton,
        rules: &mut Vec<Rule>,
    ) {
        for (mask, set) in skeleton.networks(name, family, networks) {
            let source = Step::SourceIn { mask, set, inside: true };
            rules.push(Rule {
                name: name.to_owned(),
                steps: vec![Step::Is(family), source, Step::Accept],
            });
        }
    }

    /// Against packets, or such packets, from others than those that a port is for.
    fn allow_only(
        &self,
        name: &str,
        such: Option<Step>,
        skeleton: &mut Skeleton,
        rules: &mut Vec<Rule>,
    ) {
        for family in Family::ALL {
            for only in &self.ruleset.allow_only {
                let port = only.port;
                let of = self.port_of();
                let mut steps = vec![Step::Is(family), Step::Tcp(true), Step::PortIs { of, port }];
                let listed = skeleton.networks(&format!("only_{port}"), family, &only.networks);
                for (mask, set) in listed {
                    steps.push(Step::SourceIn { mask, set, inside: false });
                }
                steps.extend(such.clone());
                rules.push(self.against(format!("{name}-{port}-{}", family.name()), steps));
            }
        }
    }

    /// Behind the bans: who is let through here can be banned.
    fn unlimited(&self, family: Family, skeleton: &mut Skeleton, rules: &mut Vec<Rule>) {
        if self.ruleset.limits.is_off() {
            return;
        }
        for (mask, set) in skeleton.networks("unlimited", family, &self.ruleset.unlimited) {
            let source = Step::SourceIn { mask, set, inside: true };
            rules.push(Rule {
                name: "unlimited".to_owned(),
                steps: vec![Step::Is(family), source, Step::Accept],
            });
        }
    }

    fn limits(&self, family: Family, skeleton: &mut Skeleton, rules: &mut Vec<Rule>) {
        let Limits {
            connections_per_minute_per_address,
            burst_per_address,
            connections_per_minute_per_prefix,
            burst_per_prefix,
            concurrent_per_address,
            concurrent_per_prefix,
        } = self.ruleset.limits;
        let (address, prefix) = limit_masks(family);
        for (who, mask, per_minute, burst) in [
            ("address", address, connections_per_minute_per_address, burst_per_address),
            ("prefix", prefix, connections_per_minute_per_prefix, burst_per_prefix),
        ] {
            if per_minute > 0 {
                let timeout_s = seconds_to_refill(per_minute, burst);
                let name = format!("rate_{who}_{}_{per_minute}_{burst}", family.name());
                let set = skeleton.set(name, family, Behaviour::Metered { timeout_s });
                let step = Step::RateOver { mask, set, per_minute, burst, timeout_s };
                let name = format!("rate-{who}-{}", family.name());
                rules.push(self.against(name, self.opening(family, step)));
            }
        }
        for (who, mask, count) in [
            ("address", address, concurrent_per_address),
            ("prefix", prefix, concurrent_per_prefix),
        ] {
            if count > 0 {
                let name = format!("concurrent_{who}_{}_{count}", family.name());
                let set = skeleton.set(name, family, Behaviour::Counting);
                let step = Step::CountOver { mask, set, count };
                let name = format!("concurrent-{who}-{}", family.name());
                rules.push(self.against(name, self.opening(family, step)));
            }
        }
    }

    /// A step for packets that open a connection to a guarded port.
    fn opening(&self, family: Family, step: Step) -> Vec<Step> {
        let mut steps = vec![Step::Is(family), Step::Tcp(true)];
        if self.ruleset.scope == Scope::All {
            let set = self.ports.to_owned();
            steps.push(Step::PortIn { of: self.port_of(), set, inside: true });
        }
        steps.extend([Step::Opens, step]);
        steps
    }

    /// A rule that counts and drops; when observing it counts and lets go, so that each packet is
    /// counted by the very rule that would have dropped it.
    fn against(&self, name: String, steps: impl IntoIterator<Item = Step>) -> Rule {
        let verdict = match self.ruleset.mode {
            Mode::Enforce => Step::Drop,
            Mode::Observe | Mode::Off => Step::Accept,
        };
        let steps = steps.into_iter().chain([Step::Count, verdict]).collect();
        Rule { name, steps }
    }
}

/// What an address and a prefix are to the limits.
const fn limit_masks(family: Family) -> (Mask, Mask) {
    match family {
        Family::V4 => (Mask { family, prefix: 32 }, Mask { family, prefix: 24 }),
        Family::V6 => (Mask { family, prefix: 64 }, Mask { family, prefix: 48 }),
    }
}

/// After so long an idle source has its whole burst again and may be forgotten.
fn seconds_to_refill(per_minute: u32, burst: u32) -> u32 {
    let seconds = (u64::from(burst) + 1) * 60 / u64::from(per_minute.max(1)) + 60;
    u32::try_from(seconds).unwrap_or(u32::MAX).min(86_400)
}
