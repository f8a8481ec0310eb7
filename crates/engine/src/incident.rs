//! Incidents: findings that belong together, so that a person has few things to look at.
//!
//! Takes what the engine says and what operators order, in that order, and keeps those incidents
//! that are not over. It changes no decision. A finding joins, in this order:
//!
//! 1. the incident that its subject is part of, within [`SUBJECT_S`];
//! 2. where it is about a prefix, the incident of the client whose ban brought it about;
//! 3. the latest one that its detector opened, within [`GAP_S`] of its latest finding; an incident
//!    that has lasted [`LONGEST_S`] takes no others in: what goes on is the next one;
//!
//! or opens a new one. An incident that is answered and quiet ends by itself; one that waits for a
//! person ends by a person only.

use crate::decide::{OPERATOR, PREFIX_RULE};
use crate::engine::Output;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use event::{
    Command, Concerned, Decision, Expiry, Finding, Incident, IncidentState, IncidentStep, Mode,
    Name, Order, Standing, Subject, Timestamp,
};

/// Findings of one detector that are no further apart belong together; so long must an incident
/// that is answered be quiet to be over.
const GAP_S: i64 = 30 * 60;
/// An incident that is not answered, and waits for nobody, is over when it is quiet for so long.
const QUIET_S: i64 = 24 * 3600;
/// A subject's findings belong together for so long.
const SUBJECT_S: i64 = 6 * 3600;
/// No incident grows for longer.
const LONGEST_S: i64 = 24 * 3600;
/// So often quiet ones are looked for.
const LOOK_EVERY_S: i64 = 60;
/// Incidents that are not over; beyond that the quietest gives way.
const OPEN_MAX: usize = 256;
/// Bytes of a name that is listed (RFC 5321 allows 320 of a mailbox).
const NAME_MAX: usize = 512;
/// Detectors of one incident that are named.
const DETECTORS_MAX: usize = 8;
/// Why an order about an incident is not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentError {
    /// There is none with this number.
    Missing,
    /// It stands there already.
    Already(IncidentState),
}

/// The incidents that are not over.
#[derive(Debug, Default)]
pub struct Incidents {
    open: BTreeMap<u64, Incident>,
    /// In which incident a subject is.
    places: BTreeMap<Subject, u64>,
    /// The latest incident that a detector opened.
    latest: BTreeMap<Name, u64>,
    /// Those that changed, and are not handed out yet.
    changed: BTreeSet<u64>,
    /// Those that are over since they were last handed out.
    over: Vec<Incident>,
    /// Those of which something was said since the last [`Incidents::settle`].
    touched: BTreeSet<u64>,
    /// When quiet ones are next looked for.
    look_at: Timestamp,
    last: u64,
    /// The latest finding of any: its incident and time.
    before: (u64, Timestamp),
}

impl Incidents {
    /// Goes on from what is on record: those that are not over, and the greatest number given.
    pub fn of(open: impl IntoIterator<Item = Incident>, last: u64) -> Self {
        let open = open.into_iter().map(|incident| (incident.number, incident)).collect();
        let mut incidents = Incidents { open, last, ..Incidents::default() };
        incidents.index();
        incidents
    }

    /// One that is not over.
    pub fn get(&self, number: u64) -> Option<&Incident> {
        self.open.get(&number)
    }

    /// How many are not over.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// How many of them wait for a person.
    pub fn waiting(&self) -> usize {
        self.open.values().filter(|incident| incident.waits()).count()
    }

    /// True where all are over.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes one thing that the engine said.
    pub fn take(&mut self, output: &Output) {
        match output {
            Output::Finding(finding) => self.found(finding),
            Output::Decision(decision) => self.decided(decision),
            Output::Expiry(expiry) => self.ended(expiry),
            Output::Evicted(_) => {}
        }
    }

    /// Carries out an order about incidents; the number of the one it is about. `stored` is the
    /// incident as it is on record, for one that is over.
    ///
    /// # Errors
    /// There is no such incident, or it stands there already.
    pub fn order(
        &mut self,
        command: &Command,
        stored: Option<Incident>,
    ) -> Result<Option<u64>, IncidentError> {
        match &command.order {
            Order::OpenIncident { subject } => Ok(Some(self.open_by_hand(command, subject))),
            Order::Incident { number, step } => {
                let before = self.open.get(number).or(stored.as_ref());
                let state = before.ok_or(IncidentError::Missing)?.state;
                if state == step.to() {
                    return Err(IncidentError::Already(state));
                }
                if !self.open.contains_key(number) {
                    stored.into_iter().for_each(|stored| self.enter(stored));
                }
                self.step(command, *number, *step);
                Ok(Some(*number))
            }
            _ => Ok(None),
        }
    }

    /// What is said of one input is said: to be called after each, with event time. Costs nothing
    /// where nothing was said.
    pub fn settle(&mut self, now: Timestamp) {
        while let Some(number) = self.touched.pop_first() {
            let Some(incident) = self.open.get_mut(&number) else { continue };
            let is_contained = incident.is_contained();
            incident.contained_at =
                is_contained.then(|| incident.contained_at.unwrap_or(incident.latest_at));
            self.changed.insert(number);
        }
        let is_set_back = self.look_at.seconds() - now.seconds() > 2 * LOOK_EVERY_S;
        if now >= self.look_at || is_set_back {
            self.look_at = now.plus_seconds(LOOK_EVERY_S);
            let quiet = self.open.values().filter(|one| is_over(one, now));
            let quiet: Vec<u64> = quiet.map(|one| one.number).collect();
            quiet.into_iter().for_each(|number| self.resolve(number, now, ("", "quiet")));
        }
    }

    /// Those that changed since the last call, each as it is now.
    pub fn changed(&mut self) -> Vec<Incident> {
        let mut changed = core::mem::take(&mut self.over);
        let open = core::mem::take(&mut self.changed).into_iter();
        changed.extend(open.filter_map(|number| self.open.get(&number).cloned()));
        changed
    }

    fn enter(&mut self, incident: Incident) {
        self.last = self.last.max(incident.number);
        self.open.insert(incident.number, incident);
        self.index();
    }

    /// Which incident a finding joins, from the incidents alone: the same after a restart.
    fn index(&mut self) {
        self.places.clear();
        self.latest.clear();
        for incident in self.open.values() {
            let subjects = incident.concerned.iter().map(|one| one.subject.clone());
            self.places.extend(subjects.map(|subject| (subject, incident.number)));
            // One that a person opened is about its subjects alone.
            let first = incident.detectors.first().filter(|_| incident.opened_by.is_empty());
            self.latest.extend(first.map(|detector| (detector.clone(), incident.number)));
        }
    }

    fn found(&mut self, finding: &Finding) {
        let number = self.place(&finding.detector, &finding.subject, finding.at);
        let number = number.unwrap_or_else(|| self.begin(finding));
        let Some(incident) = self.open.get_mut(&number) else { return };
        incident.latest_at = incident.latest_at.max(finding.at);
        incident.findings = incident.findings.saturating_add(1);
        incident.score_max = incident.score_max.max(finding.score);
        let is_new = !incident.detectors.contains(&finding.detector);
        if is_new && incident.detectors.len() < DETECTORS_MAX {
            incident.detectors.push(finding.detector.clone());
        }
        let is_listed = incident.concerned.iter().any(|one| one.subject == finding.subject);
        if !is_listed {
            if incident.concerned.len() < Incident::CONCERNED_MAX && is_short(&finding.subject) {
                let standing = Standing::Found;
                let subject = finding.subject.clone();
                incident.concerned.push(Concerned { subject, since: finding.at, standing });
                self.places.insert(finding.subject.clone(), number);
            } else {
                incident.findings_more = incident.findings_more.saturating_add(1);
                incident.unanswered_more = incident.unanswered_more.saturating_add(1);
            }
        }
        self.before = (number, finding.at);
        self.touched.insert(number);
    }

    /// The incident that a finding belongs to, where there is one.
    fn place(&self, detector: &Name, subject: &Subject, at: Timestamp) -> Option<u64> {
        let within = |number: &u64, seconds: i64| {
            let incident = self.open.get(number)?;
            let is_near = at.seconds() - incident.latest_at.seconds() <= seconds;
            let is_young = at.seconds() - incident.opened_at.seconds() <= LONGEST_S
                || !incident.opened_by.is_empty();
            (is_near && is_young).then_some(*number)
        };
        let of_subject = || within(self.places.get(subject)?, SUBJECT_S);
        let of_client = || {
            let (number, told_at) = self.before;
            (detector == PREFIX_RULE && told_at == at).then(|| within(&number, GAP_S)).flatten()
        };
        let of_detector = || within(self.latest.get(detector)?, GAP_S);
        of_subject().or_else(of_client).or_else(of_detector)
    }

    fn begin(&mut self, finding: &Finding) -> u64 {
        self.make_room(finding.at);
        // The one that lasted too long goes on as this one.
        if let Some(long) = self.latest.get(&finding.detector).copied()
            && self.open.get(&long).is_some_and(|before| {
                !before.waits() && finding.at.seconds() - before.latest_at.seconds() <= GAP_S
            })
        {
            self.resolve(long, finding.at, ("", "long"));
        }
        self.last += 1;
        let number = self.last;
        let evidence = finding.evidence;
        self.open.insert(number, Incident { evidence, ..Incident::new(number, finding.at) });
        self.latest.insert(finding.detector.clone(), number);
        number
    }

    fn decided(&mut self, decision: &Decision) {
        let is_ordered = decision.rule == OPERATOR;
        let of_rule = || {
            let number = self.place(&decision.rule, &decision.subject, decision.at)?;
            (!is_ordered).then_some(number)
        };
        let number = self.places.get(&decision.subject).copied().or_else(of_rule);
        let Some(incident) = number.and_then(|number| self.open.get_mut(&number)) else { return };
        incident.latest_at = incident.latest_at.max(decision.at);
        incident.decisions = incident.decisions.saturating_add(1);
        let standing = match (decision.mode, decision.subject.network()) {
            (Mode::Enforce, _) => Standing::Answered,
            (_, None) => Standing::Proposed,
            (_, Some(_)) => Standing::Found,
        };
        let mut listed = incident.concerned.iter_mut();
        match listed.find(|one| one.subject == decision.subject) {
            Some(one) => one.standing = standing,
            None if standing == Standing::Answered => {
                incident.unanswered_more = incident.unanswered_more.saturating_sub(1);
            }
            None => {}
        }
        self.touched.insert(incident.number);
    }

    /// What a person lifted needs that person no more.
    fn ended(&mut self, expiry: &Expiry) {
        if expiry.cause != OPERATOR {
            return;
        }
        let number = self.places.get(&expiry.subject);
        let Some(incident) = number.and_then(|number| self.open.get_mut(number)) else { return };
        let mut listed = incident.concerned.iter_mut();
        if let Some(one) = listed.find(|one| one.subject == expiry.subject) {
            one.standing = Standing::Answered;
            self.touched.insert(incident.number);
        }
    }

    fn open_by_hand(&mut self, command: &Command, subject: &Subject) -> u64 {
        self.make_room(command.at);
        self.last += 1;
        let mut incident = Incident::new(self.last, command.at);
        incident.opened_by = command.operator.clone();
        incident.title = command.reason.clone();
        incident.concerned.push(Concerned {
            subject: subject.clone(),
            since: command.at,
            standing: Standing::Found,
        });
        self.enter(incident);
        self.touched.insert(self.last);
        self.last
    }

    fn step(&mut self, command: &Command, number: u64, step: IncidentStep) {
        let Some(incident) = self.open.get_mut(&number) else { return };
        incident.latest_at = incident.latest_at.max(command.at);
        if step == IncidentStep::Resolve {
            self.resolve(number, command.at, (&command.operator, &command.reason));
            return;
        }
        incident.state = step.to();
        incident.acted_by = command.operator.clone();
        incident.resolved_at = None;
        if step == IncidentStep::Acknowledge {
            incident.acknowledged_at.get_or_insert(command.at);
        }
        self.changed.insert(number);
    }

    /// Ends one: by whom, empty for mailward, and why.
    fn resolve(&mut self, number: u64, at: Timestamp, (acted_by, end): (&str, &str)) {
        let Some(mut incident) = self.open.remove(&number) else { return };
        incident.state = IncidentState::Resolved;
        incident.resolved_at = Some(at);
        incident.acted_by = acted_by.into();
        incident.end = end.into();
        self.over.push(incident);
        self.changed.remove(&number);
        self.index();
    }

    /// The quietest of those that wait for nobody gives way, else the quietest of all.
    fn make_room(&mut self, now: Timestamp) {
        while self.open.len() >= OPEN_MAX {
            let quietest = self.open.values().min_by_key(|one| (one.waits(), one.latest_at));
            let Some(number) = quietest.map(|one| one.number) else { return };
            self.resolve(number, now, ("", "capacity"));
        }
    }
}

/// What a stranger made long is counted, and not listed.
fn is_short(subject: &Subject) -> bool {
    match subject {
        Subject::Account(name) | Subject::Sender(name) | Subject::Host(name) => {
            name.len() <= NAME_MAX
        }
        Subject::Client(_) | Subject::Network(_) => true,
    }
}

fn is_over(incident: &Incident, now: Timestamp) -> bool {
    let quiet_s = if incident.contained_at.is_some() { GAP_S } else { QUIET_S };
    !incident.waits() && now.seconds() - incident.latest_at.seconds() > quiet_s
}

#[cfg(test)]
mod tests;
