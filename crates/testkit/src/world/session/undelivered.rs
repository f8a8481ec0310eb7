//! Mail that a provider in trouble does not take: tried again until it does, or given back.

use crate::world::clock::{MINUTE, Micros, SECOND, seconds};
use crate::world::names::Peer;
use crate::world::stage::Stage;
use crate::world::truth::{GroupId, Kind};
use crate::world::write::postfix::Fate;

/// What befalls the servers that a message goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub kind: Kind,
    pub group: GroupId,
    pub until: Micros,
}

/// A recipient whose server takes nothing now.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    pub to: String,
    /// The account whose mail goes there.
    pub forwarded: Option<String>,
    pub relay: Peer,
    /// What becomes of it when the server takes mail again.
    pub fate: Fate,
    pub trouble: Trouble,
    /// When it was tried first.
    pub at: Micros,
}

/// Postfix: `maximal_backoff_time`, `smtp_connect_timeout`.
const BACKOFF_MAX: Micros = 4_000 * SECOND;
const PATIENCE: Micros = 30 * SECOND;

impl Stage<'_> {
    /// What befalls the servers of a domain, by its number.
    pub(crate) fn trouble(&self, domain: u64, at: Micros) -> Option<Trouble> {
        let happenings = &self.site.happenings;
        if happenings.is_empty() {
            return None;
        }
        let provider = crate::world::names::provider(domain);
        let now = happenings.iter().find(|happening| happening.befalls(provider, at))?;
        Some(Trouble { kind: now.kind, group: now.group, until: now.until })
    }

    /// The same, by its name.
    pub(crate) fn trouble_of(&self, domain: &str, at: Micros) -> Option<Trouble> {
        let mut happenings = self.site.happenings.iter();
        let now = happenings.find(|happening| {
            (happening.from..happening.until).contains(&at) && happening.domains.contains(domain)
        })?;
        Some(Trouble { kind: now.kind, group: now.group, until: now.until })
    }

    /// All of a message that is stuck, to its end; returns when that is. `sender` gets what is
    /// refused for good.
    pub(crate) fn hold_out(
        &mut self,
        id: &str,
        (from, size): (&str, u64),
        mut stuck: Vec<Stuck>,
        sender: Option<u32>,
    ) -> Micros {
        let mut done = 0;
        for one in &stuck {
            let takes = if one.trouble.kind == Kind::RemoteTimeout { PATIENCE } else { 0 };
            done = done.max(one.at + takes);
            self.postfix_fails(one.at + takes, id, one, true);
        }
        if stuck.iter().any(|one| one.trouble.kind == Kind::BlockHard) {
            stuck.retain(|one| one.trouble.kind != Kind::BlockHard);
            if let Some(sender) = sender {
                let login = self.site.login(sender).to_owned();
                self.postfix_bounces(done + 3_000, id, &login);
                done += 4_000;
            }
        }
        let mut wait = 5 * MINUTE;
        while !stuck.is_empty() {
            // The queue is looked through every five minutes.
            let at = done + wait + self.chance.within(0, 5 * MINUTE);
            wait = (wait * 2).min(BACKOFF_MAX);
            self.postfix_queues(at, id, from, size, stuck.len());
            done = at;
            stuck.retain(|one| {
                let took = seconds(self.chance.between(0.06, 4.0));
                let is_over = at >= one.trouble.until;
                done = done.max(at + took);
                if is_over {
                    let to = (one.to.as_str(), one.forwarded.as_deref());
                    let waited = at + took - one.at;
                    // A greylist knows who came before.
                    let fate = if one.fate == Fate::Later { Fate::Sent } else { one.fate };
                    self.postfix_sends(at + took, id, to, &one.relay, (fate, waited));
                } else {
                    self.postfix_fails(at + took, id, one, false);
                }
                !is_over
            });
        }
        done
    }
}
