//! What the whole site feels: a flood of mail that it refuses; a large provider that takes no mail
//! for hours, or none from this site's address.

use super::source::{Source, botnet};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{DAY, HOUR, Micros, seconds};
use crate::world::names::{self, PROVIDERS};
use crate::world::stage::{Mind, Stage};
use crate::world::truth::{GroupId, Happening, Kind, Refusal};
use crate::world::write::postfix::Envelope;
use std::collections::BTreeSet;

/// Adds the campaign, if it is one of these.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    match kind {
        Kind::FloodMild | Kind::FloodStrong => flood(builder, chance, kind, begins),
        _ if kind.is_trouble() => trouble(builder, chance, kind, begins),
        _ => {}
    }
}

fn happening(builder: &mut Builder<'_>, kind: Kind, from: Micros, until: Micros) -> GroupId {
    let group = builder.group(kind);
    let until = until.min(builder.end);
    let domains = BTreeSet::new();
    builder.site.happenings.push(Happening { kind, group, from, until, domains, provider: None });
    group
}

/// One botnet whose spam is refused from its first moment on.
struct Flood {
    bots: Source,
    per_min: f64,
    until: Micros,
}

fn flood(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    let (share, per_min) = match kind {
        Kind::FloodMild => (0.4, builder.numbers.flood_mild_per_min),
        _ => (2.0, builder.numbers.flood_strong_per_min),
    };
    let until = begins + seconds(chance.between(2.0, 8.0) * 3_600.0);
    let addresses = botnet(builder, chance, (builder.numbers.bots * share).max(2.0) as usize);
    let group = happening(builder, kind, begins, until);
    let bots = Source::List { addresses, uses: 1, turn: 0, wraps: true };
    let per_min = per_min.max(0.01);
    builder.add(kind, Some(group), None, begins, Box::new(Flood { bots, per_min, until }));
}

impl Mind for Flood {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if stage.at >= self.until {
            return None;
        }
        let client = self.bots.next(stage.site, stage.at)?;
        let next = stage.at + seconds(stage.chance.exponential(60.0 / self.per_min));
        // Each bot comes by itself: who is refused does not keep others waiting.
        if stage.admits(client) {
            spam(stage, client);
        }
        Some(next)
    }
}

/// One message, refused for one of the causes for which bots are.
fn spam(stage: &mut Stage<'_>, client: std::net::IpAddr) {
    let number = stage.chance.bits() >> 6;
    let why = match stage.chance.below(10) {
        0..6 => Refusal::Listed,
        6..8 => Refusal::SenderUnknown,
        _ => Refusal::BadHelo,
    };
    let domain = match why {
        Refusal::SenderUnknown => names::no_domain(number % 4_000),
        _ => names::domain(number % stage.site.domains),
    };
    let from = format!("{}@{domain}", names::stranger(number));
    let helo = match why {
        Refusal::BadHelo => names::computer(number).trim_end_matches(".fritz.box").to_owned(),
        _ => domain,
    };
    let account = stage.chance.index(stage.site.people as usize) as u32;
    let to = stage.site.login(account);
    stage.turn_away(client, Envelope { from: &from, to, helo: &helo }, why);
}

/// A large provider is in trouble, or has this site on its list. It begins while people write: what
/// begins and ends in the night is nobody's matter here.
fn trouble(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    let hours = match kind {
        Kind::RemoteTimeout | Kind::RemoteBusy => chance.between(3.0, 10.0),
        // Until somebody has asked to be taken off the list.
        _ => chance.between(6.0, 30.0),
    };
    let (zone, hour) = (builder.site.zone, chance.between(8.0, 15.0));
    let today = zone.day(begins);
    let day = (today..today + 12).find(|day| builder.site.is_working_day(day * DAY + DAY / 2));
    let from = zone.at(day.unwrap_or(today), hour).max(builder.start + HOUR);
    let provider = free(builder, chance.below(PROVIDERS), from);
    happening(builder, kind, from, from + seconds(hours * 3_600.0));
    if let Some(happening) = builder.site.happenings.last_mut() {
        let served = (0..builder.site.domains).filter(|n| names::provider(*n) == Some(provider));
        happening.domains = served.map(names::domain).collect();
        happening.provider = Some(provider);
    }
}

/// This provider, or the next that is in no trouble around that time: nobody can tell two of one
/// provider apart.
fn free(builder: &Builder<'_>, first: u64, from: Micros) -> u64 {
    let is_near = |other: &Happening| from < other.until + 3 * DAY && other.from < from + 3 * DAY;
    let taken = |provider: u64| {
        let mut others = builder.site.happenings.iter();
        others.any(|other| other.provider == Some(provider) && is_near(other))
    };
    let all = (first..first + PROVIDERS).map(|provider| provider % PROVIDERS);
    all.into_iter().find(|provider| !taken(*provider)).unwrap_or(first)
}
