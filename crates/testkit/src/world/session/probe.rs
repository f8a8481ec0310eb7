//! Connections that no mail program makes.

use super::inbound::Target;
use crate::world::chance::mix;
use crate::world::clock::SECOND;
use crate::world::names::Peer;
use crate::world::servers::Service;
use crate::world::stage::{Stage, detail, told};
use crate::world::truth::{Refusal, What};
use crate::world::write::postfix::{Commands, Envelope};
use std::net::IpAddr;

impl Stage<'_> {
    /// Talks before the greeting; postscreen notices.
    pub(crate) fn talk_early(&mut self, client: IpAddr, envelope: Envelope<'_>) {
        let screen = self.servers.postscreen;
        let port = 1_024 + mix(self.at as u64, 5) % 64_000;
        let peer = format!("[{client}]:{port}");
        let own = self.site.own_address(client);
        let mut at = self.at;
        let line = format_args!("{screen}: CONNECT from {peer} to [{own}]:25");
        self.say(at, screen.pid, detail(client), line);
        let early = self.pause(20, 900);
        at += early;
        let helo = envelope.helo;
        let line = format_args!(
            "{screen}: PREGREET {} after 0.{:02} from {peer}: EHLO {helo}\\r\\n",
            helo.len() + 7,
            early / 10_000
        );
        self.say(at, screen.pid, told(client, What::Abuse), line);
        at += self.pause(100, 900);
        let Envelope { from, to, .. } = envelope;
        let line = format_args!(
            "{screen}: NOQUEUE: reject: RCPT from {peer}: 550 5.5.1 Protocol error; \
             from=<{from}>, to=<{to}>, proto=ESMTP, helo=<{helo}>"
        );
        let what = What::RecipientRefused { why: Refusal::Protocol };
        self.say(at, screen.pid, told(client, what), line);
        self.say(
            at + 9_000,
            screen.pid,
            detail(client),
            format_args!("{screen}: DISCONNECT {peer}"),
        );
    }

    /// One message that is refused. A client that a DNS list names does not pass postscreen.
    pub(crate) fn turn_away(&mut self, client: IpAddr, envelope: Envelope<'_>, why: Refusal) {
        if why == Refusal::Listed && self.site.settings.has_postscreen {
            return self.screen_out(client, envelope);
        }
        let begin = self.screen(client, true);
        let peer = self.peer(client);
        let smtpd = self.servers.process(Service::Smtpd, begin, begin + 3 * SECOND);
        self.postfix_connect(begin + 500, smtpd, &peer);
        self.postfix_refuses(begin + 200_000, smtpd, &peer, envelope, why);
        let did = Commands { mail: (1, 1), rcpt: (0, 1), ..Commands::default() };
        self.postfix_disconnect(begin + 260_000, smtpd, &peer, &did);
    }

    /// postscreen, with `postscreen_dnsbl_action = enforce`.
    fn screen_out(&mut self, client: IpAddr, envelope: Envelope<'_>) {
        let screen = self.servers.postscreen;
        let port = 1_024 + mix(self.at as u64, 7) % 64_000;
        let peer = format!("[{client}]:{port}");
        let own = self.site.own_address(client);
        let at = self.at;
        let line = format_args!("{screen}: CONNECT from {peer} to [{own}]:25");
        self.say(at, screen.pid, detail(client), line);
        let (pid, code) = (screen.pid + 1, 2 + mix(at as u64, 9) % 9);
        let line = format_args!(
            "postfix/dnsblog[{pid}]: addr {client} listed by domain bl.example as 127.0.0.{code}"
        );
        self.say(at + 40_000, pid, detail(client), line);
        let line = format_args!("{screen}: DNSBL rank 3 for {peer}");
        self.say(at + 6_010_000, screen.pid, detail(client), line);
        let Envelope { from, to, helo } = envelope;
        let line = format_args!(
            "{screen}: NOQUEUE: reject: RCPT from {peer}: 550 5.7.1 Service unavailable; client              [{client}] blocked using bl.example; from=<{from}>, to=<{to}>, proto=ESMTP,              helo=<{helo}>"
        );
        let what = What::RecipientRefused { why: Refusal::Listed };
        self.say(at + 6_300_000, screen.pid, told(client, what), line);
        let line = format_args!("{screen}: DISCONNECT {peer}");
        self.say(at + 6_310_000, screen.pid, detail(client), line);
    }

    /// Does not wait for answers; smtpd notices.
    pub(crate) fn pipeline(&mut self, client: IpAddr, from: &str) {
        let begin = self.screen(client, true);
        let peer = self.peer(client);
        let smtpd = self.servers.process(Service::Smtpd, begin, begin + 2 * SECOND);
        self.postfix_connect(begin + 500, smtpd, &peer);
        let text = format_args!(
            "warning: improper command pipelining after EHLO from {peer}: MAIL FROM:<{from}>\\r\\n"
        );
        self.smtpd_says(begin + 90_000, smtpd, told(client, What::Abuse), text);
        let did = Commands { mail: (1, 1), ..Commands::default() };
        self.postfix_disconnect(begin + 900_000, smtpd, &peer, &did);
    }

    /// Words that are no SMTP: a browser's, a proxy's.
    pub(crate) fn speak_foreign(&mut self, client: IpAddr, words: &str) {
        let begin = self.screen(client, false);
        let peer = self.peer(client);
        let smtpd = self.servers.process(Service::Smtpd, begin, begin + 2 * SECOND);
        self.postfix_connect(begin + 500, smtpd, &peer);
        let text = format_args!("warning: non-SMTP command from {peer}: {words}");
        self.smtpd_says(begin + 80_000, smtpd, told(client, What::Abuse), text);
        let text = format_args!("disconnect from {peer} unknown=0/1 commands=0/1");
        self.smtpd_says(begin + 81_000, smtpd, detail(client), text);
    }

    /// Connects and goes.
    pub(crate) fn knock(&mut self, client: IpAddr, service: Service) {
        let peer = self.peer(client);
        let begin = match service {
            Service::Smtpd => self.screen(client, false) + 600,
            _ => self.at,
        };
        let smtpd = self.servers.process(service, begin, begin + SECOND);
        self.postfix_connect(begin, smtpd, &peer);
        let at = begin + self.pause(1, 400);
        let text = format_args!("lost connection after CONNECT from {peer}");
        self.smtpd_says(at, smtpd, told(client, What::Probe), text);
        let text = format_args!("disconnect from {peer} commands=0/0");
        self.smtpd_says(at + 70, smtpd, detail(client), text);
    }

    /// Breaks a handshake off.
    pub(crate) fn knock_tls(&mut self, client: IpAddr) {
        let peer = self.peer(client);
        let smtpd = self.servers.process(Service::Submissions, self.at, self.at + SECOND);
        self.postfix_connect(self.at, smtpd, &peer);
        let at = self.at + self.pause(10, 400);
        let text = format_args!("SSL_accept error from {peer}: lost connection");
        self.smtpd_says(at, smtpd, told(client, What::Probe), text);
        let text = format_args!("lost connection after CONNECT from {peer}");
        self.smtpd_says(at + 50, smtpd, detail(client), text);
        let text = format_args!("disconnect from {peer} commands=0/0");
        self.smtpd_says(at + 120, smtpd, detail(client), text);
    }

    /// Asks `VRFY` for a name that is not here.
    pub(crate) fn verify(&mut self, peer: &Peer, helo: &str, name: &str) {
        let begin = self.screen(peer.ip, false);
        let smtpd = self.servers.process(Service::Smtpd, begin, begin + 9 * SECOND);
        self.postfix_connect(begin + 500, smtpd, peer);
        let at = begin + self.pause(300, 6_000);
        let to = format!("{name}@{}", self.site.domain);
        let text = format_args!(
            "NOQUEUE: reject: VRFY from {peer}: 550 5.1.1 <{to}>: Recipient address rejected: User \
             unknown in virtual mailbox table; to=<{to}> proto=ESMTP helo=<{helo}>"
        );
        let what = What::RecipientRefused { why: Refusal::Unknown };
        self.smtpd_says(at, smtpd, told(peer.ip, what), text);
        let did = Commands { vrfy: (0, 1), quits: true, ..Commands::default() };
        self.postfix_disconnect(at + 200_000, smtpd, peer, &did);
    }

    /// Tries recipients on one connection, none of which takes anything.
    pub(crate) fn try_recipients(
        &mut self,
        client: IpAddr,
        from: &str,
        helo: &str,
        list: &[Target],
    ) {
        let begin = self.screen(client, false);
        let peer = self.peer(client);
        let ends = begin + SECOND + list.len() as i64 * 400_000;
        let smtpd = self.servers.process(Service::Smtpd, begin, ends);
        let mut at = begin + 800;
        self.postfix_connect(at, smtpd, &peer);
        let mut did = Commands { mail: (1, 1), ..Commands::default() };
        for target in list {
            at += self.pause(30, 350);
            did.rcpt.1 += 1;
            let (to, why) = match target {
                // One that is here costs the server a word, and no line.
                Target::Here(_) => {
                    did.rcpt.0 += 1;
                    continue;
                }
                Target::Nobody(local) => {
                    (format!("{local}@{}", self.site.domain), Refusal::Unknown)
                }
                Target::Elsewhere(address) => (address.clone(), Refusal::Relay),
            };
            self.postfix_refuses(at, smtpd, &peer, Envelope { from, to: &to, helo }, why);
        }
        did.quits = list.len() > 3;
        self.postfix_disconnect(at + 40_000, smtpd, &peer, &did);
    }

    /// A HELO name that exploits something, refused at the first recipient.
    pub(crate) fn exploit(&mut self, client: IpAddr, envelope: Envelope<'_>) {
        let begin = self.screen(client, true);
        let peer = self.peer(client);
        let smtpd = self.servers.process(Service::Smtpd, begin, begin + 3 * SECOND);
        self.postfix_connect(begin + 500, smtpd, &peer);
        let Envelope { to, helo, .. } = envelope;
        let words = match helo.contains(['$', '(', '{']) {
            true => format!("501 5.5.2 <{helo}>: Helo command rejected: Invalid name"),
            false => format!(
                "550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"
            ),
        };
        let text = format_args!("NOQUEUE: reject: RCPT from {peer}: {words}; {envelope}");
        self.smtpd_says(begin + 200_000, smtpd, told(client, What::Abuse), text);
        let did = Commands { mail: (1, 1), rcpt: (0, 1), ..Commands::default() };
        self.postfix_disconnect(begin + 260_000, smtpd, &peer, &did);
    }
}
