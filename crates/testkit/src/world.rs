//! Months of a mail site's life, as log lines with the truth beside each.
//!
//! A world follows from a [`Plan`] and a seed. Actors (devices, servers, machines, attackers) wake
//! at times of their own choice and write all lines of what they do; [`World::next`] gives the
//! lines out in order of time. Nothing but the actors and the lines of sessions that are not at
//! their end yet is held in memory.
//!
//! The loop is closed: before an actor connects, the caller's [`Guard`] is asked, and the actor
//! goes on as somebody would who was refused. So one can count what happened before and after
//! decisions, and whom they harmed.
//!
//! The world knows nothing of detectors and their thresholds, and imports nothing that does.

mod attack;
mod build;
mod chance;
mod clock;
mod devices;
mod guard;
mod house;
mod inbound;
mod internet;
mod letters;
mod machines;
mod names;
mod pending;
mod people;
mod plan;
mod resolver;
mod senders;
mod servers;
mod session;
mod site;
mod stage;
mod truth;
mod write;

pub use clock::Micros;
pub use guard::{Guard, Nobody, Standing};
pub use internet::{Operator, Trade};
pub use plan::{Numbers, Plan};
pub use site::Settings;
pub use truth::{
    Actor, ActorId, Group, GroupId, Habit, Happening, Harm, Kind, Refusal, Said, What,
};

use build::{Builder, Role};
use pending::Pending;
use servers::Servers;
use site::Site;
use stage::Stage;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use write::stamp;

/// A world on its way.
pub struct World {
    site: Site,
    end: Micros,
    wakes: BinaryHeap<Reverse<(Micros, ActorId)>>,
    roles: Vec<Role>,
    actors: Vec<Actor>,
    groups: Vec<Group>,
    pending: Pending,
    servers: Servers,
    stamp: stamp::Day,
}

impl World {
    /// The world of a plan and a seed, before its first line.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let mut builder = Builder::new(plan, seed);
        builder.people_it();
        let Builder { site, end, actors, roles, wakes, groups, .. } = builder;
        World {
            site,
            end,
            wakes: wakes.into_iter().map(Reverse).collect(),
            roles,
            actors,
            groups,
            pending: Pending::default(),
            servers: Servers::new(seed),
            stamp: stamp::Day::default(),
        }
    }

    /// Writes the next line, without its newline, in the place of what `line` held, and says what
    /// is true of it. `None` at the end of the world.
    ///
    /// Stamps never go back by more than some milliseconds.
    pub fn next(&mut self, guard: &mut dyn Guard, line: &mut Vec<u8>) -> Option<Said> {
        loop {
            let due = self.wakes.peek().map_or(Micros::MAX, |Reverse((at, _))| *at);
            if let Some(said) = self.pending.take(due, line) {
                return Some(said);
            }
            let Reverse((at, actor)) = self.wakes.pop()?;
            if at < self.end {
                self.wake(at, actor, guard);
            }
        }
    }

    fn wake(&mut self, at: Micros, actor: ActorId, guard: &mut dyn Guard) {
        let Some(Role { mind, chance }) = self.roles.get_mut(actor.0 as usize) else { return };
        let mut stage = Stage {
            at,
            actor,
            site: &self.site,
            chance,
            servers: &mut self.servers,
            pending: &mut self.pending,
            stamp: &mut self.stamp,
            actors: &mut self.actors,
            guard,
        };
        if let Some(next) = mind.wake(&mut stage) {
            // An actor that stood still would stop the world.
            self.wakes.push(Reverse((next.max(at + 1), actor)));
        }
    }

    /// Who acts. All are known from the beginning; what they used grows as they use it.
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// One of them.
    pub fn actor(&self, id: ActorId) -> Option<&Actor> {
        self.actors.get(id.0 as usize)
    }

    /// The campaigns.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many accounts there are: people's, then those of teams and machines.
    pub fn accounts(&self) -> u32 {
        self.site.accounts.len() as u32
    }

    /// The site's domain.
    pub fn domain(&self) -> &str {
        &self.site.domain
    }

    /// What its administrator has on the allowlist: machines that he set up to fail by design, each
    /// with an address of its own. No people, and nothing that people share an address with.
    pub fn allowed(&self) -> &[IpAddr] {
        &self.site.allowed
    }

    /// The site's own addresses: the mail server's two, and its webmail's.
    pub fn own_addresses(&self) -> [IpAddr; 3] {
        [self.site.v4.into(), self.site.v6.into(), self.site.webmail.into()]
    }

    /// The login name of an account.
    pub fn login(&self, account: u32) -> &str {
        self.site.login(account)
    }

    /// Every prefix with who runs it: the truth for a file of places and networks.
    pub fn atlas(&self) -> impl Iterator<Item = (IpAddr, u8, &Operator)> {
        self.site.internet.atlas()
    }

    /// Who runs an address.
    pub fn operator(&self, address: IpAddr) -> Option<&Operator> {
        self.site.internet.operator_of(address)
    }

    /// When nobody could log in, because the back end that knows the passwords was away.
    pub fn outages(&self) -> &[(Micros, Micros)] {
        &self.site.outages
    }

    /// What the whole site feels for some hours, and when.
    pub fn happenings(&self) -> &[Happening] {
        &self.site.happenings
    }

    /// How many wake-ups and lines are held.
    pub fn held(&self) -> (usize, usize) {
        (self.wakes.len(), self.pending.len())
    }
}
