//! The table, for people (100 columns) and for programs.

use super::aims::Aim;
use super::rows::{AttackRow, DetectorRow, HonestRow, Missed, Report, quantile};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Rows of honest ones that are written out for people.
const HONEST_MAX: usize = 100;
/// Columns of a line of evidence.
const LINE_MAX: usize = 96;

/// For people.
pub fn human(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_attacks(&mut out, report);
    let _ = write_detectors(&mut out, report);
    let _ = write_honest(&mut out, report);
    out
}

fn write_attacks(out: &mut String, report: &Report) -> std::fmt::Result {
    let (plan, kind, caught, median) = ("plan", "attack", "caught", "median");
    let (p95, guesses, mails, aim) = ("p95", "guesses", "mails", "target");
    writeln!(
        out,
        "{plan:13} {kind:17} {caught:>11} {median:>7} {p95:>7} {guesses:>7} {mails:>5} {aim:<20} met"
    )?;
    for row in &report.attacks {
        let AttackRow { plan, guesses, messages, .. } = row;
        let (kind, aim) = (row.kind.name(), row.aim.text());
        let caught = format!("{}/{} {}", row.caught, row.of, letter(row.unit));
        let (median, p95) = (time(&row.times_s, 0.5), time(&row.times_s, 0.95));
        let met = verdict(row.is_met);
        writeln!(
            out,
            "{plan:13} {kind:17} {caught:>11} {median:>7} {p95:>7} {guesses:>7} {messages:>5} {aim:<20} {met}"
        )?;
    }
    writeln!(out, "caught: a addresses, p prefixes, u users' accounts, h hosts, c campaigns")?;
    write_reached(out, report)?;
    let mut told = BTreeSet::new();
    let known = report.attacks.iter().filter(|row| row.peers != "-" && told.insert(row.kind));
    let peers: Vec<String> =
        known.map(|row| format!("  {:17} {}", row.kind.name(), row.peers)).collect();
    if !peers.is_empty() {
        let source =
            "peers (CrowdSec with Debian's / with current rules, on another labelled log):";
        writeln!(out, "{source}\n{}", peers.join("\n"))?;
    }
    writeln!(out)
}

/// How far campaigns came that are caught as a whole.
fn write_reached(out: &mut String, report: &Report) -> std::fmt::Result {
    for row in report.attacks.iter().filter(|row| !row.reached.is_empty()) {
        let what = match row.unit {
            "prefixes" => "addresses",
            "hosts" if !matches!(row.aim, Aim::Told { .. }) => "names",
            _ => "messages",
        };
        let mut reached: Vec<u64> = row.reached.iter().copied().flatten().collect();
        reached.sort_unstable();
        let never = row.reached.len() - reached.len();
        let text: Vec<String> = reached.iter().map(u64::to_string).collect();
        let (kind, text) = (row.kind.name(), text.join(" "));
        writeln!(out, "  {} {kind}: caught after [{text}] {what}, never: {never}", row.plan)?;
    }
    Ok(())
}

fn letter(unit: &str) -> &'static str {
    match unit {
        "prefixes" => "p",
        "accounts" => "u",
        "hosts" => "h",
        "campaigns" => "c",
        _ => "a",
    }
}

fn write_detectors(out: &mut String, report: &Report) -> std::fmt::Result {
    let (plan, detector) = ("plan", "detector");
    writeln!(
        out,
        "{plan:13} {detector:20} decided  right shared honest nobody precision   recall  median"
    )?;
    for row in &report.detectors {
        let DetectorRow { plan, detector, decided, right, shared, honest, nobody, .. } = row;
        let (precision, recall) = (precision(row), recall(row));
        let median = time(&row.times_s, 0.5);
        writeln!(
            out,
            "{plan:13} {detector:20} {decided:>7} {right:>6} {shared:>6} {honest:>6} {nobody:>6} {precision:>9} {recall:>8} {median:>7}"
        )?;
    }
    writeln!(out)
}

fn write_honest(out: &mut String, report: &Report) -> std::fmt::Result {
    let banned = report.honest_banned();
    let shared = report.shared_banned();
    let found = report.honest.iter().filter(|row| !row.is_ban).count();
    let met = verdict(Some(banned == 0));
    writeln!(
        out,
        "honest sources banned: {banned} (target 0: {met}); with an attacker among them: {shared}; found wrongly: {found}"
    )?;
    write_causes(out, report)?;
    for row in report.honest.iter().take(HONEST_MAX) {
        let HonestRow { plan, seed, at_s, detector, subject, who, refused, times, .. } = row;
        let what = row.word();
        writeln!(
            out,
            "{what:6} {plan} seed {seed}: {detector} {subject}, {times} times, first at {at_s}"
        )?;
        writeln!(out, "    there: {who}; clients refused: {refused}; because of: {}", row.cause)?;
        let line: Vec<char> = row.last_line.chars().take(4 * LINE_MAX).collect();
        for part in line.chunks(LINE_MAX) {
            writeln!(out, "    {}", part.iter().collect::<String>())?;
        }
    }
    if let Some(more) = report.honest.len().checked_sub(HONEST_MAX).filter(|more| *more > 0) {
        writeln!(out, "and {more} more (--format json has all)")?;
    }
    for (table, entries) in &report.evicted {
        writeln!(out, "table {table}: {entries} entries gave way for want of room")?;
    }
    if report.unknown > 0 {
        writeln!(out, "{} lines were not understood", report.unknown)?;
    }
    Ok(())
}

/// How many sources each rule hit wrongly, by the kind of whose line was the last.
fn write_causes(out: &mut String, report: &Report) -> std::fmt::Result {
    for ((what, detector, kind), (sources, times)) in report.causes() {
        writeln!(out, "  {what:6} {detector:20} {kind:17} {sources:>5} sources {times:>6} times")?;
    }
    writeln!(out)
}

pub(super) fn verdict(is_met: Option<bool>) -> &'static str {
    match is_met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    }
}

pub(super) fn percent(part: u64, of: u64) -> String {
    match of {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", 100.0 * part as f64 / of as f64),
    }
}

fn precision(row: &DetectorRow) -> String {
    percent(row.right + row.shared, row.decided)
}

fn recall(row: &DetectorRow) -> String {
    percent(row.caught, row.of)
}

pub(super) fn time(times_s: &[f64], share: f64) -> String {
    match quantile(times_s, share) {
        None => "-".to_owned(),
        Some(s) if s < 120.0 => format!("{s:.0} s"),
        Some(s) if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        Some(s) => format!("{:.1} h", s / 3_600.0),
    }
}

/// For programs: one object.
pub fn json(report: &Report) -> Value {
    json!({
        "attacks": report.attacks.iter().map(attack).collect::<Vec<_>>(),
        "detectors": report.detectors.iter().map(detector).collect::<Vec<_>>(),
        "honest": report.honest.iter().map(honest).collect::<Vec<_>>(),
        "honest_banned": report.honest_banned(),
        "lines": report.lines,
        "unknown_lines": report.unknown,
        "evicted": report.evicted,
        "is_met": report.is_met(),
    })
}

fn attack(row: &AttackRow) -> Value {
    json!({
        "plan": row.plan,
        "attack": row.kind.name(),
        "unit": row.unit,
        "caught": row.caught,
        "of": row.of,
        "median_s": quantile(&row.times_s, 0.5),
        "p95_s": quantile(&row.times_s, 0.95),
        "guesses_answered": row.guesses,
        "messages_leaked": row.messages,
        "reached": row.reached,
        "target": row.aim.text(),
        "is_met": row.is_met,
        "peers": row.peers,
        "missed": row.missed.iter().map(missed).collect::<Vec<_>>(),
    })
}

fn missed(row: &Missed) -> Value {
    json!({
        "seed": row.seed,
        "client": row.client,
        "began_s": row.began_s,
        "is_shared": row.is_shared,
    })
}

fn detector(row: &DetectorRow) -> Value {
    json!({
        "plan": row.plan,
        "detector": row.detector,
        "decided": row.decided,
        "right": row.right,
        "shared": row.shared,
        "honest": row.honest,
        "nobody": row.nobody,
        "caught": row.caught,
        "of": row.of,
        "median_s": quantile(&row.times_s, 0.5),
        "p95_s": quantile(&row.times_s, 0.95),
    })
}

fn honest(row: &HonestRow) -> Value {
    json!({
        "plan": row.plan,
        "seed": row.seed,
        "at_s": row.at_s,
        "times": row.times,
        "detector": row.detector,
        "subject": row.subject,
        "who": row.who,
        "cause": row.cause,
        "is_ban": row.is_ban,
        "is_shared": row.is_shared,
        "refused": row.refused,
        "last_line": row.last_line,
    })
}
