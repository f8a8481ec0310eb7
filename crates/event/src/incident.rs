//! Findings that belong together, and what became of them.

use crate::{Evidence, Name, Subject, Timestamp};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Where an incident stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum IncidentState {
    /// Nobody has looked at it.
    #[default]
    Open,
    /// A person has taken it on.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// What an operator does with an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentStep {
    /// Takes it on.
    Acknowledge,
    /// Says that it is over.
    Resolve,
    /// Says that it is not over.
    Reopen,
}

/// How one of those concerned stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Something was found, and nothing is done about it.
    Found,
    /// A measure is proposed: a person must act.
    Proposed,
    /// A measure was taken.
    Answered,
}

/// One whom an incident concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concerned {
    /// Who.
    pub subject: Subject,
    /// The first finding about it.
    pub since: Timestamp,
    /// How it stands.
    pub standing: Standing,
}

/// Findings that belong together.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// From 1 on, in the order of their beginning.
    pub number: u64,
    /// The first finding, or the order to open it.
    pub opened_at: Timestamp,
    /// The latest finding, decision or order.
    pub latest_at: Timestamp,
    /// Where it stands.
    pub state: IncidentState,
    /// Who opened it; empty: a detector did.
    pub opened_by: Box<str>,
    /// Why a person opened it, in that person's words.
    pub title: Box<str>,
    /// Whose findings they are, in the order of their first.
    pub detectors: Vec<Name>,
    /// Whom it concerns, the first few.
    pub concerned: Vec<Concerned>,
    /// Findings about others; one may count more than once.
    pub findings_more: u32,
    /// Of those, how many were not answered.
    pub unanswered_more: u32,
    /// Findings in all.
    pub findings: u32,
    /// Decisions in all.
    pub decisions: u32,
    /// The greatest score of a finding.
    pub score_max: f32,
    /// The lines that speak for the first finding.
    pub evidence: Evidence,
    /// When a person took it on.
    pub acknowledged_at: Option<Timestamp>,
    /// Since when everyone concerned is answered.
    pub contained_at: Option<Timestamp>,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// Who took it on or ended it last; empty: mailward.
    pub acted_by: Box<str>,
    /// Why it ended: that person's words; or `quiet`, `long` (it goes on as another one),
    /// `capacity`.
    pub end: Box<str>,
}

impl Incident {
    /// Those concerned who are listed.
    pub const CONCERNED_MAX: usize = 64;

    /// One that begins now: open, of nobody yet.
    pub fn new(number: u64, at: Timestamp) -> Self {
        Incident {
            number,
            opened_at: at,
            latest_at: at,
            state: IncidentState::Open,
            opened_by: Box::default(),
            title: Box::default(),
            detectors: Vec::new(),
            concerned: Vec::new(),
            findings_more: 0,
            unanswered_more: 0,
            findings: 0,
            decisions: 0,
            score_max: 0.0,
            evidence: Evidence::default(),
            acknowledged_at: None,
            contained_at: None,
            resolved_at: None,
            acted_by: Box::default(),
            end: Box::default(),
        }
    }

    /// True where everyone who is concerned is answered, and at least one is.
    pub fn is_contained(&self) -> bool {
        self.unanswered_more == 0
            && !self.concerned.is_empty()
            && self.concerned.iter().all(|one| one.standing == Standing::Answered)
    }

    /// True where a person must act: a measure is proposed, or a person opened it or took it on.
    pub fn waits(&self) -> bool {
        self.state == IncidentState::Acknowledged
            || !self.opened_by.is_empty()
            || self.concerned.iter().any(|one| one.standing == Standing::Proposed)
    }

    /// Clients and networks among those listed.
    pub fn clients(&self) -> usize {
        self.concerned.iter().filter(|one| one.subject.network().is_some()).count()
    }

    /// Accounts, senders and hosts among those listed.
    pub fn accounts(&self) -> usize {
        self.concerned.len() - self.clients()
    }

    /// What it is called: its title as it is to be shown, and whose findings it has.
    pub fn called(&self, title: &str) -> String {
        let detectors = self.detectors.join(", ");
        match (title, detectors.as_str()) {
            ("", _) => detectors,
            (_, "") => title.to_owned(),
            _ => format!("{title}: {detectors}"),
        }
    }
}

impl IncidentState {
    /// All; the position is stored, so append only.
    pub const ALL: [IncidentState; 3] =
        [IncidentState::Open, IncidentState::Acknowledged, IncidentState::Resolved];

    /// The word in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            IncidentState::Open => "open",
            IncidentState::Acknowledged => "acknowledged",
            IncidentState::Resolved => "resolved",
        }
    }
}

impl IncidentStep {
    /// All; the position is stored, so append only.
    pub const ALL: [IncidentStep; 3] =
        [IncidentStep::Acknowledge, IncidentStep::Resolve, IncidentStep::Reopen];

    /// The word in orders and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            IncidentStep::Acknowledge => "acknowledge",
            IncidentStep::Resolve => "resolve",
            IncidentStep::Reopen => "reopen",
        }
    }

    /// What an incident becomes.
    pub const fn to(self) -> IncidentState {
        match self {
            IncidentStep::Acknowledge => IncidentState::Acknowledged,
            IncidentStep::Resolve => IncidentState::Resolved,
            IncidentStep::Reopen => IncidentState::Open,
        }
    }
}

impl Standing {
    /// All; the position is stored, so append only.
    pub const ALL: [Standing; 3] = [Standing::Found, Standing::Proposed, Standing::Answered];

    /// The word in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Found => "found",
            Standing::Proposed => "proposed",
            Standing::Answered => "answered",
        }
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
