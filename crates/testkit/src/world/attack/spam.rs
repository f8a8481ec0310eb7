//! One spammer, many senders and addresses: bots, and accounts that he stole elsewhere.

use super::source::{at_most, botnet};
use super::targets::shuffle;
use crate::world::build::Builder;
use crate::world::chance::{Chance, mix};
use crate::world::clock::{Micros, SECOND, seconds};
use crate::world::internet::Trade;
use crate::world::names::{self, Peer};
use crate::world::session::inbound::{Incoming, Target};
use crate::world::stage::{Mind, Stage};
use crate::world::truth::Kind;

/// What the messages of one campaign have in common.
struct Spammer {
    /// Who brings them: bots without a name, servers of sites whose accounts were stolen.
    peers: Vec<Peer>,
    /// Envelope senders. Of a stolen account the one that belongs to the server.
    senders: Vec<String>,
    is_stolen: bool,
    words: [&'static str; 3],
    seed: u64,
    left: u32,
    gap_s: f64,
    until: Micros,
}

const WORDS: [[&str; 3]; 4] = [
    ["Urgent: invoice # overdue", "Final notice: invoice # overdue", "Invoice # still open"],
    ["Your parcel # is waiting", "Parcel # could not be delivered", "Delivery of # on hold"],
    ["You have # unread voice messages", "New voice message from #", "Voicemail # received"],
    ["Earn # a week from home", "# EUR a week, no experience", "Work from home: # EUR"],
];

/// How the names of one program's bots begin.
const FRONTS: [&str; 6] = ["srv", "host", "vm", "node", "mailer", "s"];

/// Adds the campaign, if it is one.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    if kind != Kind::SpamCampaign {
        return;
    }
    let group = builder.group(kind);
    let senders = builder.numbers.campaign_senders.max(2.0) as usize;
    let addresses = builder.numbers.campaign_addresses.max(2.0) as usize;
    let words = *chance.pick(&WORDS);
    let (seed, hours) = (chance.bits(), chance.between(3.0, 40.0));
    let stolen = (senders / 6).max(1);
    let until = at_most(builder, begins, 4.0);
    let total = builder.numbers.campaign_messages.max(10.0);
    let shape = |peers: Vec<Peer>, senders: Vec<String>, is_stolen: bool, share: f64| Spammer {
        peers,
        senders,
        is_stolen,
        words,
        seed,
        left: (total * share) as u32,
        gap_s: hours * 3_600.0 / (total * share),
        until,
    };
    let bots = botnet(builder, chance, addresses);
    let bots = bots.into_iter().map(|ip| Peer { name: builder.site.internet.reverse(ip), ip });
    let forged = (stolen..senders)
        .map(|_| {
            let domain = names::domain(chance.below(builder.site.domains));
            format!("{}@{domain}", names::stranger(chance.bits() >> 6))
        })
        .collect();
    let mut bots: Vec<Peer> = bots.collect();
    shuffle(chance, &mut bots);
    let spammer = shape(bots, forged, false, 0.8);
    builder.add(kind, Some(group), None, begins, Box::new(spammer));
    let (peers, owners) = (0..stolen)
        .map(|_| {
            let number = chance.bits() >> 6;
            // Most are at sites that write honest mail to here, too.
            if !builder.neighbours.is_empty() && chance.is(0.7) {
                let (domain, host) = chance.pick(&builder.neighbours);
                let owner = format!("{}@{domain}", names::stranger(number));
                return (host.clone(), owner);
            }
            let domain = names::domain(names::PROVIDERS + chance.below(builder.site.domains));
            let operator = builder.site.internet.of(chance, Trade::Hosting, None);
            let ip = builder.site.internet.v4(operator, chance.bits()).into();
            let owner = format!("{}@{domain}", names::stranger(number));
            (Peer { name: Some(format!("mail.{domain}")), ip }, owner)
        })
        .unzip();
    let spammer = shape(peers, owners, true, 0.2);
    builder.add(kind, Some(group), None, begins + 60 * SECOND, Box::new(spammer));
}

impl Mind for Spammer {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.left == 0 || stage.at >= self.until {
            return None;
        }
        self.left -= 1;
        let place = stage.chance.index(self.peers.len());
        let peer = self.peers[place].clone();
        let next = stage.at + seconds(stage.chance.exponential(self.gap_s));
        if !stage.admits(peer.ip) {
            return Some(next);
        }
        let from = match self.is_stolen {
            true => self.senders[place % self.senders.len()].clone(),
            false => stage.chance.pick(&self.senders).clone(),
        };
        let number = stage.chance.below(90_000) + 1_000;
        let subject = stage.chance.pick(&self.words).replace('#', &number.to_string());
        let helo = match self.is_stolen {
            true => peer.name.clone().unwrap_or_default(),
            // All bots run one program, which makes names of one shape.
            false => format!(
                "{}-{:04x}.{}",
                FRONTS[(self.seed >> 20) as usize % FRONTS.len()],
                stage.chance.below(1 << 16),
                names::domain(200 + self.seed % 50)
            ),
        };
        let targets = (0..stage.chance.within(1, 4))
            .map(|_| match stage.chance.is(0.35) {
                true => Target::Nobody(names::stranger(stage.chance.bits() >> 8) + "3"),
                false => Target::Here(stage.chance.index(stage.site.people as usize) as u32),
            })
            .collect();
        let incoming = Incoming {
            from,
            helo,
            targets,
            subject,
            size: 5_000 + mix(self.seed, number % 3) % 900,
            is_spam: true,
            has_tls: self.is_stolen,
            is_new: stage.chance.is(0.7),
            is_greylisted: !self.is_stolen && stage.chance.is(0.2),
            quits: self.is_stolen,
        };
        stage.receive(&peer, &incoming);
        Some(next)
    }
}
