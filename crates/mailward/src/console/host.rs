//! What the console asks of the rest of mailward: the running guard over its control socket, and
//! what the commands of the command line tell.

use crate::control::{self, Request};
use crate::failure::Failure;
use crate::gather;
use crate::json;
use crate::orders;
use crate::print;
use crate::story::{self, why};
use crate::terminal::Style;
use console::{Host, HostError, Order, SignIn};
use event::{Incident, Timestamp};
use serde_json::Value;
use std::path::PathBuf;
use store::{Found, Reader, Row};

/// Records of a story that are shown at once.
const SHOWN_MAX: usize = 200;

/// The guard of a state directory.
pub struct Guarded {
    dir: PathBuf,
}

impl Guarded {
    /// The one whose state lies there.
    pub const fn in_dir(dir: PathBuf) -> Self {
        Guarded { dir }
    }

    fn ask(&self, request: &Request) -> Result<control::Answer, HostError> {
        match control::ask(&self.dir, request).map_err(told)? {
            Some(answer) if answer.ok => Ok(answer),
            Some(answer) => Err(HostError(answer.text)),
            None => Err(HostError("no guard runs: start it with `mailward up`".to_owned())),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(failure: Failure) -> HostError {
    HostError(failure.to_string())
}

fn request(order: &Order, reason: &str) -> Request {
    let reason = reason.to_owned();
    match order.clone() {
        Order::Ban { subject, duration_s } => Request::Ban { subject, duration_s, reason },
        Order::Unban { subject } => Request::Unban { subject, reason },
        Order::Allow { network, duration_s } => Request::Allow { network, duration_s, reason },
        Order::Disallow { network } => Request::Disallow { network, reason },
        Order::OpenIncident { subject } => Request::OpenIncident { subject, reason },
        Order::Incident { number, step } => {
            Request::Incident { number, step: step.name().to_owned(), reason }
        }
    }
}

impl Host for Guarded {
    fn status(&self) -> Result<Value, HostError> {
        self.ask(&Request::Status).map(|answer| answer.data)
    }

    fn last_logins(&self, accounts: &[String]) -> Result<Vec<Option<Timestamp>>, HostError> {
        let answer = self.ask(&Request::LastLogins { accounts: accounts.to_vec() })?;
        let times = answer.data.as_array().into_iter().flatten();
        Ok(times.map(|time| time.as_i64().map(Timestamp::from_seconds)).collect())
    }

    fn why(&self, subject: &str) -> Result<String, HostError> {
        why::tell(&self.dir, subject, SHOWN_MAX, Some(Style::plain()))
            .map(|told| told.text)
            .map_err(told)
    }

    fn order(&self, operator: &str, reason: &str, order: &Order) -> Result<String, HostError> {
        let request = Box::new(request(order, reason));
        let operator = operator.to_owned();
        self.ask(&Request::As { operator, request }).map(|answer| answer.text)
    }

    fn story(&self, reader: &Reader, id: &[u8]) -> Result<Found, HostError> {
        gather::story(reader, id).map_err(told)
    }

    fn json(&self, row: &Row) -> Option<String> {
        story::as_json(row)
    }

    fn incident(&self, incident: &Incident) -> String {
        let mut out = String::new();
        json::incident(&mut out, incident);
        out
    }

    fn user(&self, uid: u32) -> String {
        orders::operator(uid)
    }

    fn signed_in(&self, tried: &SignIn<'_>) {
        // Told to the guard, which may be busy or gone: the page does not wait for it.
        let request = Request::SignedIn {
            client: tried.client,
            account: tried.account.to_owned(),
            is_allowed: tried.is_allowed,
        };
        let _ = control::ask(&self.dir, &request);
    }

    fn warn(&self, what: &str) {
        print::error_line(format_args!("mailward: console: {what}"));
    }

    fn certificate_failure(&self) -> Option<String> {
        super::certificate::failed(&self.dir)
    }
}
