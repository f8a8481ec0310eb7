//! The table as parts of the project's pages: what stands between two marks is what was measured.
//!
//! `<!-- measured: cargo xtask score --write PART -->` begins a part, `<!-- /measured -->` ends it.
//! `attacks`, `detectors` and `honest` are parts; so is each detector's name.

use super::aims::DETECTORS_OF;
use super::print::{percent, time, verdict};
use super::rows::{AttackRow, DetectorRow, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

const BEGIN: &str = "<!-- measured: cargo xtask score --write ";
const END: &str = "<!-- /measured -->";

/// A page with each part of it made anew; an error names the part that nobody knows.
pub fn renewed(page: &str, report: &Report, when: &str) -> Result<String, String> {
    let mut made = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->").ok_or("a mark without an end")?;
        let (_, after) = after.split_once(END).ok_or(format!("{name}: no {END}"))?;
        let part = part(name, report, when).ok_or(format!("{name}: no such part"))?;
        made.push_str(&format!("{before}{BEGIN}{name} -->\n\n{}\n\n{END}", part.trim()));
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

fn part(name: &str, report: &Report, when: &str) -> Option<String> {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match name {
        "attacks" => attacks(&mut out, report, when),
        "detectors" => detectors(&mut out, report),
        "honest" => honest(&mut out, report),
        _ => {
            let (detector, kinds) = DETECTORS_OF.iter().find(|(detector, _)| *detector == name)?;
            let rows = report.attacks.iter().filter(|row| kinds.contains(&row.kind));
            one_detector(&mut out, detector, &rows.collect::<Vec<_>>(), report)
        }
    };
    Some(out)
}

fn caught(row: &AttackRow) -> String {
    format!("{} of {} {}", row.caught, row.of, row.unit)
}

fn met(row: &AttackRow) -> &'static str {
    match row.is_met {
        Some(false) => "**no**",
        other => verdict(other),
    }
}

fn attacks(out: &mut String, report: &Report, when: &str) -> std::fmt::Result {
    let missed = report.attacks.iter().filter(|row| row.is_met == Some(false)).count();
    let aimed = report.attacks.iter().filter(|row| row.is_met.is_some()).count();
    writeln!(out, "{when}, {} lines: {} of {aimed} targets met.\n", report.lines, aimed - missed)?;
    let head = "| plan | attack | caught | median | p95 | guesses answered | messages leaked | target \
                | met | peers |\n|---|---|---|---|---|---|---|---|---|---|";
    writeln!(out, "{head}")?;
    for row in &report.attacks {
        let AttackRow { plan, guesses, messages, peers, .. } = row;
        let (kind, caught, aim, met) = (row.kind.name(), caught(row), row.aim.text(), met(row));
        let (median, p95) = (time(&row.times_s, 0.5), time(&row.times_s, 0.95));
        writeln!(
            out,
            "| {plan} | {kind} | {caught} | {median} | {p95} | {guesses} | {messages} | {aim} \
             | {met} | {peers} |"
        )?;
    }
    Ok(())
}

/// What each detector decided, all plans together.
fn decided(report: &Report) -> BTreeMap<&str, DetectorRow> {
    let mut all: BTreeMap<&str, DetectorRow> = BTreeMap::new();
    for row in &report.detectors {
        all.entry(&row.detector).or_default().merge(row.clone());
    }
    all
}

fn detectors(out: &mut String, report: &Report) -> std::fmt::Result {
    let head = "| detector | decided | about attackers | about an address of both | about honest ones \
                | precision | first to catch, of its kinds | median |\n|---|---|---|---|---|---|---|---|";
    writeln!(out, "{head}")?;
    for (name, row) in decided(report) {
        let DetectorRow { decided, right, shared, honest, caught, of, .. } = &row;
        let precision = percent(right + shared, *decided);
        let (recall, median) = (percent(*caught, *of), time(&row.times_s, 0.5));
        writeln!(
            out,
            "| {name} | {decided} | {right} | {shared} | {honest} | {precision} \
             | {recall} of {of} | {median} |"
        )?;
    }
    Ok(())
}

fn honest(out: &mut String, report: &Report) -> std::fmt::Result {
    let banned = report.honest_banned();
    let shared = report.shared_banned();
    writeln!(
        out,
        "Honest sources banned: **{banned}** (target 0). Addresses banned that an attacker shares \
         with honest ones: {shared}.\n"
    )?;
    let causes = report.causes();
    if causes.is_empty() {
        return Ok(());
    }
    writeln!(out, "| what | detector | whose line was the last | subjects | times |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for ((what, detector, kind), (sources, times)) in causes {
        writeln!(out, "| {what} | {detector} | {kind} | {sources} | {times} |")?;
    }
    Ok(())
}

fn one_detector(
    out: &mut String,
    detector: &str,
    rows: &[&AttackRow],
    report: &Report,
) -> std::fmt::Result {
    writeln!(
        out,
        "| attack (plan) | caught, by whatever detector | median | harm before | target \
                  | met |\n|---|---|---|---|---|---|"
    )?;
    for row in rows {
        let (kind, plan, caught, median) =
            (row.kind.name(), row.plan, caught(row), time(&row.times_s, 0.5));
        let (guesses, messages, aim) = (row.guesses, row.messages, row.aim.text());
        let met = met(row);
        writeln!(
            out,
            "| {kind} ({plan}) | {caught} | {median} | {guesses} guesses, {messages} messages \
             | {aim} | {met} |"
        )?;
    }
    let none = DetectorRow::default();
    let all = decided(report);
    let row = all.get(detector).unwrap_or(&none);
    let (right, decided, honest) = (row.right + row.shared, row.decided, row.honest);
    writeln!(
        out,
        "\nIn all plans it decided {decided} times: {right} about attackers, {honest} about honest \
         ones alone ([how it was measured](accuracy.md#simulated-months))."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_replaced_and_the_rest_is_kept() {
        let page = format!("a\n{BEGIN}honest -->\nold\n{END}\nb\n");
        let made = renewed(&page, &Report::default(), "today");
        let made = made.unwrap_or_default();
        assert!(made.starts_with(&format!("a\n{BEGIN}honest -->\n\nHonest sources banned: **0**")));
        assert!(made.ends_with(&format!("\n\n{END}\nb\n")), "{made}");
        let unknown = format!("{BEGIN}nothing -->{END}");
        assert!(renewed(&unknown, &Report::default(), "today").is_err());
    }
}
