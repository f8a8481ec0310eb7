//! Unbound by syslog, with `log-queries` and, where the site has it, `log-replies`.

use crate::world::clock::Micros;
use crate::world::stage::{Stage, detail, told};
use crate::world::truth::{ActorId, What};
use std::net::IpAddr;

/// A question and its answer.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub client: IpAddr,
    /// Without the dot at its end.
    pub name: &'a str,
    /// `MX`, `A`, `AAAA`.
    pub kind: &'static str,
    pub exists: bool,
}

impl Stage<'_> {
    /// Asks as `actor`.
    pub fn ask(&mut self, actor: ActorId, at: Micros, question: Question<'_>) {
        let Question { client, name, kind, exists } = question;
        let unbound = self.servers.unbound;
        let pid = unbound.pid;
        let thread = pid & 1;
        let what = What::Question { mx: kind == "MX", exists };
        let line = format_args!("{unbound}: [{pid}:{thread}] info: {client} {name}. {kind} IN");
        self.say_of(actor, at, pid, told(client, what), line);
        if !self.site.settings.has_replies {
            return;
        }
        let took = self.pause(0, 90);
        let code = if exists { "NOERROR" } else { "NXDOMAIN" };
        let cached = u8::from(took < 4_000);
        let size = 60 + name.len();
        let line = format_args!(
            "{unbound}: [{pid}:{thread}] info: {client} {name}. {kind} IN {code} 0.{took:06} {cached} {size}"
        );
        self.say_of(actor, at + took, pid, detail(client), line);
    }
}
