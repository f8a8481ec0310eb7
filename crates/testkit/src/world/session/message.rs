//! A message from its acceptance to the end of its last delivery.

use super::undelivered::Stuck;
use crate::world::chance::mix;
use crate::world::clock::{MINUTE, Micros, SECOND};
use crate::world::internet::Trade;
use crate::world::names::{self, Peer};
use crate::world::stage::Stage;
use crate::world::write::dns::Question;
use crate::world::write::postfix::{Envelope, Fate};
use std::net::{IpAddr, Ipv4Addr};

/// Whom a message goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    /// An account here.
    Here(u32),
    /// A mailbox at the domain of this number, and what becomes of it.
    There { domain: u64, user: u64, fate: Fate },
}

/// A recipient who is to be tried again: domain, address, and whether a server in trouble has him.
type Later = (u64, String, bool);

/// A message that an account, or a program in the house, sends.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub from: String,
    pub to: Vec<To>,
    pub subject: String,
    pub size: u64,
    pub is_spam: bool,
}

impl To {
    pub(crate) fn address(self, stage: &Stage<'_>) -> String {
        match self {
            To::Here(account) => stage.site.login(account).to_owned(),
            To::There { domain, user, fate: Fate::NoDomain } => {
                format!("{}@{}", names::stranger(user), names::no_domain(domain))
            }
            To::There { domain, user, .. } => {
                format!("{}@{}", names::stranger(user), names::domain(domain))
            }
        }
    }
}

impl Stage<'_> {
    /// The exchanger of a domain. Its address is always the same.
    pub(crate) fn exchanger(&self, domain: u64) -> Peer {
        let trade = if domain < names::PROVIDERS { Trade::Senders } else { Trade::Hosting };
        self.exchanger_named(names::exchanger(domain), trade)
    }

    fn exchanger_named(&self, name: String, trade: Trade) -> Peer {
        let key = name.bytes().fold(7, |sum, byte| mix(sum, u64::from(byte)));
        let operators = self.site.internet.operators();
        let hosts =
            |trade| operators.iter().filter(move |operator| operator.trade == trade).count();
        let nth = (key % hosts(trade) as u64) as usize;
        let operator =
            operators.iter().enumerate().filter(|(_, operator)| operator.trade == trade).nth(nth);
        let ip = self.site.internet.v4(operator.map_or(0, |(ix, _)| ix), key);
        Peer { name: Some(name), ip: ip.into() }
    }

    /// What follows smtpd's `client=` line: cleanup, queue, questions, deliveries, bounce.
    /// `sender` is the account that gets the bounce. Returns when all is done.
    pub(crate) fn carry(
        &mut self,
        at: Micros,
        id: &str,
        mail: &Mail,
        origin: (Option<&Peer>, &str),
        sender: Option<u32>,
    ) -> Micros {
        let (peer, helo) = origin;
        let message_id = match peer {
            Some(_) => format!("{:015x}@{helo}", self.chance.bits() >> 4),
            None => format!("{id}.{}@mail.{}", at / SECOND, self.site.domain),
        };
        let first = mail.to.first().map(|to| to.address(self)).unwrap_or_default();
        let envelope = Envelope { from: &mail.from, to: &first, helo };
        self.postfix_cleanup(at, id, &message_id, Some((&mail.subject, peer, envelope)));
        let queued = at + self.pause(4, 60);
        self.postfix_queues(queued, id, &mail.from, mail.size, mail.to.len());
        let (mut done, mut has_bounced, mut later) = (queued, false, Vec::new());
        let mut stuck = Vec::new();
        // qmgr delivers to twenty destinations at once.
        let step = if mail.to.len() > 20 { 60_000 } else { 9_000 };
        let mut asked: Option<u64> = None;
        for (nth, to) in mail.to.iter().enumerate() {
            let begin = queued + 3_000 + nth as Micros * step;
            match *to {
                To::Here(account) => {
                    let end = self.bring(begin + 20_000, id, account, mail, &message_id);
                    done = done.max(end);
                }
                To::There { domain, fate, .. } => {
                    if asked != Some(domain) {
                        self.look_up(begin, domain, fate);
                        asked = Some(domain);
                    }
                    let name = to.address(self);
                    let took = self.pause(60, 4_000);
                    let relay = self.exchanger(domain);
                    let at = begin + took;
                    done = done.max(at);
                    has_bounced |= matches!(fate, Fate::Unknown | Fate::Unwanted | Fate::NoDomain);
                    let trouble = self.trouble(domain, at).filter(|_| fate != Fate::NoDomain);
                    if let Some(trouble) = trouble {
                        let to = name.clone();
                        stuck.push(Stuck { to, forwarded: None, relay, fate, trouble, at });
                    } else {
                        self.postfix_sends(at, id, (name.as_str(), None), &relay, (fate, took));
                    }
                    if fate == Fate::Later {
                        later.push((domain, name, trouble.is_some()));
                    }
                }
            }
        }
        if !later.is_empty() {
            done = self.try_again(done, id, mail, &later);
        }
        if !stuck.is_empty() {
            let source = (mail.from.as_str(), mail.size);
            self.aside(9, |stage| done = done.max(stage.hold_out(id, source, stuck, sender)));
        }
        if let Some(sender) = sender.filter(|_| has_bounced) {
            let login = self.site.login(sender).to_owned();
            self.postfix_bounces(done + 3_000, id, &login);
            done += 4_000;
        }
        self.postfix_removes(done + 900, id);
        done
    }

    /// Into a mailbox here, or to where its owner has it all sent; returns when that is done.
    fn bring(&mut self, at: Micros, id: &str, account: u32, mail: &Mail, msgid: &str) -> Micros {
        let site = self.site;
        let Some(owner) = site.accounts.get(account as usize) else { return at };
        if let Some((domain, user)) = owner.forward {
            // What was spam here is spam there, and counts against who forwards it.
            let fate = match self.chance.below(100) {
                0..60 if mail.is_spam => Fate::Unwanted,
                0..2 => Fate::Unwanted,
                _ => Fate::Sent,
            };
            let to = To::There { domain, user, fate }.address(self);
            self.look_up(at, domain, fate);
            let took = self.pause(60, 4_000);
            let (relay, at) = (self.exchanger(domain), at + took);
            let mut done = at;
            if let Some(trouble) = self.trouble(domain, at) {
                let forwarded = Some(owner.login.clone());
                let stuck = Stuck { to, forwarded, relay, fate, trouble, at };
                let source = (mail.from.as_str(), mail.size);
                self.aside(8, |stage| done = stage.hold_out(id, source, vec![stuck], None));
            } else {
                let sent = (to.as_str(), Some(owner.login.as_str()));
                self.postfix_sends(at, id, sent, &relay, (fate, took));
            }
            return done;
        }
        let done = self.postfix_delivers(at, id, &owner.login, msgid);
        let is_person = !mail.from.is_empty() && !mail.from.starts_with("bounce");
        let is_near = mail.from.ends_with(&site.domain);
        if owner.answers_at(at) && is_person && !is_near && self.chance.is(0.6) {
            self.answer(done, &owner.login, &mail.from, msgid);
        }
        done
    }

    /// Sieve's vacation: an answer by the house, to somebody whom the account may never have
    /// written to.
    fn answer(&mut self, at: Micros, account: &str, to: &str, message_id: &str) {
        // The house writes it, whoever is the reason.
        let actor = std::mem::replace(&mut self.actor, self.site.mail_host);
        self.dovecot_answers(at - 400, account, to, message_id);
        let id = self.servers.queue_id(at);
        self.postfix_picks_up(at, &id, 5_000, "");
        let own_id = format!("dovecot-sieve-{}-{id}@mail.{}", at / SECOND, self.site.domain);
        self.postfix_cleanup(at + 5_000, &id, &own_id, None);
        self.postfix_queues(at + 8_000, &id, "", 1_400, 1);
        let domain = to.rsplit('@').next().unwrap_or_default();
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let host = self.site.mail_host;
        let question = Question { client, name: domain, kind: "MX", exists: true };
        self.ask(host, at + 9_000, question);
        // Forged senders do not want it.
        let fate = if self.chance.is(0.06) { Fate::Unknown } else { Fate::Sent };
        let took = self.pause(60, 4_000);
        let relay = self.exchanger_named(format!("mx.{domain}"), Trade::Hosting);
        let at = at + 9_000 + took;
        let mut done = at;
        if let Some(trouble) = self.trouble_of(domain, at) {
            let stuck = Stuck { to: to.to_owned(), forwarded: None, relay, fate, trouble, at };
            self.aside(7, |stage| done = stage.hold_out(&id, ("", 1_400), vec![stuck], None));
        } else {
            self.postfix_sends(at, &id, (to, None), &relay, (fate, took));
        }
        self.postfix_removes(done + 3_000, &id);
        self.actor = actor;
    }

    /// What was put off is tried again after some minutes, and taken. What is stuck is not: it
    /// only draws as it would, so that nobody's life goes on otherwise.
    fn try_again(&mut self, at: Micros, id: &str, mail: &Mail, later: &[Later]) -> Micros {
        let begin = at + self.chance.within(5 * MINUTE, 12 * MINUTE);
        if later.iter().any(|(.., is_stuck)| !is_stuck) {
            self.postfix_queues(begin, id, &mail.from, mail.size, mail.to.len());
        }
        let mut done = begin;
        for (nth, (domain, to, is_stuck)) in later.iter().enumerate() {
            let took = self.pause(60, 4_000);
            if *is_stuck {
                continue;
            }
            let relay = self.exchanger(*domain);
            done = begin + nth as Micros * 9_000 + took;
            self.postfix_sends(done, id, (to, None), &relay, (Fate::Sent, done - at));
        }
        done
    }

    /// The mail server asks its resolver where a domain's mail goes.
    fn look_up(&mut self, at: Micros, domain: u64, fate: Fate) {
        let exists = fate != Fate::NoDomain;
        let name = if exists { names::domain(domain) } else { names::no_domain(domain) };
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let host = self.site.mail_host;
        self.ask(host, at, Question { client, name: &name, kind: "MX", exists });
        let target = if exists { names::exchanger(domain) } else { name };
        self.ask(host, at + 30_000, Question { client, name: &target, kind: "A", exists });
    }
}
