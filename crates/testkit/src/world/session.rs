//! What happens between a client and the server, from the first line to the last.

pub(crate) mod inbound;
pub(crate) mod mailbox;
pub(crate) mod message;
pub(crate) mod probe;
pub(crate) mod submission;
pub(crate) mod undelivered;

use super::guard::Standing;
use super::site::Shut;
use super::stage::{Beside, Stage, told};
use super::truth::What;
use super::write::dovecot::Fault;
use std::net::IpAddr;

/// A login that somebody tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try<'a> {
    pub client: IpAddr,
    /// The name as it is written.
    pub name: &'a str,
    /// The account that answers to the name.
    pub account: Option<u32>,
    /// Tells one password from another.
    pub secret: u64,
    pub is_right: bool,
}

/// What the server says to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    In,
    Wrong,
    /// The account is shut.
    Shut(Shut),
    /// A decision locked it.
    Locked,
    /// Who could know is away.
    Unchecked,
}

impl Stage<'_> {
    pub(crate) fn judge(&mut self, attempt: &Try<'_>) -> Answer {
        if self.site.outage(self.at).is_some() {
            return Answer::Unchecked;
        }
        let Some(account) = attempt.account else { return Answer::Wrong };
        if self.standing(account, attempt.client) == Standing::Locked {
            return Answer::Locked;
        }
        let shut = self.site.accounts.get(account as usize);
        if let Some(shut) = shut.and_then(|account| account.shut_at(self.at)) {
            return Answer::Shut(shut);
        }
        if attempt.is_right { Answer::In } else { Answer::Wrong }
    }

    /// Dovecot's word on a password that was not taken, where it says one; what is left to tell.
    pub(crate) fn fault(
        &mut self,
        at: i64,
        attempt: &Try<'_>,
        session: Option<&str>,
        answer: Answer,
    ) -> What {
        let what = not_taken(attempt, answer);
        let fault = match answer {
            Answer::Locked => Fault::Policy,
            Answer::Shut(Shut::Expired) => Fault::Expired,
            Answer::Shut(Shut::Gone) => Fault::Unknown,
            _ if attempt.account.is_none() => Fault::Unknown,
            _ => Fault::Mismatch,
        };
        if !self.site.settings.has_auth_verbose && fault != Fault::Policy {
            return what;
        }
        let beside: Beside = told(attempt.client, what);
        let who = (attempt.name, attempt.client, session);
        self.dovecot_fault(at, who, (fault, attempt.secret), beside);
        What::Detail
    }
}

fn not_taken(attempt: &Try<'_>, answer: Answer) -> What {
    match (answer, attempt.account) {
        (Answer::Shut(_) | Answer::Locked, Some(account)) => What::LoginShut { account },
        (Answer::Unchecked, Some(account)) => What::LoginUnchecked { account },
        (_, account) => What::LoginWrong { account },
    }
}
