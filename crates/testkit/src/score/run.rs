//! One world from its first line to its last, with the guard in it.

use super::aims::{Aim, aim, is_told_of};
use super::groups::{Accounts, Course, about};
use super::owners::Owners;
use super::sieve::Sieve;
use crate::world::{ActorId, GroupId, Micros, Plan, Said, What, World};
use engine::{Config, Engine, Input, Output};
use event::{
    Command, Decision, Event, Evidence, Kind as Told, Measure, Mode, Network, Order, Origin,
    Outcome, Subject, Timestamp,
};
use parse::{Parsed, Stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Lines against clients that are remembered, to be shown as evidence.
const REMEMBERED: usize = 1 << 14;
/// What the mail server calls itself in its lines.
const HOST: &str = "mail";
/// So long after its end a happening may be told, and a campaign still writes.
const HOUR: Micros = 3_600_000_000;
/// Lines between two reports of the progress.
const TURN: u64 = 1 << 16;

/// A ban, with the truth about whom it meets.
#[derive(Clone, Debug)]
pub struct Ban {
    /// When.
    pub at: Micros,
    /// Its rule.
    pub detector: String,
    /// Whom.
    pub network: Network,
    /// Addresses of attackers in it, so far.
    pub attackers: u64,
    /// Honest actors who were seen there before.
    pub honest: Vec<ActorId>,
    /// Clients whom it refused.
    pub refused: BTreeSet<IpAddr>,
    /// The last line that speaks for it.
    pub last: Last,
}

/// The last line that speaks for something, and who wrote it in truth.
#[derive(Clone, Debug)]
pub struct Last {
    /// Who.
    pub actor: ActorId,
    /// The line.
    pub line: String,
}

/// A finding about an account or a host, or of a detector that does not ban.
#[derive(Clone, Debug)]
pub struct Found {
    /// When.
    pub at: Micros,
    /// Its detector.
    pub detector: String,
    /// About whom.
    pub subject: String,
    /// The campaigns that it names rightly.
    pub groups: Vec<GroupId>,
    /// It is right.
    pub is_right: bool,
    /// The last line that speaks for it.
    pub last: Last,
}

/// What came of it.
pub struct Run {
    /// The world, at its end.
    pub world: World,
    /// Its plan.
    pub plan: &'static str,
    /// Its seed.
    pub seed: u64,
    /// Lines.
    pub lines: u64,
    /// Lines that the parsers did not know.
    pub unknown: u64,
    /// All bans that are to be enforced.
    pub bans: Vec<Ban>,
    /// What was found besides.
    pub found: Vec<Found>,
    /// Who was where.
    pub owners: Owners,
    /// The campaigns, by their numbers.
    pub courses: Vec<Course>,
    /// State that gave way for want of room, by table.
    pub evicted: BTreeMap<String, u64>,
}

/// Detectors that are about stolen accounts, not about attacked ones.
fn is_of_thieves(detector: &str) -> bool {
    matches!(detector, "outbound-surge" | "takeover")
}

struct Watch {
    sieve: Sieve,
    engine: Engine,
    outputs: Vec<Output>,
    accounts: Accounts,
    numbers: BTreeMap<String, u32>,
    remembered: Vec<(u64, ActorId, Vec<u8>)>,
    /// What a file of networks says of each address; `None`: there is none.
    origins: Option<BTreeMap<IpAddr, Origin>>,
    /// Who wrote the line of now.
    actor: ActorId,
}

/// Lets the guard live in a world, with a file of operators and countries if it `has_geo`. `tell`
/// hears from time to time how far event time has come.
pub fn run(plan: &Plan, seed: u64, has_geo: bool, tell: &mut dyn FnMut(Micros)) -> Run {
    let world = World::new(plan, seed);
    let mut watch = Watch::new(&world, seed, plan.start);
    watch.origins = has_geo.then(BTreeMap::new);
    let courses = world.groups().iter().map(|group| {
        let account = group.actors.first().and_then(|id| world.actor(*id)?.account);
        Course::new(group.kind, account)
    });
    let mut run = Run {
        courses: courses.collect(),
        world,
        plan: plan.name,
        seed,
        lines: 0,
        unknown: 0,
        bans: Vec::new(),
        found: Vec::new(),
        owners: Owners::default(),
        evicted: BTreeMap::new(),
    };
    let mut line = Vec::new();
    while let Some(said) = run.world.next(&mut watch.sieve, &mut line) {
        run.lines += 1;
        run.note(&mut watch, &said);
        run.read(&mut watch, &said, &line);
        if run.lines.is_multiple_of(TURN) {
            tell(said.at_micros);
        }
    }
    watch.engine.finish(&mut watch.outputs);
    run.take_outputs(&mut watch, &line);
    for (ban, refused) in run.bans.iter_mut().zip(watch.sieve.refused) {
        ban.refused = refused;
    }
    run
}

impl Watch {
    fn new(world: &World, seed: u64, start: Micros) -> Self {
        // The world's seed must not be the engine's.
        let config = Config {
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            allow_networks: world.allowed().iter().copied().map(Network::host).collect(),
            ..Config::default()
        };
        let mut engine = Engine::new(config);
        let command = Command {
            at: Timestamp(start),
            operator: "score".into(),
            reason: "".into(),
            order: Order::Protect { networks: world.own_addresses().map(Network::host).into() },
        };
        let mut outputs = Vec::new();
        engine.step(0, &Input::Command(&command), &mut outputs);
        outputs.clear();
        let numbers = (0..world.accounts()).map(|n| (world.login(n).to_owned(), n)).collect();
        let (sieve, accounts) = (Sieve::default(), Accounts::default());
        let remembered = vec![(0, ActorId(0), Vec::new()); REMEMBERED];
        Watch {
            sieve,
            engine,
            outputs,
            accounts,
            numbers,
            remembered,
            origins: None,
            actor: ActorId(0),
        }
    }

    fn remember(&mut self, seq: u64, line: &[u8]) {
        if let Some((at, actor, text)) = self.remembered.get_mut(seq as usize % REMEMBERED) {
            (*at, *actor) = (seq, self.actor);
            text.clear();
            text.extend_from_slice(line);
        }
    }

    fn last(&self, evidence: &Evidence, now: &[u8]) -> Last {
        let last = evidence.lines().last().and_then(|seq| {
            let (at, actor, text) = self.remembered.get(*seq as usize % REMEMBERED)?;
            (at == seq).then_some((*actor, text.as_slice()))
        });
        let (actor, line) = last.unwrap_or((self.actor, now));
        Last { actor, line: String::from_utf8_lossy(line).into_owned() }
    }
}

impl Run {
    /// Notes the truth.
    fn note(&mut self, watch: &mut Watch, said: &Said) {
        let Some(actor) = self.world.actor(said.actor) else { return };
        self.owners.note(said, actor);
        if let What::NotTaken { group, .. } = said.what
            && let Some(course) = self.courses.get_mut(group.0 as usize)
        {
            course.note(said);
        }
        if let Some(group) = actor.group.filter(|_| actor.kind.is_attack()) {
            watch.accounts.note(group, said.what);
            if let Some(course) = self.courses.get_mut(group.0 as usize) {
                course.note(said);
            }
        }
    }

    /// Reads the line as the program does.
    fn read(&mut self, watch: &mut Watch, said: &Said, line: &[u8]) {
        let Some(record) = parse::frame(line) else { return self.unknown += 1 };
        let Stamp::Utc(at) = record.stamp else { return self.unknown += 1 };
        match parse::parse(&record, at) {
            Parsed::Event(event) => self.step(watch, said, &event, line),
            Parsed::Noise(_) => {}
            _ => self.unknown += 1,
        }
    }

    fn step(&mut self, watch: &mut Watch, said: &Said, event: &Event<'_>, line: &[u8]) {
        watch.actor = said.actor;
        if event.hostile || event.kind == Told::Query || event.mail_subject.is_some() {
            watch.remember(self.lines, line);
        }
        self.note_name(said, event);
        match watch.engine.join(event) {
            None => self.take_in(watch, event),
            Some(joined) => self.take_in(watch, &joined.fill(event)),
        }
        if !watch.outputs.is_empty() {
            self.take_outputs(watch, line);
        }
    }

    /// Looks up whence a login comes, as the program does, and lets the engine have it.
    fn take_in(&self, watch: &mut Watch, event: &Event<'_>) {
        let is_login = event.kind == Told::Auth && event.outcome == Outcome::Allowed;
        let origin = match (&mut watch.origins, event.client) {
            (Some(origins), Some(client)) if is_login && event.account.is_some() => {
                *origins.entry(client).or_insert_with(|| self.origin(client))
            }
            _ => Origin::default(),
        };
        let event = Event { origin, ..*event };
        watch.engine.step(self.lines, &Input::Event(&event), &mut watch.outputs);
    }

    fn origin(&self, client: IpAddr) -> Origin {
        let operator = self.world.operator(client);
        operator.map_or(Origin::default(), |operator| Origin {
            operator: operator.number,
            country: Origin::country_of(operator.country),
        })
    }

    /// Notes a name whose mail exchanger a campaign asks for.
    fn note_name(&mut self, said: &Said, event: &Event<'_>) {
        if let Some(name) = event.query_name.filter(|_| event.kind == Told::Query)
            && event.query_type.is_some_and(|kind| kind.bytes() == b"MX")
            && let Some(group) = self.world.actor(said.actor).and_then(|actor| actor.group)
            && let Some(course) = self.courses.get_mut(group.0 as usize)
            && course.found.is_none()
        {
            course.names.insert(name.bytes().to_ascii_lowercase());
        }
    }

    fn take_outputs(&mut self, watch: &mut Watch, line: &[u8]) {
        for output in std::mem::take(&mut watch.outputs) {
            match output {
                Output::Finding(finding) => {
                    let at = finding.at.0;
                    let last = watch.last(&finding.evidence, line);
                    self.take_found(watch, at, &finding.detector, &finding.subject, last);
                }
                Output::Decision(decision) => self.take_decision(watch, &decision, line),
                Output::Expiry(expiry) => {
                    if let Some(network) = expiry.subject.network()
                        && expiry.mode == Mode::Enforce
                    {
                        watch.sieve.lift(&network);
                    }
                }
                Output::Evicted(evicted) => {
                    *self.evicted.entry(evicted.table.into_owned()).or_default() += evicted.entries;
                }
            }
        }
    }

    fn take_decision(&mut self, watch: &mut Watch, decision: &Decision, line: &[u8]) {
        let Some(network) = decision.subject.network() else { return };
        if decision.mode != Mode::Enforce || decision.measure != Measure::Ban {
            return;
        }
        let (number, at) = (self.bans.len(), decision.at.0);
        let (mut attackers, mut honest, mut groups) = (0, Vec::new(), BTreeSet::new());
        for (_, owner) in self.owners.within_mut(network) {
            owner.named.get_or_insert(at);
            owner.banned.get_or_insert((at, number));
            honest.extend(owner.honest);
            if let Some((group, _)) = owner.attack {
                attackers += 1;
                groups.insert(group);
            }
        }
        honest.sort_unstable();
        honest.dedup();
        groups.into_iter().for_each(|group| self.prefix_banned(group, network, at));
        let until = decision.until.map_or(Micros::MAX, |until| until.0);
        watch.sieve.hold(network, until, number);
        self.bans.push(Ban {
            at,
            detector: decision.rule.to_string(),
            network,
            attackers,
            honest,
            refused: BTreeSet::new(),
            last: watch.last(&decision.evidence, line),
        });
    }

    fn prefix_banned(&mut self, group: GroupId, network: Network, at: Micros) {
        let Some(course) = self.courses.get_mut(group.0 as usize) else { return };
        // A narrower ban will do where it covers all that came so far: whoever counts up the
        // networks of his /32 is in its first /48 for years.
        if let Aim::Prefix { length, .. } = aim(course.kind)
            && (network.prefix() <= length || course.is_within(&network))
            && course.addresses_before.is_none()
        {
            course.addresses_before = Some(course.addresses.len() as u64);
            course.prefix_banned = Some(at);
            course.banned = Some(network).filter(|network| network.prefix() > length);
        }
    }

    fn take_found(
        &mut self,
        watch: &Watch,
        at: Micros,
        detector: &str,
        subject: &Subject,
        last: Last,
    ) {
        let groups = match subject {
            Subject::Client(_) | Subject::Network(_) => {
                let Some(network) = subject.network() else { return };
                for (_, owner) in self.owners.within_mut(network) {
                    if owner.attack.is_some() {
                        owner.named.get_or_insert(at);
                    }
                }
                // The others' are judged by the bans that they lead to.
                if !matches!(detector, "mx-surge" | "spam-campaign") {
                    return;
                }
                let courses = self.courses.iter().enumerate();
                let there = courses.filter(|(_, course)| course.came_from(&network));
                there.map(|(number, _)| GroupId(number as u32)).collect()
            }
            Subject::Account(name) => {
                let name = String::from_utf8_lossy(name);
                let account = watch.numbers.get(name.as_ref()).copied();
                let thieves = account.map(|account| watch.accounts.thieves(account).collect());
                let thieves: Vec<GroupId> = thieves.unwrap_or_default();
                // Where there is no such account, it is right if an attacker asked for it.
                let is_attack =
                    self.world.actor(last.actor).is_some_and(|actor| actor.kind.is_attack());
                let is_right =
                    account.map_or(is_attack, |account| watch.accounts.is_attacked(account));
                if thieves.is_empty() && is_right && !is_of_thieves(detector) {
                    return self.push_found(at, detector, subject, Vec::new(), true, last);
                }
                thieves
            }
            // A sender is a name in a line: right is who wrote that.
            Subject::Sender(_) => {
                let actor = self.world.actor(last.actor);
                let group = actor.filter(|actor| actor.kind.is_attack());
                group.and_then(|actor| actor.group).into_iter().collect()
            }
            // Of mail that comes in masses or does not get through: while that is so.
            Subject::Host(name) if matches!(detector, "blocked-surge" | "deferred-surge") => {
                let groups = self.happening(at, detector, &String::from_utf8_lossy(name));
                return self.is_found(at, detector, subject, groups, last);
            }
            Subject::Host(_) => return self.take_host(at, detector, subject, last),
        };
        let is_account = matches!(subject, Subject::Account(_));
        let groups = about(&self.courses, groups, at);
        let is_right = !groups.is_empty();
        // One account of a wave is not the wave.
        let whole = groups.iter().copied().filter(|group| !(is_account && self.is_wave(*group)));
        self.are_found(at, &whole.collect::<Vec<GroupId>>());
        self.push_found(at, detector, subject, groups, is_right, last);
    }

    /// True for a campaign that is found as a whole.
    fn is_wave(&self, group: GroupId) -> bool {
        let course = self.courses.get(group.0 as usize);
        course.is_some_and(|course| aim(course.kind) == Aim::CountedCampaigns)
    }

    fn are_found(&mut self, at: Micros, groups: &[GroupId]) {
        for group in groups {
            if let Some(course) = self.courses.get_mut(group.0 as usize) {
                course.is_found(at);
            }
        }
    }

    /// These campaigns are found; where there are none, the finding is wrong.
    fn is_found(
        &mut self,
        at: Micros,
        detector: &str,
        subject: &Subject,
        groups: Vec<GroupId>,
        last: Last,
    ) {
        self.are_found(at, &groups);
        let is_right = !groups.is_empty();
        self.push_found(at, detector, subject, groups, is_right, last);
    }

    /// What a detector tells the host of at this time. About a domain it is right where that is
    /// one of those befallen.
    fn happening(&self, at: Micros, detector: &str, host: &str) -> Vec<GroupId> {
        let now = self.world.happenings().iter().filter(|happening| {
            is_told_of(detector, happening.kind)
                && (happening.from..=happening.until + HOUR).contains(&at)
                && (host == HOST || happening.domains.contains(host))
        });
        now.map(|happening| happening.group).collect()
    }

    /// Of a host that is attacked as a whole, the last line was an attacker's. Where thieves write
    /// for all of it, anybody's may be the last: it is right while a wave goes on, or several do.
    fn take_host(&mut self, at: Micros, detector: &str, subject: &Subject, last: Last) {
        if !is_of_thieves(detector) {
            let actor = self.world.actor(last.actor);
            let is_right = actor.is_some_and(|actor| actor.kind.is_attack());
            return self.push_found(at, detector, subject, Vec::new(), is_right, last);
        }
        let writing = |course: &Course| course.wrote.is_some_and(|wrote| at - wrote < HOUR);
        let thieves = self.courses.iter().filter(|course| writing(course)).count();
        let is_wave =
            |course: &Course| aim(course.kind) == Aim::CountedCampaigns && writing(course);
        let wave = self.courses.iter().position(is_wave);
        if let Some(course) = wave.and_then(|number| self.courses.get_mut(number)) {
            course.is_found(at);
        }
        let groups: Vec<GroupId> = wave.map(|number| GroupId(number as u32)).into_iter().collect();
        let is_right = !groups.is_empty() || thieves > 1;
        self.push_found(at, detector, subject, groups, is_right, last);
    }

    fn push_found(
        &mut self,
        at: Micros,
        detector: &str,
        subject: &Subject,
        groups: Vec<GroupId>,
        is_right: bool,
        last: Last,
    ) {
        let (detector, subject) = (detector.to_owned(), format!("{} {subject}", subject.kind()));
        self.found.push(Found { at, detector, subject, groups, is_right, last });
    }
}
