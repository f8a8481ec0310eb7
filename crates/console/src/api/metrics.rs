//! Numbers for Prometheus, in its text format (exposition format 0.0.4). No address and no account
//! is ever a label: a stranger would choose how many series there are.

use crate::access::Allowed;
use crate::app::{App, Trouble};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use event::{Timestamp, Vocabulary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use store::Reader;

/// `GET /metrics`
pub async fn page(State(app): State<App>, _: Allowed) -> Result<Response, Trouble> {
    let status = app.ask(|host| host.status()).await.ok();
    let mut text = app.read(|reader, _| Ok(of_journal(reader)?)).await?;
    of_guard(&mut text, status.as_ref());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn one(out: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    head(out, name, kind, help);
    let _ = writeln!(out, "{name} {value}");
}

/// A label's value: our own words and names of logs, with what the format wants escaped.
fn label(text: &str) -> String {
    event::Text::from(text).to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

fn of_journal(reader: &Reader) -> Result<String, store::StoreError> {
    let mut out = String::new();
    head(&mut out, "mailward_events_total", "counter", "Events by server, outcome and reason.");
    let mut sums: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for count in reader.counts(Timestamp(i64::MIN), Timestamp(i64::MAX))? {
        let reason = count.reason.map_or("", Vocabulary::name);
        *sums.entry((count.server.name(), count.outcome.name(), reason)).or_default() +=
            count.events;
    }
    for ((server, outcome, reason), events) in sums {
        let _ = writeln!(
            out,
            "mailward_events_total{{server=\"{server}\",outcome=\"{outcome}\",reason=\"{reason}\"}} {events}"
        );
    }
    let statistics = reader.statistics()?;
    one(&mut out, "mailward_decisions_held", "gauge", "Decisions that hold now.", statistics.holds);
    one(
        &mut out,
        "mailward_journal_database_bytes",
        "gauge",
        "Size of the journal's database.",
        statistics.bytes_database,
    );
    one(
        &mut out,
        "mailward_journal_history_bytes",
        "gauge",
        "Size of the journal's history.",
        statistics.bytes_segments,
    );
    Ok(out)
}

fn of_guard(out: &mut String, status: Option<&Value>) {
    one(out, "mailward_up", "gauge", "1 where the guard answers.", u8::from(status.is_some()));
    let Some(status) = status else { return };
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let enforcing = status["enforcing"].as_bool() == Some(true);
    one(
        out,
        "mailward_enforcing",
        "gauge",
        "1 where decisions are carried out.",
        u8::from(enforcing),
    );
    one(
        out,
        "mailward_kernel_bans",
        "gauge",
        "Bans in the kernel.",
        count(&status["kernel"]["bans"]),
    );
    let sources: Vec<&Value> = status["sources"].as_array().into_iter().flatten().collect();
    for (name, key, kind, help) in [
        ("mailward_source_lines_total", "lines", "counter", "Lines read of a log."),
        ("mailward_source_unknown_total", "unknown", "counter", "Lines that were not understood."),
        ("mailward_source_lag_bytes", "lag_bytes", "gauge", "Bytes that wait to be read."),
        (
            "mailward_source_losses_total",
            "losses",
            "counter",
            "Times that lines may have been lost.",
        ),
    ] {
        head(out, name, kind, help);
        for source in &sources {
            let log = label(source["name"].as_str().unwrap_or_default());
            let _ = writeln!(out, "{name}{{source=\"{log}\"}} {}", count(&source[key]));
        }
    }
    head(out, "mailward_kernel_packets_total", "counter", "Packets that the kernel counted.");
    for counter in status["kernel"]["counters"].as_array().into_iter().flatten() {
        let name = label(counter["name"].as_str().unwrap_or_default());
        let _ = writeln!(
            out,
            "mailward_kernel_packets_total{{counter=\"{name}\"}} {}",
            count(&counter["packets"])
        );
    }
}
