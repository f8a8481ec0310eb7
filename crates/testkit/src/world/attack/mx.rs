//! A computer of the house that wants to send mail to everybody.

use super::source::at_most;
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{Micros, seconds};
use crate::world::internet::Trade;
use crate::world::names;
use crate::world::resolver::house_address;
use crate::world::stage::{Mind, Stage};
use crate::world::truth::Kind;
use crate::world::write::dns::Question;
use std::net::IpAddr;

struct Asker {
    address: IpAddr,
    /// Addresses that it writes in front instead of its own.
    forged: Vec<IpAddr>,
    gap_s: f64,
    left: u32,
    unknown_share: f64,
    until: Micros,
}

/// Adds the campaign, if it is one of these.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    if !matches!(kind, Kind::MxBurst | Kind::MxForged) {
        return;
    }
    let number = chance.below(builder.numbers.workstations.max(1.0) as u64);
    let forged = match kind {
        Kind::MxForged => (0..40)
            .map(|_| {
                let operator = builder.site.internet.of(chance, Trade::Homes, None);
                builder.site.internet.v4(operator, chance.bits()).into()
            })
            .collect(),
        _ => Vec::new(),
    };
    let asker = Asker {
        address: house_address(builder, number),
        forged,
        gap_s: chance.log_normal(3.0, 1.0),
        left: chance.within(80, 1_500) as u32,
        unknown_share: chance.between(0.04, 0.35),
        until: at_most(builder, begins, 2.0),
    };
    let group = builder.group(kind);
    builder.add(kind, Some(group), None, begins, Box::new(asker));
}

impl Mind for Asker {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.left == 0 || stage.at >= self.until {
            return None;
        }
        self.left -= 1;
        let client = match self.forged.is_empty() {
            true => self.address,
            false => *stage.chance.pick(&self.forged),
        };
        let exists = !stage.chance.is(self.unknown_share);
        let number = stage.chance.below(stage.site.domains * 4);
        let name = if exists { names::domain(number) } else { names::no_domain(number) };
        let (actor, at) = (stage.actor, stage.at);
        stage.ask(actor, at, Question { client, name: &name, kind: "MX", exists });
        if exists {
            let name = names::exchanger(number);
            stage.ask(actor, at + 15_000, Question { client, name: &name, kind: "A", exists });
        }
        Some(at + seconds(stage.chance.exponential(self.gap_s)))
    }
}
