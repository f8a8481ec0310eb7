//! What an actor has at hand while it acts.

use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, Micros, SECOND, TRAFFIC_MEAN, seconds, traffic};
use super::guard::{Guard, Standing};
use super::names::Peer;
use super::pending::Pending;
use super::servers::Servers;
use super::site::Site;
use super::truth::{Actor, ActorId, Said, What};
use super::write::stamp;
use std::fmt::Arguments;
use std::io::Write;
use std::net::IpAddr;

/// Somebody with a will: acts when it is woken, and says when it wants to be woken again.
pub(crate) trait Mind: Send {
    /// `None`: never again.
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros>;
}

pub(crate) struct Stage<'w> {
    pub at: Micros,
    pub actor: ActorId,
    pub site: &'w Site,
    pub chance: &'w mut Chance,
    pub servers: &'w mut Servers,
    pub pending: &'w mut Pending,
    pub stamp: &'w mut stamp::Day,
    pub actors: &'w mut [Actor],
    pub guard: &'w mut dyn Guard,
}

/// Who the peer is and what is so, beside a line.
#[derive(Clone, Copy)]
pub(crate) struct Beside {
    pub client: Option<IpAddr>,
    pub what: What,
}

/// A line of the house itself, which names no peer.
pub(crate) const HOUSE: Beside = Beside { client: None, what: What::Detail };

/// A line that names a peer and accompanies what another tells.
pub(crate) const fn detail(client: IpAddr) -> Beside {
    Beside { client: Some(client), what: What::Detail }
}

pub(crate) const fn told(client: IpAddr, what: What) -> Beside {
    Beside { client: Some(client), what }
}

impl Stage<'_> {
    /// True where the guard lets the client connect. Where not, the harm is counted.
    pub fn admits(&mut self, client: IpAddr) -> bool {
        let refused = self.guard.is_refused(client, self.at);
        if refused {
            self.me().harm.refused += 1;
        }
        !refused
    }

    pub fn standing(&mut self, account: u32, client: IpAddr) -> Standing {
        let standing = self.guard.standing(self.site.login(account), client, self.at);
        if standing == Standing::Locked {
            self.me().harm.locked += 1;
        }
        standing
    }

    /// What happens in `act` draws from a chance of its own: nobody's life goes on otherwise
    /// because of it.
    pub fn aside(&mut self, key: u64, act: impl FnOnce(&mut Self)) {
        let own = Chance::new(self.site.seed, mix(key, self.at as u64));
        let kept = std::mem::replace(self.chance, own);
        act(self);
        *self.chance = kept;
    }

    pub fn me(&mut self) -> &mut Actor {
        &mut self.actors[self.actor.0 as usize]
    }

    pub fn peer(&self, client: IpAddr) -> Peer {
        Peer { name: self.site.internet.reverse(client), ip: client }
    }

    /// Writes a line. `writer` tells processes apart: rsyslog reads each from a socket of its own
    /// turn, so lines of different ones may be off by a millisecond or two.
    pub fn say(&mut self, at: Micros, writer: u32, beside: Beside, text: Arguments<'_>) {
        self.say_of(self.actor, at, writer, beside, text);
    }

    /// Writes a line about another actor.
    pub fn say_of(
        &mut self,
        actor: ActorId,
        at: Micros,
        writer: u32,
        beside: Beside,
        text: Arguments<'_>,
    ) {
        let mut line = self.pending.buffer();
        self.stamp.write(at, &mut line);
        line.extend_from_slice(b" mail ");
        // Writing to a Vec cannot fail.
        let _ = line.write_fmt(text);
        let Beside { client, what } = beside;
        self.actors[actor.0 as usize].acts(client, at);
        let due = at + i64::from(writer.wrapping_mul(0x9e37_79b9) >> 16) % 1_500;
        self.pending.put(due, line, Said { at_micros: at, actor, client, what });
    }

    /// The time to the next of so many events a day, more of them by day than by night, and few on
    /// days without work.
    pub fn busy_gap(&mut self, per_day: f64) -> Micros {
        let works = if self.site.is_working_day(self.at) { 1.2 } else { 0.4 };
        let now = traffic(self.site.zone.hour(self.at)) / TRAFFIC_MEAN * works;
        let gap = seconds(self.chance.exponential(86_400.0 / (per_day * now)));
        gap.clamp(SECOND / 100, 9 * HOUR)
    }

    /// The next working day's `hour`.
    pub fn next_workday(&self, hour: f64) -> Micros {
        let zone = self.site.zone;
        let today = zone.day(self.at);
        (today..today + 12)
            .map(|day| zone.at(day, hour))
            .find(|at| *at > self.at && self.site.is_working_day(*at))
            .unwrap_or(self.at + DAY)
    }

    /// A pause between two steps of one program, in milliseconds.
    pub fn pause(&mut self, low_ms: i64, high_ms: i64) -> Micros {
        self.chance.within(low_ms * 1_000, high_ms * 1_000)
    }
}
