//! Who in the house asks the resolver, besides the mail server.

use super::build::Builder;
use super::chance::mix;
use super::clock::{DAY, HOUR, MINUTE, Micros, SECOND, seconds};
use super::names;
use super::stage::{Mind, Stage};
use super::truth::Kind;
use super::write::dns::Question;
use std::net::IpAddr;

pub(crate) fn resolver(builder: &mut Builder<'_>) {
    let numbers = builder.numbers.clone();
    for number in 0..numbers.workstations as u64 {
        let mut chance = builder.chance(Kind::Workstation, number);
        let per_day = chance.log_normal(numbers.questions_per_day.max(0.1), 0.6);
        client(builder, Kind::Workstation, number, per_day);
    }
    for number in 0..numbers.second_servers as u64 {
        client(builder, Kind::SecondServer, number, 250.0);
    }
    for number in 0..numbers.marketing_tools as u64 {
        client(builder, Kind::MarketingTool, number, 0.4);
    }
}

struct Client {
    kind: Kind,
    address: IpAddr,
    per_day: f64,
    seed: u64,
    /// Left of a list of addresses that a tool checks.
    left: u64,
}

/// The `number`th computer of the house.
pub(crate) fn house_address(builder: &Builder<'_>, number: u64) -> IpAddr {
    builder.site.internet.v4(0, 1_000 + number).into()
}

fn client(builder: &mut Builder<'_>, kind: Kind, number: u64, per_day: f64) {
    let mut chance = builder.chance(kind, 500 + number);
    let offset = match kind {
        Kind::Workstation => 0,
        Kind::SecondServer => 800,
        _ => 900,
    };
    let address = house_address(builder, offset + number);
    let client = Client { kind, address, per_day, seed: chance.bits(), left: 0 };
    let begins = builder.start + chance.within(0, DAY / 3);
    builder.add(kind, None, None, begins, Box::new(client));
}

impl Mind for Client {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        match self.kind {
            Kind::Workstation => self.browses(stage),
            Kind::SecondServer => {
                let number = stage.chance.below(stage.site.domains);
                let exists = !stage.chance.is(0.02);
                self.asks_mx(stage, number, exists);
            }
            _ => return Some(self.checks(stage)),
        }
        let hour = stage.site.zone.hour(stage.at);
        if self.kind == Kind::Workstation && !(7.0..19.0).contains(&hour) {
            return Some(stage.next_workday(8.0) + stage.chance.within(0, 2 * HOUR));
        }
        Some(stage.at + stage.busy_gap(self.per_day))
    }
}

impl Client {
    /// Pages, updates, and once in a while an administrator's curiosity.
    fn browses(&mut self, stage: &mut Stage<'_>) {
        let number = mix(self.seed, stage.chance.rank(400) as u64) % 50_000;
        let name = match number % 3 {
            0 => format!("www.{}", names::domain(number)),
            1 => format!("cdn{}.{}", number % 7, names::domain(number)),
            _ => names::domain(number),
        };
        if self.seed.is_multiple_of(20) && stage.chance.is(0.004) {
            let domain = stage.chance.below(stage.site.domains);
            return self.asks_mx(stage, domain, true);
        }
        let exists = !stage.chance.is(0.03);
        let (client, actor, at) = (self.address, stage.actor, stage.at);
        for (kind, later) in [("A", 0), ("AAAA", 400)] {
            stage.ask(actor, at + later, Question { client, name: &name, kind, exists });
        }
    }

    fn asks_mx(&self, stage: &mut Stage<'_>, domain: u64, exists: bool) {
        let name = if exists { names::domain(domain) } else { names::no_domain(domain) };
        let (client, actor, at) = (self.address, stage.actor, stage.at);
        stage.ask(actor, at, Question { client, name: &name, kind: "MX", exists });
        if exists {
            let name = names::exchanger(domain);
            stage.ask(actor, at + 20_000, Question { client, name: &name, kind: "A", exists });
        }
    }

    /// A tool that looks whether the addresses of a list can exist, every week or so.
    fn checks(&mut self, stage: &mut Stage<'_>) -> Micros {
        if self.left == 0 {
            self.left = stage.chance.within(40, 400) as u64;
            return stage.next_workday(10.0)
                + seconds(stage.chance.exponential(DAY as f64 / 1e6 / self.per_day.max(0.01)))
                + stage.chance.within(0, 40) * MINUTE;
        }
        self.left -= 1;
        let exists = !stage.chance.is(0.06);
        let number = stage.chance.below(stage.site.domains);
        self.asks_mx(stage, number, exists);
        if self.left == 0 {
            return stage.at + SECOND;
        }
        stage.at + seconds(stage.chance.exponential(0.8)).max(SECOND / 50)
    }
}
