//! What a story must lead to.

use super::{Played, START, expand, expand_len, offset, subject};
use engine::Output;
use event::{Decision, Mode, Subject};

/// One expectation, with the line that states it.
pub struct Expectation {
    pub line: String,
    what: What,
}

enum What {
    Ban {
        subject: Subject,
        rule: Option<String>,
        attempts_max: Option<usize>,
        before_s: Option<i64>,
    },
    NoBan {
        subject: Subject,
    },
    NoBans,
    Finding {
        detector: String,
        subject: Subject,
    },
    NoFinding {
        detector: String,
        subject: Option<Subject>,
    },
    FewFindings {
        most: usize,
        detector: String,
        subject: Subject,
    },
    Expiry {
        subject: Subject,
        cause: String,
    },
    /// At least so many clients of the range are banned.
    Share {
        least: usize,
        subjects: Vec<Subject>,
        rule: Option<String>,
    },
    Offence {
        subject: Subject,
        number: u32,
    },
}

impl Expectation {
    /// Reads a line; a `{...}` in it makes one expectation for each value.
    pub fn read(line: &str) -> Result<Vec<Expectation>, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["expect", "at", "least", least, "bans", "of", range, rest @ ..] = words.as_slice() {
            let least = least.parse().map_err(|_| "how many")?;
            let all = (0..expand_len(range)).map(|turn| subject(&expand(range, turn, 0)));
            let subjects = all.collect::<Result<_, _>>()?;
            let what = What::Share { least, subjects, rule: option(rest, "by") };
            return Ok(vec![Expectation { line: line.into(), what }]);
        }
        (0..expand_len(line)).map(|turn| Expectation::one(&expand(line, turn, 0))).collect()
    }

    fn one(line: &str) -> Result<Expectation, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let what = match words.as_slice() {
            ["expect", "ban", who, rest @ ..] => What::Ban {
                subject: subject(who)?,
                rule: option(rest, "by"),
                attempts_max: option(rest, "within").and_then(|count| count.parse().ok()),
                before_s: option(rest, "before").and_then(|text| offset(&text)),
            },
            ["expect", "no", "ban", who] => What::NoBan { subject: subject(who)? },
            ["expect", "no", "bans"] => What::NoBans,
            ["expect", "no", "finding", detector] => {
                What::NoFinding { detector: (*detector).into(), subject: None }
            }
            ["expect", "no", "finding", detector, "about", who] => {
                What::NoFinding { detector: (*detector).into(), subject: Some(subject(who)?) }
            }
            ["expect", "at", "most", most, "findings", "of", detector, "about", who] => {
                What::FewFindings {
                    most: most.parse().map_err(|_| "how many")?,
                    detector: (*detector).into(),
                    subject: subject(who)?,
                }
            }
            ["expect", "finding", detector, "about", who] => {
                What::Finding { detector: (*detector).into(), subject: subject(who)? }
            }
            ["expect", "expiry", who, "by", cause] => {
                What::Expiry { subject: subject(who)?, cause: (*cause).into() }
            }
            ["expect", "offence", number, "of", who] => What::Offence {
                subject: subject(who)?,
                number: number.parse().map_err(|_| "which one")?,
            },
            _ => return Err("what is expected".into()),
        };
        Ok(Expectation { line: line.into(), what })
    }

    /// What is wrong, if something is.
    pub fn fault(&self, played: &Played) -> Option<String> {
        self.what.fault(played).map(|why| format!("{}: {why}", self.line))
    }
}

fn option(words: &[&str], name: &str) -> Option<String> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at + 1).map(|word| String::from(*word))
}

fn bans(played: &Played) -> impl Iterator<Item = &Decision> {
    played.outputs.iter().filter_map(|output| match output {
        Output::Decision(decision) if decision.mode == Mode::Enforce => Some(decision),
        _ => None,
    })
}

fn covers(decision: &Decision, subject: &Subject) -> bool {
    decision.subject == *subject
        || matches!((decision.subject.network(), subject.network()), (Some(held), Some(wanted))
            if held.prefix() <= wanted.prefix() && held.contains(wanted.address()))
}

fn ban<'a>(played: &'a Played, subject: &Subject, rule: Option<&str>) -> Option<&'a Decision> {
    bans(played).find(|ban| covers(ban, subject) && rule.is_none_or(|rule| ban.rule == rule))
}

/// How many events of the subject lie at or before the decision's newest line.
fn attempts(played: &Played, subject: &Subject, decision: &Decision) -> usize {
    let newest = decision.evidence.lines().last().copied().unwrap_or(0) as usize;
    let network = subject.network();
    let mine = |client: &&Option<core::net::IpAddr>| {
        client.is_some_and(|client| network.is_some_and(|network| network.contains(client)))
    };
    played.clients.iter().take(newest + 1).filter(mine).count()
}

impl What {
    fn fault(&self, played: &Played) -> Option<String> {
        match self {
            What::Ban { subject, rule, attempts_max, before_s } => {
                let Some(found) = ban(played, subject, rule.as_deref()) else {
                    let other = ban(played, subject, None).map(|ban| ban.rule.to_string());
                    return Some(format!("no such ban, but {other:?}"));
                };
                let made = attempts(played, subject, found);
                let late = before_s.is_some_and(|limit| found.at > START.plus_seconds(limit));
                match attempts_max {
                    Some(most) if made > *most => Some(format!("after {made} attempts")),
                    _ if late => Some(format!("at {}", found.at)),
                    _ => None,
                }
            }
            What::NoBan { subject } => ban(played, subject, None).map(told),
            What::NoBans => bans(played).next().map(told),
            What::Finding { detector, subject } => {
                (findings(played, detector, Some(subject)) == 0).then(|| "no such finding".into())
            }
            What::NoFinding { detector, subject } => {
                (findings(played, detector, subject.as_ref()) > 0).then(|| "there is one".into())
            }
            What::FewFindings { most, detector, subject } => {
                let found = findings(played, detector, Some(subject));
                (found > *most).then(|| format!("there are {found}"))
            }
            What::Expiry { subject, cause } => {
                let found = played.outputs.iter().any(|output| {
                    matches!(output, Output::Expiry(expiry)
                        if expiry.subject == *subject && expiry.cause == *cause)
                });
                (!found).then(|| "no such expiry".into())
            }
            What::Share { least, subjects, rule } => {
                let is_banned =
                    |subject: &&Subject| ban(played, subject, rule.as_deref()).is_some();
                let banned = subjects.iter().filter(is_banned).count();
                (banned < *least).then(|| format!("only {banned} of {}", subjects.len()))
            }
            What::Offence { subject, number } => {
                let highest =
                    bans(played).filter(|ban| ban.subject == *subject).map(|ban| ban.offence).max();
                (highest != Some(*number)).then(|| format!("{highest:?}"))
            }
        }
    }
}

fn told(ban: &Decision) -> String {
    let lines = ban.evidence.lines();
    format!("{} by {} at {}, score {}, lines {lines:?}", ban.subject, ban.rule, ban.at, ban.score)
}

fn findings(played: &Played, detector: &str, subject: Option<&Subject>) -> usize {
    let is_it = |output: &&Output| {
        matches!(output, Output::Finding(finding)
            if finding.detector == detector && subject.is_none_or(|wanted| finding.subject == *wanted))
    };
    played.outputs.iter().filter(is_it).count()
}
