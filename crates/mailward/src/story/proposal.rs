//! What is proposed for an account, a sender or a host, and how a person does it by hand.
//!
//! Nothing here is carried out by mailward: whose mail is to be held is often the victim. So each
//! proposal says what it is, until when it stands, and the exact lines that do and undo it.
//!
//! Sources: access(5) and postconf(5) `check_sasl_access` (Postfix 2.11), postsuper(1),
//! postqueue(1) `-j` (Postfix 3.1), doveadm-kick(1), doveadm-auth(1), Dovecot's pages on
//! `deny = yes` of a passdb.

use crate::failure::Failure;
use crate::recover::failure;
use crate::terminal;
use event::{Decision, Measure, Mode, Subject, Timestamp};
use std::collections::BTreeMap;
use store::{Filter, Reader, Record, What};

/// Actions that are read at most, the newest.
const ACTIONS_MAX: usize = 100_000;
/// No proposal of this many days ago stands.
const DAYS_MAX: i64 = 90;

/// True for a decision that nobody carries out by itself.
pub const fn is_proposal(decision: &Decision) -> bool {
    matches!(decision.mode, Mode::Observe) && decision.subject.network().is_none()
}

/// What stands for a subject, or for all, by the journal: its table of what holds has no
/// proposals, so they are those of its records that are not over and did not end.
///
/// # Errors
/// The journal cannot be read.
pub fn standing(
    reader: &Reader,
    of: Option<&Subject>,
    now: Timestamp,
) -> Result<Vec<Decision>, Failure> {
    let from = Some(now.plus_seconds(-DAYS_MAX * 86_400));
    let filter = Filter { what: What::Actions, subject: of.cloned(), from, ..Filter::default() };
    let found = reader.query(&filter, ACTIONS_MAX).map_err(failure)?;
    // Rows come newest first: what is met first of a subject is what is so.
    let mut latest: BTreeMap<(Subject, Measure), Option<Decision>> = BTreeMap::new();
    for row in &found.rows {
        match row.record() {
            Some(Record::Decision { decision, .. }) if is_proposal(&decision) => {
                let what = (decision.subject.clone(), decision.measure);
                latest.entry(what).or_insert(Some(decision));
            }
            Some(Record::Expiry { expiry, .. }) => {
                latest.entry((expiry.subject, expiry.measure)).or_insert(None);
            }
            _ => {}
        }
    }
    let is_over = |decision: &Decision| decision.until.is_some_and(|until| until <= now);
    Ok(latest.into_values().flatten().filter(|decision| !is_over(decision)).collect())
}

/// What to do in words: `hold the mail of account bob`.
pub fn deed(decision: &Decision) -> String {
    let who = format!("{} {}", decision.subject.kind(), decision.subject);
    match decision.measure {
        Measure::Hold => format!("hold the mail of {who}"),
        Measure::Throttle => format!("slow down the mail of {who}"),
        Measure::Lock => format!("lock {who}"),
        Measure::Ban => format!("put {who} on the blocklist"),
        other => format!("{other} {who}"),
    }
}

/// A proposal in one line: what, by which rule, until when.
pub fn line(decision: &Decision) -> String {
    let until = decision
        .until
        .map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", terminal::local(at)));
    format!("{} ({}, {until})", deed(decision), decision.rule)
}

/// Lines to type, each with what it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What it does.
    pub what: &'static str,
    /// Lines for a shell, or for a file that `what` names.
    pub lines: Vec<String>,
}

fn step(what: &'static str, lines: &[String]) -> Step {
    Step { what, lines: lines.to_vec() }
}

/// What a person can do now by hand, and how it is undone. Empty where the name holds characters
/// that a shell or a table would not take as they are: such a name is put in by hand.
pub fn by_hand(decision: &Decision) -> Vec<Step> {
    let subject = decision.subject.to_string();
    if !is_plain(&subject) {
        return Vec::new();
    }
    let mut steps = match (&decision.subject, decision.measure) {
        (Subject::Account(_), Measure::Hold) => hold_account(&subject),
        (Subject::Account(_), Measure::Lock) => lock_account(&subject),
        (Subject::Account(_), Measure::Throttle) => throttle_account(&subject),
        (Subject::Sender(_), _) => refuse_sender(&subject),
        _ => Vec::new(),
    };
    steps.push(step("to end the proposal", &[format!("mailward unban {subject}")]));
    steps
}

/// True for names that are themselves in a shell, in a Postfix table and in a line of passwd.
fn is_plain(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+=-".contains(&byte))
}

const ACCESS: &str = "/etc/postfix/sasl_access";

fn in_access(name: &str, action: &str) -> Vec<String> {
    vec![format!("echo '{name} {action}' >> {ACCESS}"), format!("postmap {ACCESS}")]
}

fn out_of_access(name: &str) -> Vec<String> {
    let escaped = name.replace('.', "\\.");
    vec![format!("sed -i '/^{escaped} /d' {ACCESS}"), format!("postmap {ACCESS}")]
}

/// Once, so that Postfix asks the table.
fn ask_access() -> Step {
    step(
        "once, in main.cf, first of smtpd_sender_restrictions (Postfix 2.11 or later)",
        &[format!("check_sasl_access hash:{ACCESS}")],
    )
}

fn queued(name: &str, option: &str) -> String {
    format!("postqueue -j | jq -r 'select(.sender==\"{name}\").queue_id' | postsuper {option} -")
}

fn hold_account(name: &str) -> Vec<Step> {
    vec![
        ask_access(),
        step("hold what it sends from now on", &in_access(name, "HOLD")),
        step(
            "hold what is in the queue, where its sender is the login name",
            &[queued(name, "-h")],
        ),
        step("look at what is held", &["postqueue -p | grep '!'".to_owned()]),
        step("to undo it", &[out_of_access(name), vec![queued(name, "-H")]].concat()),
    ]
}

fn throttle_account(name: &str) -> Vec<Step> {
    let defer = "451 4.7.1 Too much mail at once, try again later";
    vec![
        ask_access(),
        step("put off what it sends from now on", &in_access(name, defer)),
        step("to undo it", &out_of_access(name)),
    ]
}

fn lock_account(name: &str) -> Vec<Step> {
    const DENIED: &str = "/etc/dovecot/deny-users";
    let escaped = name.replace('.', "\\.");
    vec![
        step(
            "once, in dovecot.conf, before all other passdbs (Dovecot 2.3)",
            &[format!("passdb {{ driver = passwd-file; deny = yes; args = {DENIED} }}")],
        ),
        step(
            "lock it, also for its owner, and end its sessions",
            &[
                format!("echo '{name}:' >> {DENIED}"),
                format!("doveadm auth cache flush {name}"),
                format!("doveadm kick {name}"),
            ],
        ),
        step(
            "then",
            &["give its owner a new password, and look for rules that forward his mail".to_owned()],
        ),
        step(
            "to undo it",
            &[
                format!("sed -i '/^{escaped}:/d' {DENIED}"),
                format!("doveadm auth cache flush {name}"),
            ],
        ),
    ]
}

fn refuse_sender(name: &str) -> Vec<Step> {
    const SENDERS: &str = "/etc/postfix/sender_access";
    let escaped = name.replace('.', "\\.");
    vec![
        step(
            "once, in main.cf, in smtpd_sender_restrictions",
            &[format!("check_sender_access hash:{SENDERS}")],
        ),
        step(
            "refuse it",
            &[format!("echo '{name} REJECT' >> {SENDERS}"), format!("postmap {SENDERS}")],
        ),
        step(
            "to undo it",
            &[format!("sed -i '/^{escaped} /d' {SENDERS}"), format!("postmap {SENDERS}")],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Evidence, Timestamp};

    fn proposal(name: &str, measure: Measure) -> Decision {
        Decision {
            at: Timestamp(0),
            measure,
            subject: Subject::Account(name.as_bytes().into()),
            until: Some(Timestamp(60_000_000)),
            rule: "outbound-surge".into(),
            offence: 1,
            score: 1.0,
            mode: Mode::Observe,
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn what_is_done_is_undone_and_the_proposal_ends() {
        for measure in [Measure::Hold, Measure::Lock, Measure::Throttle] {
            let steps = by_hand(&proposal("bob.b@example.org", measure));
            let all: Vec<String> = steps.iter().flat_map(|step| step.lines.clone()).collect();
            assert!(all.iter().any(|line| line.contains("/^bob\\.b@example\\.org")), "{all:?}");
            assert_eq!(all.last().unwrap(), "mailward unban bob.b@example.org");
            assert!(is_proposal(&proposal("bob", measure)));
        }
    }

    #[test]
    fn a_strangers_text_becomes_no_command() {
        for name in ["$(id)", "a b", "bob'", "x;y", "-h", "a`b", "a|b", "a\nb", "", "bob*", "a/b"] {
            assert_eq!(by_hand(&proposal(name, Measure::Lock)), [], "{name}");
        }
    }
}
