//! Orders and questions of operators, whoever carries them out: the guard, or the demo.

use crate::control::{Answer, Request};
use crate::core::Core;
use crate::guard::Peer;
use crate::json;
use crate::subject;
use edge::enforce::Refusal;
use engine::{Engine, Explanation, IncidentError, Output, Protection};
use event::{Command, Decision, IncidentStep, Length, Mode, Network, Order, Subject, Timestamp};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Accounts that are asked about at once.
const ACCOUNTS_MAX: usize = 256;

/// Who carries orders out.
pub trait Desk {
    /// The time of day by which orders are meant.
    fn now(&self) -> Timestamp;
    /// The engine.
    fn engine(&self) -> &Engine;
    /// Engine and journal.
    fn core(&mut self) -> &mut Core;
    /// Puts on record what came of it, and then carries it out. `at` is now.
    fn carry_out(&mut self, at: Timestamp);
    /// Others are allowed than before.
    fn allowlist_changed(&mut self) {}
    /// An order that is given now.
    fn command(&self, by: &str, reason: &str, order: Order) -> Command {
        Command { at: self.now(), operator: by.into(), reason: reason.into(), order }
    }
    /// Carries an order out, and puts it on record first.
    fn order(&mut self, by: &str, reason: &str, order: Order) -> Vec<Output> {
        let command = self.command(by, reason, order);
        let outputs = self.core().command(&command);
        // On record, and carried out, before it is answered.
        self.carry_out(command.at);
        if matches!(command.order, Order::Allow { .. } | Order::Disallow { .. }) {
            self.allowlist_changed();
        }
        outputs
    }
    /// Carries out an order about incidents, and puts it on record; the number of the one it is
    /// about.
    ///
    /// # Errors
    /// It cannot be carried out.
    fn incident(
        &mut self,
        by: &str,
        reason: &str,
        order: Order,
    ) -> Result<Option<u64>, IncidentError> {
        let command = self.command(by, reason, order);
        let number = self.core().incident(&command)?;
        self.carry_out(command.at);
        Ok(number)
    }
    /// True where what is decided comes true anywhere.
    fn is_enforcing(&self) -> bool;
    /// Why the kernel would refuse to ban this.
    fn refusal(&self, network: &Network) -> Option<Refusal>;
    /// No other network fits into the kernel's allowlist.
    fn is_allowlist_full(&self) -> bool;
    /// How it is.
    fn status(&self) -> Value;
    /// Takes a line of mailward's own in, as it would one of a log.
    fn line(&mut self, line: &[u8]) {
        let now = self.now();
        self.core().console_line(line, now);
        self.carry_out(now);
    }
    /// What is known of a subject.
    fn explain(&mut self, subject: &Subject) -> Value;
}

/// Answers one request.
pub fn answer(desk: &mut dyn Desk, peer: Peer, request: Request) -> Answer {
    match request {
        Request::As { operator, request } if is_trusted(peer) => {
            let name: String = operator.chars().take(OPERATOR_MAX).collect();
            answer_to(desk, &name, *request)
        }
        Request::SignedIn { client, account, is_allowed } if is_trusted(peer) => {
            desk.line(&sign_in_line(desk.now(), client, &account, is_allowed));
            Answer::done("")
        }
        Request::As { .. } | Request::SignedIn { .. } => {
            Answer::refused("only who runs the guard may say so")
        }
        request => answer_to(desk, &operator(peer.uid), request),
    }
}

fn answer_to(desk: &mut dyn Desk, by: &str, request: Request) -> Answer {
    let answered = match request {
        Request::As { .. } | Request::SignedIn { .. } => Ok(Answer::refused("one operator orders")),
        Request::Status => Ok(Answer::data(desk.status())),
        Request::Explain { subject } => {
            subject::read(&subject).map(|subject| Answer::data(desk.explain(&subject)))
        }
        Request::LastLogins { accounts } => Ok(Answer::data(last_logins(desk, &accounts))),
        Request::Ban { subject, duration_s, reason } => {
            subject::addresses(&subject).map(|subject| ban(desk, by, &subject, duration_s, &reason))
        }
        Request::Unban { subject, reason } => {
            subject::read(&subject).map(|subject| unban(desk, by, subject, &reason))
        }
        Request::Allow { network, duration_s, reason } => {
            subject::network(&network).map(|network| allow(desk, by, network, duration_s, &reason))
        }
        Request::Disallow { network, reason } => {
            subject::network(&network).map(|network| disallow(desk, by, network, &reason))
        }
        Request::OpenIncident { subject, reason } => {
            subject::read(&subject).map(|subject| open_incident(desk, by, subject, &reason))
        }
        Request::Incident { number, step, reason } => {
            Ok(step_incident(desk, by, (number, &step), &reason))
        }
    };
    answered.unwrap_or_else(|failure| Answer::refused(failure.to_string()))
}

/// For each account a time, or null.
fn last_logins(desk: &dyn Desk, accounts: &[String]) -> Value {
    let last =
        |account: &String| desk.engine().last_login(account.as_bytes()).map(|at| at.seconds());
    json!(accounts.iter().take(ACCOUNTS_MAX).map(last).collect::<Vec<_>>())
}

fn ban(
    desk: &mut dyn Desk,
    by: &str,
    subject: &Subject,
    duration_s: Option<u32>,
    reason: &str,
) -> Answer {
    if duration_s == Some(0) {
        return Answer::refused(format!("{subject} is not banned: it would be over at once"));
    }
    // What the kernel will refuse must not stand in the journal as decided. Who is protected is
    // the engine's to say, and on record as an order.
    let refusal = subject.network().and_then(|network| desk.refusal(&network));
    if let Some(refusal) = refusal.filter(|refusal| *refusal == Refusal::TooWide) {
        return Answer::refused(format!("{subject} is not banned: {}", refusal.meaning()));
    }
    let outputs = desk.order(by, reason, Order::Ban { subject: subject.clone(), duration_s });
    if !outputs.iter().any(|output| matches!(output, Output::Decision(_))) {
        let protection = desk.engine().explain(subject).protection;
        let why =
            protection.map_or_else(|| "the order was not carried out".into(), protection_text);
        return Answer::refused(format!("{subject} is not banned: {why}"));
    }
    let until = duration_s.map_or_else(
        || "until it is lifted".to_owned(),
        |seconds| format!("for {}", Length(i64::from(seconds))),
    );
    let around = neighbours(subject);
    Answer::done(if desk.is_enforcing() {
        format!("{subject} is banned {until}{around}")
    } else {
        format!("{subject} would be banned {until}{around}; this guard observes, and drops nothing")
    })
}

fn unban(desk: &mut dyn Desk, by: &str, subject: Subject, reason: &str) -> Answer {
    let outputs = desk.order(by, reason, Order::Unban { subject: subject.clone() });
    let ended: Vec<&Subject> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Expiry(expiry) => Some(&expiry.subject),
            _ => None,
        })
        .collect();
    Answer::done(match ended.as_slice() {
        [] if subject.network().is_none() => format!("nothing held for {subject}"),
        [] => format!("nothing held for {subject}; its scores are forgotten"),
        [one] if one.network().is_none() => {
            format!("what held or was proposed for {one} has ended; what was done by hand has not")
        }
        [one] => format!("the ban of {one} has ended"),
        [first, others @ ..] => {
            format!("the bans of {first} and of {} more have ended", others.len())
        }
    })
}

fn allow(
    desk: &mut dyn Desk,
    by: &str,
    network: Network,
    duration_s: Option<u32>,
    reason: &str,
) -> Answer {
    if network.prefix() == 0 {
        return Answer::refused(format!(
            "{network} is everybody, to services for listed networks, too; to ban nobody, set mode = \"observe\""
        ));
    }
    if duration_s == Some(0) {
        return Answer::refused(format!("{network} is not allowed: it would be over at once"));
    }
    if desk.is_allowlist_full() {
        return Answer::refused(format!(
            "{network} does not fit into the allowlist: take others off, or allow a wider network"
        ));
    }
    let until = duration_s.map(|seconds| desk.now().plus_seconds(i64::from(seconds)));
    let ended = desk.order(by, reason, Order::Allow { network, until });
    let term = duration_s
        .map_or_else(String::new, |seconds| format!(" for {}", Length(i64::from(seconds))));
    Answer::done(format!("{network} is never banned{term}{}", ended_text(&ended)))
}

fn disallow(desk: &mut dyn Desk, by: &str, network: Network, reason: &str) -> Answer {
    desk.order(by, reason, Order::Disallow { network });
    let subject = Subject::Network(network);
    match desk.engine().explain(&subject).protection {
        None => Answer::done(format!("{network} is off the allowlist")),
        Some(protection) => Answer::refused(format!(
            "{network} is still not banned as a whole: {}",
            protection_text(protection)
        )),
    }
}

fn open_incident(desk: &mut dyn Desk, by: &str, subject: Subject, reason: &str) -> Answer {
    let about = subject.to_string();
    match desk.incident(by, reason, Order::OpenIncident { subject }) {
        Ok(Some(number)) => {
            Answer::done(format!("incident {number} is open: what is found about {about} joins it"))
        }
        Ok(None) | Err(_) => Answer::refused("the incident could not be opened"),
    }
}

fn step_incident(
    desk: &mut dyn Desk,
    by: &str,
    (number, step): (u64, &str),
    reason: &str,
) -> Answer {
    let Some(step) = IncidentStep::ALL.into_iter().find(|known| known.name() == step) else {
        return Answer::refused(format!("an incident cannot be {step:?}"));
    };
    match desk.incident(by, reason, Order::Incident { number, step }) {
        Ok(_) => Answer::done(format!("incident {number} is {}", step.to())),
        Err(IncidentError::Missing) => Answer::refused(format!("there is no incident {number}")),
        Err(IncidentError::Already(state)) => {
            Answer::refused(format!("incident {number} is {state} already"))
        }
    }
}

/// A try to sign in to the console as a line that the parser `mailward` reads.
fn sign_in_line(at: Timestamp, client: Option<IpAddr>, name: &str, is_allowed: bool) -> Vec<u8> {
    let word = if is_allowed { "allowed" } else { "refused" };
    let client = client.map_or_else(|| "-".to_owned(), |client| client.to_string());
    let name: String = name.chars().take(OPERATOR_MAX).collect();
    // What a stranger wrote is one line, whatever it was.
    let name = event::Text::from(&*name);
    format!("{at} localhost mailward-console: sign-in {word} client={client} account={name}")
        .into_bytes()
}

/// The longest name of an operator, in characters.
const OPERATOR_MAX: usize = 200;

/// Who may say on whose behalf he orders: he could write the journal himself.
fn is_trusted(peer: Peer) -> bool {
    peer.uid == 0 || peer.uid == rustix::process::geteuid().as_raw()
}

/// Who, by name where the host knows one.
pub fn operator(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

/// What a ban of a single IPv6 address leaves open: its user can take another one of the /64.
fn neighbours(subject: &Subject) -> String {
    match subject {
        Subject::Client(address @ IpAddr::V6(_)) => format!(
            "; the rest of {} is not: ban that where its user changes addresses",
            Network::of(*address, 64)
        ),
        _ => String::new(),
    }
}

fn ended_text(outputs: &[Output]) -> String {
    match outputs.iter().filter(|output| matches!(output, Output::Expiry(_))).count() {
        0 => String::new(),
        1 => "; one ban has ended".to_owned(),
        count => format!("; {count} bans have ended"),
    }
}

/// Why somebody is never banned.
pub fn protection_text(protection: Protection) -> String {
    match protection {
        Protection::Special => {
            "a loopback, link-local, multicast or unspecified address".to_owned()
        }
        Protection::Configured(network) => {
            format!("{network} is on the allowlist of the configuration")
        }
        Protection::Operator(network) => {
            format!("{network} is on the allowlist by an operator's order")
        }
        Protection::Surroundings(network) => format!(
            "{network} is an address of this host, a gateway, a resolver or an administrator at work"
        ),
    }
}

/// What the engine knows of a subject, as JSON. A decision of a guard that observes is one that is
/// only recorded.
pub fn explanation(explanation: &Explanation, is_enforcing: bool) -> Value {
    let hold = |decision: &Option<Decision>| match decision {
        None => Value::Null,
        Some(decision) => {
            let mode = if is_enforcing { decision.mode } else { Mode::Observe };
            let mut text = String::new();
            json::decision(&mut text, &Decision { mode, ..decision.clone() });
            serde_json::from_str(&text).unwrap_or_default()
        }
    };
    let scores: Vec<Value> = explanation
        .scores
        .iter()
        .map(|standing| {
            json!({ "detector": standing.detector, "score": standing.score,
                    "score_max": standing.score_max, "half_life_s": standing.half_life_s })
        })
        .collect();
    json!({
        "subject": explanation.subject.to_string(), "enforcing": is_enforcing, "at": time(explanation.at), "scores": scores,
        "offences": explanation.offences, "hold": hold(&explanation.hold),
        "covered_by": hold(&explanation.covered_by),
        "protection": explanation.protection.map(protection_text),
        "good_accounts": explanation.good_accounts, "under_attack": explanation.under_attack,
    })
}

fn time(at: Timestamp) -> String {
    at.to_string()
}
