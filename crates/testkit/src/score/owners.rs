//! Who uses which address, in truth.

use crate::world::{Actor, ActorId, GroupId, Micros, Said};
use event::Network;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who was seen at an address, and what was said of it.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// An honest one, the latest.
    pub honest: Option<ActorId>,
    /// The campaign that used it, and when it did first.
    pub attack: Option<(GroupId, Micros)>,
    /// The campaign did something there that no honest one does: a wrong guess, an unknown
    /// recipient. Whoever guesses right at once does nothing of the kind.
    pub is_open: bool,
    /// When it was first banned, and by which ban.
    pub banned: Option<(Micros, usize)>,
    /// When a finding or a decision first named it.
    pub named: Option<Micros>,
}

/// All addresses that were seen.
#[derive(Default)]
pub struct Owners {
    of: BTreeMap<IpAddr, Owner>,
    /// The last address of each actor: most lines tell nothing new.
    last: Vec<Option<IpAddr>>,
}

impl Owners {
    /// Notes who wrote from where.
    pub fn note(&mut self, said: &Said, actor: &Actor) {
        let Some(client) = said.client else { return };
        let place = said.actor.0 as usize;
        if actor.kind.is_attack() && said.what.is_open() {
            self.of.entry(client).or_default().is_open = true;
        }
        self.last.resize(self.last.len().max(place + 1), None);
        if self.last.get(place) == Some(&Some(client)) {
            return;
        }
        self.last[place] = Some(client);
        let owner = self.of.entry(client).or_default();
        match actor.group {
            Some(group) if actor.kind.is_attack() => {
                owner.attack.get_or_insert((group, said.at_micros));
            }
            _ => owner.honest = Some(said.actor),
        }
    }

    /// Those within a network.
    pub fn within(&self, network: Network) -> impl Iterator<Item = (&IpAddr, &Owner)> {
        let from = self.of.range(network.address()..);
        from.take_while(move |(client, _)| network.contains(**client))
    }

    /// The same, to be changed.
    pub fn within_mut(&mut self, network: Network) -> impl Iterator<Item = (&IpAddr, &mut Owner)> {
        let from = self.of.range_mut(network.address()..);
        from.take_while(move |(client, _)| network.contains(**client))
    }

    /// All.
    pub fn all(&self) -> impl Iterator<Item = (&IpAddr, &Owner)> {
        self.of.iter()
    }

    /// One.
    pub fn of(&self, client: IpAddr) -> Option<&Owner> {
        self.of.get(&client)
    }
}
