//! Numbers for Prometheus, in its text format (exposition format 0.0.4). No address and no account
//! is ever a label: a stranger would choose how many series there are.

use crate::access::Allowed;
use crate::app::{App, Trouble};
use crate::clock;
use crate::server::Tls;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use event::{Timestamp, Vocabulary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::OnceLock;
use store::{Reader, StoreError};

const HOUR_S: i64 = 3600;

/// `GET /metrics`
pub async fn page(State(app): State<App>, _: Allowed) -> Result<Response, Trouble> {
    let status = app.ask(|host| host.status()).await.ok();
    let mut text = app.read(|reader, app| Ok(of_journal(reader, &app.counted)?)).await?;
    of_guard(&mut text, status.as_ref());
    of_console(&mut text, app.options.tls.as_deref());
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

/// Sums of the hours that are over when the console begins: hours that are removed later because
/// of their age do not make a counter go back.
#[derive(Default)]
pub struct Base(OnceLock<(Timestamp, Sums)>);

type Sums = BTreeMap<(&'static str, &'static str, &'static str), u64>;

fn sums(reader: &Reader, from: Timestamp, until: Timestamp) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for count in reader.counts(from, until)? {
        let reason = count.reason.map_or("", Vocabulary::name);
        let words = (count.server.name(), count.outcome.name(), reason);
        *sums.entry(words).or_default() += count.events;
    }
    Ok(sums)
}

fn events(reader: &Reader, base: &Base) -> Result<Sums, StoreError> {
    let (since, before) = match base.0.get() {
        Some(base) => base,
        None => {
            let hour = clock::now().seconds() / HOUR_S * HOUR_S;
            let since = Timestamp::from_seconds(hour);
            let before = sums(reader, Timestamp(i64::MIN), since)?;
            base.0.get_or_init(|| (since, before))
        }
    };
    let mut all = before.clone();
    for (words, events) in sums(reader, *since, Timestamp(i64::MAX))? {
        *all.entry(words).or_default() += events;
    }
    Ok(all)
}

fn of_journal(reader: &Reader, base: &Base) -> Result<String, StoreError> {
    let mut out = String::new();
    head(&mut out, "mailward_build_info", "gauge", "1, with the version as a label.");
    let _ = writeln!(out, "mailward_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    head(&mut out, "mailward_events_total", "counter", "Events by server, outcome and reason.");
    for ((server, outcome, reason), events) in events(reader, base)? {
        let _ = writeln!(
            out,
            "mailward_events_total{{server=\"{server}\",outcome=\"{outcome}\",\
             reason=\"{reason}\"}} {events}"
        );
    }
    let statistics = reader.statistics()?;
    let bytes = (statistics.bytes_database, statistics.bytes_segments);
    one(&mut out, "mailward_decisions_active", "gauge", "Decisions that hold.", statistics.holds);
    let open = statistics.incidents;
    one(&mut out, "mailward_incidents_open", "gauge", "Incidents that are not over.", open);
    one(&mut out, "mailward_journal_database_bytes", "gauge", "The journal's database.", bytes.0);
    one(&mut out, "mailward_journal_history_bytes", "gauge", "The journal's history.", bytes.1);
    Ok(out)
}

fn of_console(out: &mut String, tls: Option<&Tls>) {
    let Some(tls) = tls else { return };
    if let Some(end_s) = tls.not_after_s() {
        one(
            out,
            "mailward_console_certificate_left_seconds",
            "gauge",
            "Seconds until the certificate that the console serves ends.",
            end_s - clock::now().seconds(),
        );
    }
    one(
        out,
        "mailward_console_certificate_stale",
        "gauge",
        "1 where the files hold another pair that cannot be served.",
        u8::from(tls.trouble().is_some()),
    );
}

/// Of each log: the name of a number, its key in the status, what it is.
const OF_INPUTS: [(&str, &str, &str, &str); 2] = [
    ("mailward_input_lag_bytes", "lag_bytes", "gauge", "Bytes that wait to be read."),
    ("mailward_input_losses_total", "losses", "counter", "Times that lines may have been lost."),
];
/// What lines of a log turned out to be.
const RESULTS: [(&str, &str); 3] =
    [("event", "events"), ("noise", "noise"), ("unknown", "unknown")];

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
    head(out, "mailward_bans_active", "gauge", "Bans in force, by where.");
    let bans = count(&status["kernel"]["bans"]);
    let _ = writeln!(out, "mailward_bans_active{{backend=\"nftables\"}} {bans}");
    let inputs: Vec<&Value> = status["sources"].as_array().into_iter().flatten().collect();
    let name = |input: &Value| label(input["name"].as_str().unwrap_or_default());
    head(
        out,
        "mailward_parse_lines_total",
        "counter",
        "Lines read, by what they turned out to be.",
    );
    for input in &inputs {
        for (result, key) in RESULTS {
            let (input_name, lines) = (name(input), count(&input[key]));
            let _ = writeln!(
                out,
                "mailward_parse_lines_total{{input=\"{input_name}\",result=\"{result}\"}} {lines}"
            );
        }
    }
    for (number, key, kind, help) in OF_INPUTS {
        head(out, number, kind, help);
        for input in &inputs {
            let _ = writeln!(out, "{number}{{input=\"{}\"}} {}", name(input), count(&input[key]));
        }
    }
    head(out, "mailward_kernel_packets_total", "counter", "Packets that the kernel counted.");
    for counter in status["kernel"]["counters"].as_array().into_iter().flatten() {
        let packets = count(&counter["packets"]);
        let _ = writeln!(
            out,
            "mailward_kernel_packets_total{{counter=\"{}\"}} {packets}",
            name(counter)
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn the_dashboard_for_grafana_names_only_numbers_that_there_are() {
        let dashboard: Value =
            serde_json::from_str(include_str!("../../../../packaging/grafana.json")).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        let mut names = Vec::new();
        for target in targets {
            let words =
                target["expr"].as_str().unwrap().split(|c: char| !c.is_alphanumeric() && c != '_');
            names.extend(words.filter(|word| word.starts_with("mailward_")));
        }
        assert!(names.len() >= panels.len(), "{names:?}");
        for name in names {
            let is_ours = include_str!("metrics.rs").contains(&format!("\"{name}\""));
            assert!(is_ours, "{name}");
        }
    }
}
