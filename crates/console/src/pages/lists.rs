//! The dashboard's panels that are tables.

use super::dashboard::PAGE;
use super::incidents as pages;
use super::panel::{
    Cell, Holds, Panel, WIDE, figure, heads, leading, link, number, text, time, why,
};
use crate::data::{Action, Deed, Leading, Sheet};
use crate::view::View;
use event::{Incident, Outcome, Subject, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::terms::{Field, Value};
use store::{ChartCache, Dimension, Leaders, Reader, StoreError};

/// The panel of countries and operators.
pub const PLACES: &str = "places";
/// Rows of a panel.
const ROWS: usize = 8;
/// What was usual is what happened in the week before.
const WEEK_S: i64 = 7 * 86_400;

fn bar(leading: &Leading, top: u64) -> Cell {
    Cell { class: "graph", holds: Holds::Bar(leading.events, top) }
}

/// Those for whom this is not zero, most of it first.
fn ranked(list: &[Leading], by: impl Fn(&Leading) -> u64) -> Vec<&Leading> {
    let mut ranked: Vec<&Leading> = list.iter().filter(|one| by(one) > 0).collect();
    ranked.sort_by(|a, b| by(b).cmp(&by(a)).then_with(|| a.value.cmp(&b.value)));
    ranked.truncate(ROWS);
    ranked
}

/// A subject with its story.
pub fn subject(subject: Option<&Subject>) -> Cell {
    subject.map_or_else(|| text(""), |subject| link(shown(subject), story_of(subject)))
}

fn shown(subject: &Subject) -> String {
    match subject {
        Subject::Network(network) => network.short(),
        other => other.to_string(),
    }
}

/// The page of a subject's story.
pub fn story_of(subject: &Subject) -> String {
    match subject {
        Subject::Sender(_) | Subject::Host(_) => why(&format!("{}:{subject}", subject.kind())),
        other => why(&shown(other)),
    }
}

/// What was found, decided or ordered: when, what it is, about whom, in words, and by which rule.
pub fn deed(action: &Action) -> Vec<Cell> {
    let what = action.measure.map_or("", event::Measure::name);
    vec![
        time(action.at),
        Cell { class: "deed", ..text(action.deed.name()) },
        subject(action.subject.as_ref()),
        text([what, action.text.as_str()].join(" ").trim().to_owned()),
        text(action.rule.clone()),
    ]
}

/// What is going on: those that are not over first.
pub fn incidents(incidents: &[Incident]) -> Panel {
    Panel {
        id: "incidents",
        class: WIDE,
        title: "Incidents",
        aside: "findings that belong together; those that are not over first".to_owned(),
        more: Some(pages::PAGE.to_owned()),
        head: heads(&pages::HEAD),
        rows: incidents.iter().take(ROWS).map(pages::row).collect(),
        empty: "No detector found anything in this time.",
    }
}

/// Logins by protocol.
pub fn logins(sheet: &Sheet, view: &View) -> Panel {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (protocol, outcomes) in &sheet.counts.logins {
        let allowed = outcomes.get(&Outcome::Allowed).copied().unwrap_or(0);
        let failed: u64 = outcomes.values().sum::<u64>() - allowed;
        let term = Value::Word(event::Vocabulary::name(*protocol));
        let url = view.with(Field::Protocol, term.clone()).url(PAGE);
        let exclude = view.without(Field::Protocol, term).url(PAGE);
        let holds = Holds::Value(protocol.to_string(), url, exclude, None);
        rows.push(vec![Cell { class: "value", holds }, number(allowed), number(failed)]);
    }
    Panel {
        id: "logins",
        class: "",
        title: "Logins",
        aside: String::new(),
        more: None,
        head: heads(&["protocol", "#allowed", "#failed"]),
        rows,
        empty: "No login was tried.",
    }
}

/// From how many on a column of the spread counts, and its name.
const SPREAD: [(u64, &str); 7] = [
    (1, "#1"),
    (2, "#2–3"),
    (4, "#4–7"),
    (8, "#8–15"),
    (16, "#16–31"),
    (32, "#32–63"),
    (64, "#64+"),
];

/// How widely clients and accounts are spread over each other, among failed logins: a slow or
/// distributed attack is to the right, where a window of time sees nothing.
pub fn spread(sheet: &Sheet) -> Option<Panel> {
    let row = |name: &str, dimension| {
        let counts = spread_of(sheet.lists.of(dimension));
        let top = counts.iter().copied().max().unwrap_or(0);
        let heat = |count: u64| Cell { class: heat(count, top), holds: Holds::Count(count) };
        let cells: Vec<Cell> = std::iter::once(text(name)).chain(counts.map(heat)).collect();
        (top > 0).then_some(cells)
    };
    let rows = [
        row("addresses, by accounts that each tried", Dimension::Client),
        row("accounts, by addresses that tried each", Dimension::Account),
    ];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    let mut head = heads(&[""]);
    head.extend(heads(&SPREAD.map(|(_, name)| name)));
    (!rows.is_empty()).then(|| Panel {
        id: "spread",
        class: "two",
        title: "Spread of failed logins",
        aside: "how many of the busiest met so many of the others".to_owned(),
        more: None,
        head,
        rows,
        empty: "",
    })
}

/// How many fall into each column.
fn spread_of(list: &[Leading]) -> [u64; SPREAD.len()] {
    let mut counts = [0; SPREAD.len()];
    for one in list.iter().filter(|one| one.logins[1] > 0) {
        let column = SPREAD.iter().rposition(|(from, _)| one.others >= *from);
        if let Some(count) = column.and_then(|column| counts.get_mut(column)) {
            *count += 1;
        }
    }
    counts
}

/// The class of a cell by how much of the most it holds.
fn heat(count: u64, top: u64) -> &'static str {
    match super::map::shade(count, top) {
        0 => "number zero",
        1 => "number heat-1",
        2 => "number heat-2",
        3 => "number heat-3",
        4 => "number heat-4",
        _ => "number heat-5",
    }
}

/// Accounts on which logins failed. The guard knows when somebody last got in.
pub fn accounts(
    sheet: &Sheet,
    view: &View,
    last_logins: impl Fn(&[String]) -> Vec<Option<Timestamp>>,
) -> Panel {
    let list = ranked(sheet.lists.of(Dimension::Account), |one| one.logins[1]);
    let names: Vec<String> =
        list.iter().map(|one| String::from_utf8_lossy(&one.value).into_owned()).collect();
    let last = last_logins(&names).into_iter().chain(std::iter::repeat(None));
    let got_in = |at: Timestamp| {
        let passed_s = sheet.span.until.seconds().saturating_sub(at.seconds()).max(0);
        let class = if at >= sheet.span.from { "number got-in" } else { "number" };
        Cell { class, ..figure(format!("{} ago", duration(passed_s))) }
    };
    let rows = list.into_iter().zip(last).map(|(one, last)| {
        vec![
            leading(view, PAGE, Field::Account, &one.value),
            number(one.logins[1]),
            number(one.others),
            last.map_or_else(|| figure("\u{2013}".to_owned()), got_in),
        ]
    });
    Panel {
        id: "accounts",
        class: "",
        title: "Targeted accounts",
        aside: "bold: somebody got in within this time".to_owned(),
        more: None,
        head: heads(&["account", "#failed", "#addresses", "#last login"]),
        rows: rows.collect(),
        empty: "No login failed.",
    }
}

/// A list of values with bars; `extra` says what else a row tells.
fn sources(
    list: &[Leading],
    view: &View,
    field: Field,
    extra: impl Fn(&Leading) -> Cell,
) -> Vec<Vec<Cell>> {
    let ranked = ranked(list, Leading::all);
    let top = ranked.first().map_or(0, |one| one.all());
    let row = |one: &Leading| {
        vec![leading(view, PAGE, field, &one.value), bar(one, top), number(one.all()), extra(one)]
    };
    ranked.into_iter().map(row).collect()
}

/// Clients.
pub fn clients(sheet: &Sheet, view: &View) -> Panel {
    let place = |one: &Leading| match one.origin.is_unknown() {
        true => text(""),
        false => text(one.origin.to_string()),
    };
    Panel {
        id: "clients",
        class: "",
        title: "Addresses",
        aside: String::new(),
        more: None,
        head: heads(&["address", "", "#events", "operator"]),
        rows: sources(sheet.lists.of(Dimension::Client), view, Field::Client, place),
        empty: "No address did anything.",
    }
}

/// Networks.
pub fn networks(sheet: &Sheet, view: &View) -> Panel {
    let clients = |one: &Leading| number(one.others);
    Panel {
        id: "networks",
        class: "",
        title: "Networks",
        aside: "/24 and /56".to_owned(),
        more: None,
        head: heads(&["network", "", "#events", "#addresses"]),
        rows: sources(sheet.lists.of(Dimension::Network), view, Field::Client, clients),
        empty: "No network did anything.",
    }
}

/// Operators and countries, where a file of them is present.
pub fn places(sheet: &Sheet, view: &View) -> Option<Panel> {
    let clients = |one: &Leading| number(one.others);
    let mut rows = sources(sheet.lists.of(Dimension::Country), view, Field::Country, clients);
    rows.extend(sources(sheet.lists.of(Dimension::Operator), view, Field::Operator, clients));
    (!rows.is_empty()).then(|| Panel {
        id: PLACES,
        class: "",
        title: "Countries and operators",
        aside: String::new(),
        more: None,
        head: heads(&["place", "", "#events", "#addresses"]),
        rows,
        empty: "",
    })
}

/// Logins that look like those of somebody who took an account over.
pub fn takeover(deeds: &[Arc<Action>]) -> Panel {
    let is_one = |action: &&Arc<Action>| action.rule == "takeover" && action.deed != Deed::Ended;
    let rows = deeds.iter().filter(is_one).take(ROWS).map(|action| {
        vec![subject(action.subject.as_ref()), text(action.deed.name()), time(action.at)]
    });
    Panel {
        id: "takeover",
        class: "",
        title: "Takeover watch",
        aside: String::new(),
        more: None,
        head: heads(&["account", "", "when"]),
        rows: rows.collect(),
        empty: "No login looks like a takeover.",
    }
}

/// What was done in the week before, by dimension.
pub type Before = BTreeMap<Dimension, Leaders>;

/// What was usual: the lists of the week before the sheet's time, whatever the outcome.
///
/// # Errors
/// The journal cannot be read.
pub fn before(reader: &Reader, charts: &ChartCache, sheet: &Sheet) -> Result<Before, StoreError> {
    let from = sheet.span.from;
    let mut before = Before::new();
    for dimension in [Dimension::Account, Dimension::MxClient] {
        let step = store::Step::Hour;
        let leaders = reader.leaders(charts, dimension, step, from.plus_seconds(-WEEK_S), from)?;
        before.insert(dimension, leaders);
    }
    Ok(before)
}

fn usual(dimension: Dimension, one: &Leading) -> u64 {
    if dimension == Dimension::Account { one.messages } else { one.all() }
}

/// A list against what was usual in a time as long.
fn against_usual(
    sheet: &Sheet,
    before: &Before,
    view: &View,
    (dimension, field): (Dimension, Field),
) -> Vec<Vec<Cell>> {
    let share = sheet.span.seconds() as f64 / WEEK_S as f64;
    let list = ranked(sheet.lists.of(dimension), |one| usual(dimension, one));
    let row = |one: &Leading| {
        let events = usual(dimension, one);
        let week = before.get(&dimension).and_then(|leaders| leaders.get(&one.value));
        let week = week.and_then(|leader| Leading::of(&leader, &sheet.series));
        let usual = week.map_or(0.0, |week| usual(dimension, &week) as f64 * share);
        let times = match usual {
            usual if usual < 0.5 => "new".to_owned(),
            usual => format!("{:.1} ×", events as f64 / usual),
        };
        vec![
            leading(view, PAGE, field, &one.value),
            number(events),
            number(usual.round() as u64),
            figure(times),
            number(one.others),
        ]
    };
    list.into_iter().map(row).collect()
}

/// What accounts send.
pub fn outbound(sheet: &Sheet, before: &Before, view: &View) -> Option<Panel> {
    let rows = against_usual(sheet, before, view, (Dimension::Account, Field::Account));
    let hides_allowed = sheet.counts.of(Outcome::Allowed) == 0;
    (!rows.is_empty() || !hides_allowed).then(|| Panel {
        id: "outbound",
        class: "",
        title: "Outbound by account",
        aside: "against the week before".to_owned(),
        more: None,
        head: heads(&["account", "#messages", "#usual", "#", "#addresses"]),
        rows,
        empty: "No account sent a message.",
    })
}

/// Who asks for MX records.
pub fn mx(sheet: &Sheet, before: &Before, view: &View) -> Option<Panel> {
    let rows = against_usual(sheet, before, view, (Dimension::MxClient, Field::Client));
    (!rows.is_empty()).then(|| Panel {
        id: "mx",
        class: "",
        title: "MX queries by client",
        aside: "against the week before".to_owned(),
        more: None,
        head: heads(&["client", "#queries", "#usual", "#", "#names"]),
        rows,
        empty: "",
    })
}

/// What decoys answered, once there are any.
pub fn decoys(sheet: &Sheet) -> Option<Panel> {
    let met = [Outcome::Decoyed, Outcome::Tarpitted].map(|outcome| sheet.counts.of(outcome));
    let names = ["answered by a decoy", "answered slowly"];
    (met != [0, 0]).then(|| Panel {
        id: "decoys",
        class: "",
        title: "Decoys",
        aside: String::new(),
        more: None,
        head: heads(&["", "#events"]),
        rows: names.iter().zip(met).map(|(name, met)| vec![text(*name), number(met)]).collect(),
        empty: "",
    })
}

/// How quickly what was found was answered, and how it ended. `times` says when the lines that
/// speak for incidents were written.
pub fn clock(
    incidents: &[Incident],
    times: &BTreeMap<u64, Timestamp>,
    deeds: &[Arc<Action>],
) -> Panel {
    let since =
        |one: &Incident, at: Option<Timestamp>| Some(at?.seconds() - one.opened_at.seconds());
    let detect = incidents.iter().filter_map(|one| {
        let first = one.evidence.lines().iter().filter_map(|line| times.get(line)).min()?;
        Some(one.opened_at.seconds() - first.seconds())
    });
    let contain = incidents.iter().filter_map(|one| since(one, one.contained_at));
    let by_person = |is_person: bool| {
        let over = incidents.iter().filter(move |one| one.acted_by.is_empty() != is_person);
        over.filter_map(|one| since(one, one.resolved_at))
    };
    let ends = |cause: &str| {
        deeds.iter().filter(|one| one.deed == Deed::Ended && one.text == cause).count() as u64
    };
    let decided = |is_ordered: bool| {
        let is_one = |one: &&Arc<Action>| {
            one.deed == Deed::Decided && (one.rule == "operator") == is_ordered
        };
        deeds.iter().filter(is_one).count() as u64
    };
    let middle = |name: &'static str, seconds: String| vec![text(name), figure(seconds)];
    let rows = vec![
        middle("to detect: from the first line that counts, median", median(detect)),
        middle("to contain: until everyone concerned is answered, median", median(contain)),
        middle("to resolve, by itself, median", median(by_person(false))),
        middle("to resolve, by a person, median", median(by_person(true))),
        vec![text("decisions by detectors"), number(decided(false))],
        vec![text("decisions by hand"), number(decided(true))],
        vec![text("ended because their time was over"), number(ends("expired"))],
        vec![text("ended by hand: perhaps wrong ones"), number(ends("operator"))],
        vec![text("ended because the client logged in"), number(ends("login"))],
    ];
    Panel {
        id: "clock",
        class: "",
        title: "Response clock",
        aside: "of the latest incidents".to_owned(),
        more: None,
        head: heads(&["", "#"]),
        rows,
        empty: "",
    }
}

fn median(seconds: impl Iterator<Item = i64>) -> String {
    let mut seconds: Vec<i64> = seconds.map(|seconds| seconds.max(0)).collect();
    seconds.sort_unstable();
    seconds.get(seconds.len() / 2).map_or_else(|| "–".to_owned(), |middle| duration(*middle))
}

/// A length of time: `40 s`, `3 min`, `2.5 h`, `4 d`.
pub fn duration(seconds: i64) -> String {
    let narrow = '\u{202f}';
    match seconds {
        seconds if seconds < 120 => format!("{seconds}{narrow}s"),
        seconds if seconds < 7200 => format!("{}{narrow}min", seconds / 60),
        seconds if seconds < 172_800 => format!("{:.1}{narrow}h", seconds as f64 / 3600.0),
        seconds => format!("{:.1}{narrow}d", seconds as f64 / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_met_many_is_to_the_right() {
        let met = |others, failed| Leading { others, logins: [9, failed], ..Leading::default() };
        let list = [(0, 1), (1, 1), (3, 1), (3, 0), (7, 2), (8, 1), (63, 1), (64, 1), (9000, 1)];
        assert_eq!(
            spread_of(&list.map(|(others, failed)| met(others, failed))),
            [1, 1, 1, 1, 0, 1, 2]
        );
        assert_eq!(spread_of(&[]), [0; SPREAD.len()]);
    }
}
