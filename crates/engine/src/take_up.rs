//! What an engine is told that starts without a checkpoint: what holds, and who is allowed, which
//! the journal keeps in tables of their own. Older records than it keeps for stepping again would
//! have told it else.

use crate::client::{client_of, prefix_of};
use crate::engine::{Engine, Input};
use crate::places;
use crate::protection::{Allowed, Shelter};
use crate::score::Score;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use event::{Decision, Mode, Order, Subject, Timestamp};

impl Engine {
    /// Orders about the allowlist and steps of the clock, oldest first: all that there were. Event
    /// time stays where it is: the records that are stepped again tell it. Before them, so that
    /// nobody is found out again who is allowed; and after them, as they move by the steps among
    /// them what had moved already.
    pub fn take_up_allowlist<'a>(&mut self, inputs: impl IntoIterator<Item = Input<'a>>) {
        let mut told = Shelter::default();
        for input in inputs {
            match input {
                Input::Command(command) => match &command.order {
                    Order::Allow { network, until } => told.allow(*network, *until),
                    Order::Disallow { network } => {
                        told.disallow(network);
                        self.shelter.disallow(network);
                    }
                    _ => {}
                },
                Input::ClockSet { by_micros, .. } => told.set_clock(by_micros),
                _ => {}
            }
        }
        for Allowed { network, until } in told.allowed {
            self.shelter.allow(network, until.map(Timestamp));
        }
    }

    /// After the records are stepped again: the allowlist of the configuration is that of this
    /// start. Where it is another one than before, no earlier order takes any of it off. Returns
    /// whether it is: what it covers now is lifted with the next [`Order::Protect`].
    pub fn take_up_configured(&mut self) -> bool {
        let is_other = self.shelter.configured != self.config.allow_networks;
        if is_other {
            self.shelter.configured.clone_from(&self.config.allow_networks);
            self.shelter.disallowed.clear();
        }
        is_other
    }

    /// Decisions in mode enforce that hold, as they were told. Where they are `all`, no other
    /// holds. Their subjects' earlier offences count as far as nothing else is known of them.
    pub fn take_up_holds(&mut self, decisions: &[Decision], all: bool) {
        // What is said of it is on record already.
        let mut said = Vec::new();
        if all {
            let told: BTreeMap<&Subject, &Decision> =
                decisions.iter().map(|decision| (&decision.subject, decision)).collect();
            let is_told = |held: &&Decision| told.get(&held.subject) == Some(held);
            let others = self.holds().filter(|held| !is_told(held));
            let others: Vec<Subject> = others.map(|held| held.subject.clone()).collect();
            others.iter().for_each(|subject| self.lift(subject, "", &mut said));
        }
        for decision in decisions {
            let is_over = decision.until.is_some_and(|until| until <= self.now);
            let is_known = self.held(&decision.subject) == Some(decision);
            if decision.mode == Mode::Enforce && !is_over && !is_known {
                self.recall_offences(decision);
                self.hold(decision.clone(), &mut said);
                said.clear();
            }
        }
    }

    fn recall_offences(&mut self, decision: &Decision) {
        let Some(network) = decision.subject.network() else { return };
        let client = client_of(&network).map(|client| client.0);
        let key = client.or_else(|| prefix_of(&network).map(places::shared_key));
        let Some(row) = key.and_then(|key| self.state.offences.entry(key)) else { return };
        if row.offences == Score::default() {
            let at_s = decision.at.seconds_u32();
            let milli = decision.offence.saturating_mul(1000);
            row.offences.add(at_s, self.config.ban.offence_half_life_s, milli);
        }
    }

    /// What holds for exactly this subject, in mode enforce.
    pub fn held(&self, subject: &Subject) -> Option<&Decision> {
        self.holds.get(subject).filter(|decision| decision.mode == Mode::Enforce)
    }
}
