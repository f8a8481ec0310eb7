//! Port 25: relay probes and recipients tried out.

use super::source::{Source, at_most, botnet, server};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{Micros, SECOND, seconds};
use crate::world::names;
use crate::world::session::inbound::Target;
use crate::world::stage::{Mind, Stage};
use crate::world::truth::Kind;

/// Tries recipients that are not here, or not ours.
struct Prober {
    kind: Kind,
    source: Source,
    /// Recipients of one connection.
    on_one: (i64, i64),
    gap_s: f64,
    left: i64,
    until: Micros,
    from: String,
    refusals: u32,
}

/// Adds the campaign, if it is one of these.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    let one = |builder: &Builder<'_>, chance: &mut Chance| Source::one(server(builder, chance));
    let (source, on_one, gap_s, left, days) = match kind {
        Kind::RelayProbe => {
            let gap_s = chance.log_normal(240.0, 1.0);
            (one(builder, chance), (1, 4), gap_s, chance.within(8, 150), 4.0)
        }
        Kind::HarvestFast => (one(builder, chance), (8, 20), 4.0, chance.within(500, 3_000), 1.0),
        Kind::HarvestSlow => (one(builder, chance), (1, 2), 1_400.0, 2_000, 20.0),
        Kind::HarvestNull => (one(builder, chance), (1, 5), chance.log_normal(30.0, 0.7), 600, 4.0),
        Kind::HarvestBotnet => {
            let bots = (builder.numbers.bots / 4.0).max(2.0) as usize;
            let addresses = botnet(builder, chance, bots);
            let source = Source::List { addresses, uses: 1, turn: 0, wraps: true };
            (source, (1, 3), 90.0, bots as i64 * 6, 6.0)
        }
        _ => return,
    };
    let from = match kind {
        Kind::HarvestNull => String::new(),
        _ => {
            format!("{}@{}", names::stranger(chance.bits() >> 5), names::domain(chance.below(900)))
        }
    };
    let until = at_most(builder, begins, days);
    let group = builder.group(kind);
    let prober = Prober { kind, source, on_one, gap_s, left, until, from, refusals: 0 };
    builder.add(kind, Some(group), None, begins, Box::new(prober));
}

impl Mind for Prober {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.left <= 0 || stage.at >= self.until || self.refusals > 60 {
            return None;
        }
        let client = self.source.next(stage.site, stage.at)?;
        if !stage.admits(client) {
            self.refusals += 1;
            return Some(stage.at + self.source.refused(stage.chance));
        }
        let count = stage.chance.within(self.on_one.0, self.on_one.1);
        self.left -= count;
        let list: Vec<Target> = (0..count).map(|_| self.target(stage)).collect();
        let from = match self.kind {
            Kind::RelayProbe => relay_sender(stage, &self.from),
            _ => self.from.clone(),
        };
        let helo =
            stage.chance.pick(&["User", "ylmf-pc.example", "win-8aq1.example", "mail.example"]);
        stage.try_recipients(client, &from, helo, &list);
        let busy = SECOND * count / 2;
        Some(stage.at + busy + seconds(stage.chance.about(self.gap_s, 0.6)))
    }
}

impl Prober {
    fn target(&self, stage: &mut Stage<'_>) -> Target {
        if self.kind == Kind::RelayProbe {
            let outside =
                format!("{}@{}", names::stranger(1 + stage.chance.below(4)), names::domain(3));
            return Target::Elsewhere(match stage.chance.below(4) {
                0 => {
                    outside.replace('@', "%")
                        + "@"
                        + &stage.site.domain.replace(".example", ".invalid")
                }
                1 => format!("\"{outside}\"@[192.0.2.10]").replace('"', ""),
                _ => outside,
            });
        }
        match stage.chance.below(20) {
            0 => Target::Here(stage.chance.index(stage.site.people as usize) as u32),
            1..7 => Target::Nobody((*stage.chance.pick(&names::COMMON)).to_owned()),
            _ => Target::Nobody(names::stranger(stage.chance.bits() >> 9) + "5"),
        }
    }
}

/// Relay probes pretend to be of the house, too.
fn relay_sender(stage: &mut Stage<'_>, own: &str) -> String {
    match stage.chance.below(4) {
        0 => format!("postmaster@{}", stage.site.domain),
        1 => String::new(),
        _ => own.to_owned(),
    }
}
