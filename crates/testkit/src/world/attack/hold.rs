//! A guesser who stays: guess after guess on one connection, some connections at once. Dovecot
//! answers each guess later than the one before, but only on this connection.

use super::guess::Door;
use super::source::{at_most, server};
use super::targets::{self, Order, Targets};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{MINUTE, Micros, SECOND, seconds};
use crate::world::names::Peer;
use crate::world::servers::{Process, Service, session_id};
use crate::world::session::Try;
use crate::world::session::submission::Way;
use crate::world::stage::{Mind, Stage, detail, told};
use crate::world::truth::{Kind, What};
use crate::world::write::dovecot::{Connection, Protocol};
use crate::world::write::postfix::Commands;
use std::net::IpAddr;

/// One of his connections, and those that come after it.
struct Holder {
    client: IpAddr,
    door: Door,
    targets: Targets,
    /// Guesses on one connection.
    on_one: u32,
    left: u32,
    until: Micros,
    refusals: u32,
    held: Option<Held>,
}

/// A connection that is open.
struct Held {
    since: Micros,
    session: String,
    smtpd: Option<Process>,
    count: u32,
    /// Guesses that no line has told yet.
    untold: u32,
    name: String,
    account: Option<u32>,
}

/// Dovecot's pauses before it answers a wrong guess, in seconds.
const PAUSES_S: [Micros; 4] = [2, 4, 8, 15];

/// Adds the campaign, if it is this one.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    if kind != Kind::OpenConnection {
        return;
    }
    let group = builder.group(kind);
    let client = server(builder, chance);
    let names = targets::some(builder, chance, 1);
    let victim = names.first().and_then(|name| name.account);
    let way = Way { service: Service::Submission, mechanism: "LOGIN", quits: false, has_tls: true };
    let door = if chance.is(0.6) { Door::Mailbox(Protocol::Imap) } else { Door::Smtp(way) };
    let on_one = chance.within(3, 12) as u32;
    for number in 0..chance.within(2, 6) as u64 {
        let seed = chance.bits();
        let holder = Holder {
            client,
            door,
            targets: Targets { names: names.clone(), order: Order::NamesFirst, turn: 40, seed },
            on_one,
            left: chance.within(40, 200) as u32,
            until: at_most(builder, begins, 1.0),
            refusals: 0,
            held: None,
        };
        let first = begins + number as Micros * SECOND / 3;
        builder.add(kind, Some(group), victim, first, Box::new(holder));
    }
}

impl Mind for Holder {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if let Some(held) = self.held.take() {
            return Some(self.goes_on(stage, held));
        }
        if self.left == 0 || stage.at >= self.until || self.refusals > 12 {
            return None;
        }
        if !stage.admits(self.client) {
            return Some(self.waits(stage));
        }
        self.opens(stage);
        Some(stage.at + stage.pause(300, 900))
    }
}

impl Holder {
    fn waits(&mut self, stage: &mut Stage<'_>) -> Micros {
        self.refusals += 1;
        stage.at + seconds(stage.chance.between(600.0, 20_000.0))
    }

    fn opens(&mut self, stage: &mut Stage<'_>) {
        let smtpd = match self.door {
            Door::Mailbox(_) => None,
            Door::Smtp(way) => {
                let longest = i64::from(self.on_one) * 20 * SECOND + 6 * MINUTE;
                let smtpd = stage.smtpd(way.service, stage.at + longest);
                let peer = stage.peer(self.client);
                stage.postfix_connect(stage.at, smtpd, &peer);
                stage.postfix_tls(stage.at + 110_000, smtpd, &peer);
                Some(smtpd)
            }
        };
        let port = stage.chance.bits() as u16 | 0x8000;
        let session = session_id(stage.at, port, self.client);
        let (since, name) = (stage.at, String::new());
        self.held = Some(Held { since, session, smtpd, count: 0, untold: 0, name, account: None });
    }

    fn goes_on(&mut self, stage: &mut Stage<'_>, mut held: Held) -> Micros {
        if !stage.admits(self.client) {
            self.cut(stage, &held);
            return self.waits(stage);
        }
        let answered = self.guess(stage, &mut held);
        if held.count < self.on_one && self.left > 0 {
            self.held = Some(held);
            return answered + stage.pause(20, 300);
        }
        self.ends(stage, &held, answered);
        answered + seconds(stage.chance.between(0.5, 20.0))
    }

    /// One guess; returns when it is answered.
    fn guess(&mut self, stage: &mut Stage<'_>, held: &mut Held) -> Micros {
        self.left -= 1;
        let (name, secret) = self.targets.next();
        (held.name, held.account) = (name.text.clone(), name.account);
        let (client, account) = (self.client, held.account);
        let attempt = Try { client, name: &held.name, account, secret, is_right: false };
        let answer = stage.judge(&attempt);
        let pause = PAUSES_S[(held.count as usize).min(3)] * SECOND;
        held.count += 1;
        if let (Door::Smtp(way), Some(smtpd)) = (self.door, held.smtpd) {
            let peer = stage.peer(client);
            let told = stage.submission_fails(stage.at, smtpd, &peer, way, &attempt, answer);
            return told.max(stage.at + pause);
        }
        let left = stage.fault(stage.at, &attempt, Some(&held.session), answer);
        held.untold += u32::from(left != What::Detail);
        stage.at + pause
    }

    fn ends(&self, stage: &mut Stage<'_>, held: &Held, at: Micros) {
        match held.smtpd {
            Some(smtpd) => {
                let peer = stage.peer(self.client);
                let did = Commands { has_tls: true, auth: (0, held.count), ..Commands::default() };
                stage.postfix_disconnect(at + 40_000, smtpd, &peer, &did);
            }
            None => self.mailbox_ends(stage, held, at, "Connection closed"),
        }
    }

    /// The guard cut him off: the server waits for him in vain, and says so minutes later.
    fn cut(&self, stage: &mut Stage<'_>, held: &Held) {
        let Some(smtpd) = held.smtpd else {
            return self.mailbox_ends(stage, held, stage.at + 180 * SECOND, "Inactivity");
        };
        let peer: Peer = stage.peer(self.client);
        let at = stage.at + 300 * SECOND;
        let last = if held.count > 0 { "AUTH" } else { "STARTTLS" };
        let text = format_args!("timeout after {last} from {peer}");
        stage.smtpd_says(at, smtpd, detail(self.client), text);
        let did = Commands { has_tls: true, auth: (0, held.count), ..Commands::default() };
        let text = format_args!("disconnect from {peer} {did}");
        stage.smtpd_says(at + 90, smtpd, detail(self.client), text);
    }

    fn mailbox_ends(&self, stage: &mut Stage<'_>, held: &Held, at: Micros, how: &str) {
        let on = Connection {
            protocol: Protocol::Imap,
            client: self.client,
            user: &held.name,
            session: &held.session,
            has_tls: true,
        };
        let what = match (held.untold, held.count) {
            (0, 0) => What::Probe,
            (0, _) => What::Detail,
            (attempts, _) => What::LoginsWrong { account: held.account, attempts },
        };
        let took = (at - held.since) / SECOND;
        let why = match held.count {
            0 => format!("no auth attempts in {took} secs"),
            count => format!("auth failed, {count} attempts in {took} secs"),
        };
        stage.dovecot_ended_so(at, &on, how, &why, told(self.client, what));
    }
}
