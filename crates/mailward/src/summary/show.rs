//! The summary for people: first the details, then, so that it is what stays on the screen, one
//! page
//! with all totals and the verdict.

use super::distinct::Count;
use super::most::{OTHERS_MAX, Row};
use super::{Found, Totals};
use crate::listing::LeftOut;
use crate::replay::{Activity, Kept, Outcome};
use crate::terminal::{self, Style, Tone, count, things};
use crate::understand::Tally;
use event::{Length, Mode, Network, Server, Subject, Text, Vocabulary as _};

/// Logs that are shown each.
const LOGS_MAX: usize = 20;
/// Logs left out that are named each.
const LEFT_OUT_MAX: usize = 20;
/// Reasons and detectors that are named beside a total.
const NAMED_MAX: usize = 6;
/// The place of a column that is left out where there is little room.
const HOSTILE: usize = 3;
/// Those who did most that are shown where there is little room, and reasons.
const NARROW_MAX: usize = 3;
/// Columns of the two first cells of a total.
const LABEL: usize = 13;

/// Everything, with so many decisions.
pub fn show(style: Style, outcome: &Outcome, limit: usize) -> String {
    let shown = Shown { style, outcome, folder: folder(&outcome.logs) };
    let mut text = String::new();
    let sections = [
        shown.logs(),
        shown.left_out(),
        shown.servers(),
        shown.decisions(limit),
        shown.totals(),
        shown.most(),
    ];
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        text.push_str(&section);
        text.push('\n');
    }
    text.push_str(&shown.verdict());
    text
}

/// What is shown, and how.
pub struct Shown<'o> {
    style: Style,
    outcome: &'o Outcome,
    /// The directory that all logs are in, with its last slash; empty where there is none.
    folder: String,
}

impl Shown<'_> {
    /// A log's name, within the directory that all are in.
    fn name(&self, log: &str) -> String {
        Text::from(log.strip_prefix(&*self.folder).unwrap_or(log)).to_string()
    }

    fn logs(&self) -> String {
        let logs = &self.outcome.logs;
        let is_odd = |tally: &Tally| tally.understood().is_none() || tally.unframed > 0;
        if logs.len() < 2 && !logs.iter().any(|(_, tally)| is_odd(tally)) {
            return String::new();
        }
        let rows = logs.iter().take(LOGS_MAX).map(|(name, tally)| self.log(name, tally));
        let title = if self.folder.is_empty() {
            "log".to_owned()
        } else {
            format!("log in {}", self.folder)
        };
        let title = Text::from(&*title).to_string();
        let mut header =
            vec![&*title, "lines", "events", "hostile", "unknown", "no log", "understood"];
        if self.is_narrow() {
            header.remove(HOSTILE);
        }
        let mut text = self.style.table(&header, rows);
        if logs.len() > LOGS_MAX {
            let more = logs.len() - LOGS_MAX;
            text.push_str(&format!(" ... and {more} more: --format json lists all\n"));
        }
        text
    }

    fn log(&self, name: &str, tally: &Tally) -> Vec<String> {
        let mut row = vec![self.name(name)];
        let counts = [tally.lines, tally.events, tally.hostile, tally.unknown, tally.unframed];
        row.extend(counts.map(count));
        if self.is_narrow() {
            row.remove(HOSTILE);
        }
        let odd = || format!("- {}", note(tally)).trim_end().to_owned();
        row.push(tally.understood().map_or_else(odd, |share| format!("{share:.2} %")));
        row
    }

    fn left_out(&self) -> String {
        let left_out = &self.outcome.left_out;
        if left_out.is_empty() {
            return String::new();
        }
        let title = format!("not read: {}", things(left_out.len(), "file", "files"));
        let mut text = format!(" {}\n", self.style.paint(Tone::Warning, &title));
        for LeftOut { name, why, remedy } in left_out.iter().take(LEFT_OUT_MAX) {
            let remedy = remedy.as_ref().map_or(String::new(), |remedy| format!("; {remedy}"));
            text.push_str(&self.wrapped(3, &format!("{}: {why}{remedy}", self.name(name))));
        }
        if left_out.len() > LEFT_OUT_MAX {
            let more = left_out.len() - LEFT_OUT_MAX;
            text.push_str(&format!("   ... and {more} more: --format json lists all\n"));
        }
        text
    }

    fn servers(&self) -> String {
        let told = Server::ALL.iter().zip(&self.outcome.servers);
        let rows: Vec<Vec<String>> = told
            .filter(|(_, told)| told.events > 0)
            .map(|(server, told)| {
                let Activity { events, logins, failed, messages, delivered, deferred, refused } =
                    *told;
                let counts = [events, logins, failed, messages, delivered, deferred, refused];
                let mut row = vec![server.name().to_owned()];
                row.extend(counts.map(count));
                row
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let header = [
            "server",
            "events",
            "logins",
            "failed",
            "messages",
            "delivered",
            "deferred",
            "refused",
        ];
        self.style.table(&header, rows)
    }

    fn decisions(&self, limit: usize) -> String {
        let outcome = self.outcome;
        if outcome.kept.is_empty() || limit == 0 {
            return String::new();
        }
        let rows = outcome.kept.iter().take(limit).map(|kept| self.decision(kept));
        let header: &[&str] = if self.is_narrow() {
            &["when", "measure", "subject", "rule", "last line"]
        } else {
            &["when", "measure", "subject", "rule", "how long", "score", "last line", ""]
        };
        let mut text = self.style.table(header, rows);
        if outcome.decisions > limit as u64 {
            text.push_str(&format!(
                " ... and {} more: --limit {} shows them\n",
                count(outcome.decisions - limit as u64),
                outcome.decisions
            ));
        }
        text
    }

    fn decision(&self, kept: &Kept) -> Vec<String> {
        let decision = &kept.decision;
        let known = if kept.logged_in { "had logged in" } else { "" };
        let length = decision.until.map_or_else(
            || "for ever".to_owned(),
            |until| Length(until.seconds() - decision.at.seconds()).to_string(),
        );
        let measure = match decision.mode {
            Mode::Enforce => decision.measure.to_string(),
            other => format!("{} ({other})", decision.measure),
        };
        let (subject, rule) = (subject(&decision.subject), decision.rule.to_string());
        let line = kept.last_line.as_ref();
        let line = line.map_or(String::new(), |(log, line)| format!("{}:{line}", self.name(log)));
        if self.is_narrow() {
            let when = terminal::short_local(decision.at);
            let line = format!("{line} {known}").trim_end().to_owned();
            return vec![when, format!("{measure} {length}"), subject, rule, line];
        }
        let (when, score) = (terminal::local(decision.at), format!("{:.1}", decision.score));
        vec![when, measure, subject, rule, length, score, line, known.to_owned()]
    }

    /// True where a decision does not fit with all its words.
    fn is_narrow(&self) -> bool {
        self.style.width().is_some_and(|width| width < 110)
    }

    /// One line for each total.
    fn totals(&self) -> String {
        let (tally, totals) = (&self.outcome.tally, &self.outcome.totals);
        let mut rows = vec![Total::new("lines", tally.lines, lines(tally))];
        if let Some((from, until)) = totals.period {
            let length = Length(until.seconds() - from.seconds());
            let period =
                format!("{} to {} ({length})", terminal::local(from), terminal::local(until));
            rows.insert(0, Total { number: String::new(), ..Total::new("period", 0, period) });
        }
        if tally.events == 0 {
            return self.rows(&rows);
        }
        let reasons = if self.is_narrow() { NARROW_MAX } else { NAMED_MAX };
        rows.extend(of_clients(totals, reasons));
        rows.extend(of_mail(totals, reasons));
        rows.push(Total::new("findings", self.outcome.findings, found(totals, |row| row.findings)));
        let decided = found(totals, |row| row.decisions);
        rows.push(Total::new("decisions", self.outcome.decisions, decided));
        self.rows(&rows)
    }

    fn rows(&self, rows: &[Total]) -> String {
        let widest = rows.iter().map(|row| row.number.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for Total { label, number, note } in rows {
            // The period has no number: its note begins where the numbers do.
            let head = match number.is_empty() {
                true => format!(" {label:<LABEL$}"),
                false => format!(" {label:<LABEL$}{number:>widest$}  "),
            };
            let indent = head.chars().count();
            let note = self.wrapped(indent, note);
            let label = self.style.paint(Tone::Strong, head.trim_end());
            let blanks = " ".repeat(indent - head.trim_end().chars().count());
            let note = note.get(indent..).unwrap_or("\n");
            text.push_str(format!("{label}{blanks}{note}").trim_end());
            text.push('\n');
        }
        text
    }

    /// Lines that fit, each behind so many blanks.
    fn wrapped(&self, indent: usize, text: &str) -> String {
        let width = usize::from(self.style.width().unwrap_or(u16::MAX)).max(indent + 20);
        let blanks = " ".repeat(indent);
        let mut lines = vec![blanks.clone()];
        for word in text.split(' ') {
            let Some(line) = lines.last_mut() else { break };
            let length = line.chars().count();
            let is_first = length == indent;
            if !is_first && length + 1 + word.chars().count() > width {
                lines.push(format!("{blanks}{word}"));
                continue;
            }
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// Those who did most, and to whom most was done: side by side where there is room.
    fn most(&self) -> String {
        let totals = &self.outcome.totals;
        let (mut clients, mut accounts) = (String::new(), String::new());
        let most = if self.is_narrow() { NARROW_MAX } else { usize::MAX };
        let least = if totals.is_cut { "at least " } else { "" };
        if !totals.most_clients.is_empty() {
            let rows = totals.most_clients.iter().take(most).map(|row| self.most_client(row));
            let failed = format!("{least}failed");
            let header = ["most hostile clients", &failed, "probes", "accounts", "decided"];
            clients = self.style.table(&header, rows);
        }
        if !totals.most_accounts.is_empty() {
            let rows = totals
                .most_accounts
                .iter()
                .take(most)
                .map(|row| vec![Text(&row.label).to_string(), count(row.failed), others(row)]);
            let failed = format!("{least}failed");
            let header = ["most attacked accounts", &failed, "clients"];
            accounts = self.style.table(&header, rows);
        }
        beside(&clients, &accounts, self.style.width().map_or(140, usize::from))
    }

    fn most_client(&self, row: &Row<Network>) -> Vec<String> {
        let is_about = |kept: &&Kept| {
            kept.decision.subject.network().is_some_and(|network| network.overlaps(&row.label))
        };
        let decided = self.outcome.kept.iter().find(is_about).map_or(String::new(), |kept| {
            format!("{} {}", kept.decision.measure, kept.decision.rule)
        });
        vec![row.label.short(), count(row.failed), count(row.probes), others(row), decided]
    }

    fn verdict(&self) -> String {
        let outcome = self.outcome;
        let known = outcome.kept.iter().filter(|kept| kept.logged_in).count();
        let (tone, text) = match (outcome.tally.events, outcome.decisions, known) {
            (0, ..) => (Tone::Warning, "No event of a mail server in it.".to_owned()),
            (_, 0, _) => (Tone::Good, "Nobody would have been banned.".to_owned()),
            (.., 0) => {
                (Tone::Good, "Nobody who had ever logged in would have been banned.".to_owned())
            }
            (.., known) => (
                Tone::Bad,
                format!(
                    "{known} of them had logged in before: look at them (mailward parse), and put \
                     them on the allowlist if they are yours."
                ),
            ),
        };
        let text = self.wrapped(1, &text);
        let text = text.trim_end();
        format!("{}\n", self.style.paint(tone, text))
    }
}

/// A line of the totals.
struct Total {
    label: &'static str,
    number: String,
    note: String,
}

impl Total {
    fn new(label: &'static str, number: u64, note: String) -> Self {
        Total { label, number: count(number), note }
    }

    fn of(label: &'static str, number: Count, note: String) -> Self {
        Total { label, number: shown(number), note }
    }
}

fn of_clients(totals: &Totals, reasons: usize) -> Vec<Total> {
    let mut rows = Vec::new();
    let hostile = format!(
        "{} failed to log in, {} probed; {} connections",
        shown(totals.failed_clients),
        shown(totals.probing_clients),
        count(totals.connections)
    );
    rows.push(Total::of("clients", totals.clients, hostile));
    let right = format!("of {} accounts", shown(totals.accounts));
    rows.push(Total::new("logins right", totals.logins, right));
    let mut wrong = format!(
        "on {} accounts by {} clients",
        shown(totals.failed_accounts),
        shown(totals.failed_clients)
    );
    for (number, what) in [
        (totals.failed_of_held, "of clients decided on by then"),
        (totals.failed_of_nobody, "more name no client"),
        (totals.untested, "more not tested"),
    ] {
        if number > 0 {
            wrong.push_str(&format!("; {} {what}", count(number)));
        }
    }
    rows.push(Total::new("logins wrong", totals.failed, wrong));
    rows.push(Total::new("probes", totals.probes, named(&totals.probes_by, reasons)));
    rows
}

fn of_mail(totals: &Totals, reasons: usize) -> Vec<Total> {
    let mail = &totals.mail;
    let about = if mail.is_about { "about; " } else { "" };
    let messages = format!(
        "{about}from {} senders to {} recipients",
        shown(mail.senders),
        shown(mail.recipients)
    );
    let mut rows = vec![
        Total::new("messages", mail.messages, messages),
        Total::new("delivered", mail.delivered, "one for each recipient".to_owned()),
    ];
    if mail.deferred > 0 {
        let waiting = format!("times; {} recipients still waited at the end", count(mail.waiting));
        rows.push(Total::new("deferred", mail.deferred, waiting));
    }
    if mail.bounced > 0 {
        rows.push(Total::new("bounced", mail.bounced, "failed for good".to_owned()));
    }
    let mut refused = named(&totals.refused_by, reasons);
    if totals.put_off > 0 {
        let link = if refused.is_empty() { "" } else { "; " };
        refused.push_str(&format!("{link}{} more for now", count(totals.put_off)));
    }
    rows.push(Total::new("refused", totals.refused, refused));
    if totals.queries > 0 {
        rows.push(Total::new("DNS queries", totals.queries, String::new()));
    }
    rows
}

fn lines(tally: &Tally) -> String {
    let mut text = format!("{} events, {} noise", count(tally.events), count(tally.noise));
    for (number, what) in [
        (tally.unknown, "unknown"),
        (tally.foreign, "of other programs"),
        (tally.unframed, "no log lines"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {} {what}", count(number)));
        }
    }
    if let Some(share) = tally.understood() {
        text.push_str(&format!("; {share:.2} % of the mail servers' lines understood"));
    }
    text
}

/// What is odd about a log.
fn note(tally: &Tally) -> &'static str {
    match tally {
        Tally { lines: 0, .. } => "empty",
        Tally { lines, unframed, .. } if unframed == lines => "no log",
        _ => "other programs",
    }
}

fn named(reasons: &[(event::Reason, u64)], most: usize) -> String {
    let mut shown: Vec<String> = reasons
        .iter()
        .take(most)
        .map(|(reason, number)| format!("{reason} {}", count(*number)))
        .collect();
    let rest: u64 = reasons.iter().skip(most).map(|(_, number)| number).sum();
    if rest > 0 {
        shown.push(format!("others {}", count(rest)));
    }
    shown.join(", ")
}

fn found(totals: &Totals, number: impl Fn(&Found) -> u64) -> String {
    let mut rows: Vec<(&str, u64)> =
        totals.detectors.iter().map(|(name, row)| (name.as_str(), number(row))).collect();
    rows.retain(|(_, number)| *number > 0);
    rows.sort_by_key(|(name, number)| (std::cmp::Reverse(*number), *name));
    let rows: Vec<String> =
        rows.into_iter().map(|(name, number)| format!("{name} {}", count(number))).collect();
    rows.join(", ")
}

fn shown(number: Count) -> String {
    format!("{}{}", if number.is_about { "~" } else { "" }, count(number.number))
}

fn others<L>(row: &Row<L>) -> String {
    match row.others() {
        OTHERS_MAX => format!("{OTHERS_MAX}+"),
        number => number.to_string(),
    }
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Client(_) | Subject::Network(_) => subject.to_string(),
        other => format!("{} {other}", other.kind()),
    }
}

/// Two tables side by side where both fit, else one below the other.
fn beside(left: &str, right: &str, width: usize) -> String {
    const GAP: usize = 4;
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    if left.is_empty() || right.is_empty() {
        return format!("{left}{right}");
    }
    let of_left = widest(left);
    if of_left + GAP + widest(right) > width {
        return format!("{left}\n{right}");
    }
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut text = String::new();
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return text;
        }
        let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
        let blanks = " ".repeat(of_left + GAP - one.chars().count());
        text.push_str(format!("{one}{blanks}{other}").trim_end());
        text.push('\n');
    }
}

/// The directory that all logs are in, where there are several.
fn folder(logs: &[(String, Tally)]) -> String {
    let [(first, _), rest @ ..] = logs else { return String::new() };
    if rest.is_empty() {
        return String::new();
    }
    let mut folder = first.rfind('/').map_or("", |at| first.get(..=at).unwrap_or_default());
    for (name, _) in rest {
        while !name.starts_with(folder) {
            let shorter = folder.trim_end_matches('/');
            folder = shorter.rfind('/').map_or("", |at| shorter.get(..=at).unwrap_or_default());
        }
    }
    folder.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_within_the_directory_of_all() {
        let of = |names: &[&str]| {
            let logs: Vec<_> =
                names.iter().map(|name| ((*name).to_owned(), Tally::default())).collect();
            folder(&logs)
        };
        assert_eq!(of(&["/srv/logs/a", "/srv/logs/old/b"]), "/srv/logs/");
        assert_eq!(of(&["/srv/logs/a", "/srv/log"]), "/srv/");
        assert_eq!(of(&["/a", "/b"]), "/");
        assert_eq!(of(&["a", "/b"]), "");
        assert_eq!(of(&["/srv/logs/a"]), "");
        assert_eq!(of(&["logs/a", "-"]), "");
    }

    #[test]
    fn tables_stand_side_by_side_where_both_fit() {
        let (left, right) = ("a  b\n1  2\n3\n", "c\n9\n");
        assert_eq!(beside(left, right, 9), "a  b    c\n1  2    9\n3\n");
        assert_eq!(beside(left, right, 8), "a  b\n1  2\n3\n\nc\n9\n");
        assert_eq!(beside("", right, 80), right);
    }
}
