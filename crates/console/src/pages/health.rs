//! How the guard is: sources, kernel, memory of the engine, lines that nobody understood.

use super::frame::Frame;
use super::panel::{Cell, Panel, WIDE, figure, heads, number, text};
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::clock;
use crate::server::Tls;
use axum::extract::State;
use axum::response::Html;
use event::{Text, Timestamp};
use serde_json::Value;
use store::{Reader, StoreError};

/// Samples of unknown lines that are shown.
const SAMPLES: usize = 50;
const DAY_S: i64 = 86_400;

/// `GET /health`
pub async fn page(State(app): State<App>, who: Who) -> Result<Html<String>, Trouble> {
    let (status, trouble) = match app.ask(|host| host.status()).await {
        Ok(status) => (Some(status), None),
        Err(trouble) => (None, Some(trouble.to_string())),
    };
    let mut panels = Vec::new();
    if let Some(status) = &status {
        panels.extend([
            Panel { more: None, ..guard(status) },
            sources(status),
            kernel(status),
            tables(status),
        ]);
    }
    if let Some(tls) = app.options.tls.as_deref() {
        let failure = app.ask(|host| Ok(host.certificate_failure())).await?;
        panels.push(certificate(tls, failure));
    }
    panels.extend(app.read(|reader, _| Ok(journal(reader)?)).await?);
    super::panels(Frame::of("/health", who), "Health", trouble, &panels)
}

fn count_of(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn word(value: &Value) -> String {
    Text::from(value.as_str().unwrap_or_default()).to_string()
}

fn facts(id: &'static str, title: &'static str, rows: Vec<Vec<Cell>>) -> Panel {
    Panel {
        id,
        class: "",
        title,
        aside: String::new(),
        more: None,
        head: heads(&["", "#"]),
        rows,
        empty: "Nothing is known.",
    }
}

/// The guard in a few lines; also on the dashboard.
pub fn guard(status: &Value) -> Panel {
    let sources = || status["sources"].as_array().into_iter().flatten();
    let sum = |name: &str| sources().map(|source| count_of(&source[name])).sum::<u64>();
    let dropped = status["kernel"]["counters"].as_array().into_iter().flatten();
    let dropped: u64 = dropped.map(|counter| count_of(&counter["packets"])).sum();
    let is_enforcing = status["enforcing"].as_bool() == Some(true);
    let mut rows = vec![
        vec![text("mode"), figure(if is_enforcing { "enforcing" } else { "observing" }.to_owned())],
        vec![text("decisions that hold"), number(count_of(&status["holds"]))],
        vec![text("bans in the kernel"), number(count_of(&status["kernel"]["bans"]))],
        vec![text("packets dropped"), number(dropped)],
        vec![text("lines read"), number(count_of(&status["lines"]))],
        vec![text("lines not understood"), number(sum("unknown"))],
        vec![text("bytes that wait to be read"), number(sum("lag_bytes"))],
    ];
    if let Some(problem) = status["journal_problem"].as_str() {
        rows.push(vec![text("the journal"), text(Text::from(problem).to_string())]);
    }
    Panel { more: Some("/health".to_owned()), ..facts("health", "Guard", rows) }
}

fn sources(status: &Value) -> Panel {
    let row = |source: &Value| {
        vec![
            text(word(&source["name"])),
            text(word(&source["state"])),
            number(count_of(&source["lines"])),
            number(count_of(&source["events"])),
            number(count_of(&source["unknown"])),
            figure(format!(
                "{:.1}\u{202f}%",
                source["understood_percent"].as_f64().unwrap_or(100.0)
            )),
            number(count_of(&source["lag_bytes"])),
            number(count_of(&source["losses"])),
        ]
    };
    Panel {
        id: "sources",
        class: WIDE,
        title: "Sources",
        aside: String::new(),
        more: None,
        head: heads(&[
            "log",
            "state",
            "#lines",
            "#events",
            "#unknown",
            "#understood",
            "#waiting",
            "#losses",
        ]),
        rows: status["sources"].as_array().into_iter().flatten().map(row).collect(),
        empty: "No log is read.",
    }
}

fn kernel(status: &Value) -> Panel {
    let row = |counter: &Value| {
        vec![
            text(word(&counter["name"])),
            number(count_of(&counter["packets"])),
            number(count_of(&counter["bytes"])),
        ]
    };
    let idle = status["kernel"]["idle"].as_str().map(|idle| Text::from(idle).to_string());
    Panel {
        head: heads(&["counter", "#packets", "#bytes"]),
        aside: idle.unwrap_or_default(),
        empty: "The kernel counts nothing for mailward.",
        ..facts(
            "kernel",
            "Kernel",
            status["kernel"]["counters"].as_array().into_iter().flatten().map(row).collect(),
        )
    }
}

fn tables(status: &Value) -> Panel {
    let row = |table: &Value| {
        vec![
            text(word(&table["name"])),
            number(count_of(&table["entries"])),
            number(count_of(&table["capacity"])),
            number(count_of(&table["evicted"])),
        ]
    };
    Panel {
        head: heads(&["table", "#entries", "#capacity", "#gave way"]),
        ..facts(
            "tables",
            "Memory of the engine",
            status["tables"].as_array().into_iter().flatten().map(row).collect(),
        )
    }
}

/// The console's own certificate.
fn certificate(tls: &Tls, failure: Option<String>) -> Panel {
    let mut rows = Vec::new();
    if let Some(end_s) = tls.not_after_s() {
        let left_days = (end_s - clock::now().seconds()).div_euclid(DAY_S);
        let end = Timestamp::from_seconds(end_s).to_string();
        let day = end.split('T').next().unwrap_or_default();
        rows.push(vec![text("served until"), figure(day.to_owned())]);
        rows.push(vec![text("days left"), figure(left_days.to_string())]);
    }
    if let Some(why) = tls.trouble() {
        let why = format!("not served: {}", Text::from(why.as_str()));
        rows.push(vec![text("a newer one"), text(why)]);
    }
    if let Some(why) = failure {
        rows.push(vec![text("fetching another"), text(Text::from(why.as_str()).to_string())]);
    }
    facts("certificate", "Certificate of the console", rows)
}

fn journal(reader: &Reader) -> Result<Vec<Panel>, StoreError> {
    let statistics = reader.statistics()?;
    let megabytes = |bytes: u64| figure(format!("{:.1}\u{202f}MB", bytes as f64 / 1e6));
    let rows = vec![
        vec![text("records in the database"), number(statistics.records_hot)],
        vec![text("records in history"), number(statistics.records_history)],
        vec![text("files of history"), number(statistics.segments)],
        vec![text("database"), megabytes(statistics.bytes_database)],
        vec![text("history"), megabytes(statistics.bytes_segments)],
    ];
    let samples = reader.samples(SAMPLES)?;
    let sample = |sample: &store::Sample| {
        vec![
            text(Text::from(&*sample.source).to_string()),
            text(Text::from(&*sample.why).to_string()),
            Cell { class: "line", ..text(Text(&sample.line).to_string()) },
        ]
    };
    let samples = Panel {
        id: "samples",
        class: WIDE,
        title: "Lines that were not understood",
        aside: "the newest".to_owned(),
        more: None,
        head: heads(&["log", "why", "line"]),
        rows: samples.iter().map(sample).collect(),
        empty: "Every line was understood.",
    };
    Ok(vec![facts("journal", "Journal", rows), samples])
}
