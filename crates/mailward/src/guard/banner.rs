//! What `mailward up` says at its start: what is guarded, how, and what is not and why.

use super::identity::{self, Identity};
use crate::config::Config;
use crate::recover::Recovered;
use crate::terminal::{Style, Tone, count, things};
use crate::web::Web;
use edge::surroundings::{LogPlace, Surroundings};
use event::{LineBreaks, Mode, Network, Server, Vocabulary as _};
use std::collections::BTreeSet;
use std::path::Path;

/// Everything the text is made of.
pub struct Facts<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What was found.
    pub found: &'a Surroundings,
    /// What is read.
    pub places: &'a [LogPlace],
    /// Where the journal is.
    pub dir: &'a Path,
    /// Why nothing is enforced, where nothing is.
    pub idle: Option<&'a str>,
    /// As whom the guard goes on.
    pub identity: &'a Identity,
    /// What the journal held.
    pub recovered: &'a Recovered,
    /// Why the exported list cannot be written.
    pub list_trouble: Option<&'a str>,
}

/// About ten lines.
pub fn text(facts: &Facts<'_>) -> String {
    let style = Style::stdout();
    let mut out = String::new();
    let mut line = |tone: Option<Tone>, label: &str, text: &str| {
        let shown = format!("{label:<14}{text}");
        let shown = tone.map_or(shown.clone(), |tone| style.paint(tone, &shown));
        out.push_str(&shown);
        out.push('\n');
    };
    let host = facts.found.host.as_deref().unwrap_or("this host");
    let acts = match (facts.idle, facts.config.mode) {
        (Some(_), Mode::Enforce) if facts.config.export.is_any() => {
            "enforcing by list or hook only: nothing is dropped here"
        }
        (Some(_), _) => "observing: decisions are recorded, nothing is dropped",
        (None, Mode::Enforce) => "enforcing",
        (None, _) => "observing, as configured: decisions are recorded, nothing is dropped",
    };
    line(
        Some(Tone::Strong),
        "mailward",
        &format!("{} guards {host}, {acts}", env!("CARGO_PKG_VERSION")),
    );
    line(None, "servers", &servers(facts.found));
    line(None, "reads", &reads(facts));
    if let Some(web) = web(facts.config, facts.places) {
        line(None, "web", &web);
    }
    match facts.idle {
        Some(why) => line(Some(Tone::Warning), "bans", why),
        None if facts.config.mode != Mode::Enforce => {
            line(None, "bans", "none: mode = \"observe\"; the kernel counts what it would drop");
        }
        None => line(None, "bans", &bans(facts)),
    }
    line(None, "never banned", &never(facts));
    line(None, "reads as", &reads_as(facts.identity));
    line(None, "journal", &journal(facts));
    for loss in facts.recovered.losses.iter().take(3) {
        line(Some(Tone::Warning), "lost", loss);
    }
    if let Some(trouble) = facts.list_trouble {
        line(Some(Tone::Warning), "cannot", trouble);
    }
    for lack in facts.found.lacks.iter().take(3) {
        line(Some(Tone::Warning), "cannot", &lack.to_string());
    }
    line(None, "next", "mailward status, mailward bans, mailward why ADDRESS; ctrl-c ends");
    out
}

fn servers(found: &Surroundings) -> String {
    let running: Vec<&str> = found
        .servers
        .iter()
        .filter(|server| server.runs)
        .map(|server| server.server.name())
        .collect();
    let ports: BTreeSet<u16> = found.listeners.iter().map(|listener| listener.port()).collect();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    match (running.is_empty(), ports.is_empty()) {
        (true, _) => "none runs now; their logs are followed all the same".to_owned(),
        (false, true) => running.join(", "),
        (false, false) => format!("{}, listening on {}", running.join(", "), ports.join(" ")),
    }
}

fn reads(facts: &Facts<'_>) -> String {
    let source = &facts.config.source;
    let places = facts.places.iter().map(|place| match place {
        LogPlace::File(path) => path.display().to_string(),
        LogPlace::Journald { namespace: Some(namespace), .. } => format!("journald {namespace}"),
        LogPlace::Journald { .. } => "journald".to_owned(),
    });
    let containers =
        source.containers.iter().map(|path| format!("containers in {}", path.display()));
    let syslog = source.syslog.listen.iter().map(|address| format!("syslog on {address}"));
    let shown: Vec<String> = places.chain(containers).chain(syslog).collect();
    shown.join(", ")
}

/// Whose addresses are not believed, of the web interfaces whose logs are read, and how they are.
fn web(config: &Config, places: &[LogPlace]) -> Option<String> {
    let of_web = places.iter().filter_map(|place| {
        let LogPlace::File(path) = place else { return None };
        match Web::of(path, &config.source.web_files) {
            Web::Only { server, names: true } if server.line_breaks() == LineBreaks::Raw => {
                Some(server)
            }
            _ => None,
        }
    });
    let believed = &config.engine.forwarded_servers;
    let servers: BTreeSet<Server> = of_web.filter(|server| !believed.contains(server)).collect();
    let names: Vec<&str> = servers.iter().map(|server| server.name()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: nobody is banned for it, since strangers can write lines there; where the web \
             server refuses line breaks: forwarded.servers = {names:?}",
            names.join(", ")
        )
    })
}

fn bans(facts: &Facts<'_>) -> String {
    let held = facts.recovered.core.engine.holds().count();
    let scope = if facts.config.kernel.all_ports { "every port" } else { "mail ports" };
    let restored = match held {
        0 => String::new(),
        1 => "; 1 ban restored".to_owned(),
        held => format!("; {} bans restored", count(held as u64)),
    };
    format!("in the kernel (nftables, table inet mailward), on {scope}{restored}")
}

fn never(facts: &Facts<'_>) -> String {
    let neighbours = &facts.found.neighbours;
    // By the configuration and by orders, which may both name one.
    let allowed: BTreeSet<Network> = facts.recovered.core.engine.allowlist().collect();
    format!(
        "this host ({}), {}, {}, {} at work, {}",
        things(neighbours.own.len(), "address", "addresses"),
        things(neighbours.gateways.len(), "gateway", "gateways"),
        things(neighbours.resolvers.len(), "resolver", "resolvers"),
        things(facts.found.administrators.len(), "administrator", "administrators"),
        things(allowed.len(), "allowed network", "allowed networks"),
    )
}

fn reads_as(identity: &Identity) -> String {
    match identity {
        Identity::Own(uid) => format!("the user {} ({uid})", identity::NAME),
        Identity::Started(why) => {
            format!("the user {}: {why}", rustix::process::geteuid().as_raw())
        }
    }
}

fn journal(facts: &Facts<'_>) -> String {
    match facts.recovered.core.seq {
        0 => format!("{} (new)", facts.dir.display()),
        seq => format!(
            "{} ({} lines so far, {} records stepped again)",
            facts.dir.display(),
            count(seq),
            count(facts.recovered.replayed)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WebFile;

    #[test]
    fn whose_addresses_are_not_believed_is_told_with_the_key() {
        let log = |path: &str| LogPlace::File(path.into());
        let places =
            [log("/var/log/mail.log"), log("/var/log/roundcube/errors.log"), log("/srv/sogo.log")];
        let mut config = Config::default();
        assert_eq!(web(&config, &places[..1]), None);
        config.source.web_files.extend(WebFile::named("sogo=/srv/sogo.log"));
        let told = web(&config, &places).unwrap();
        assert!(told.starts_with("roundcube, sogo: ") && told.contains(r#"["roundcube", "sogo"]"#));
        config.engine.forwarded_servers = vec![Server::Roundcube, Server::Sogo];
        assert_eq!(web(&config, &places), None);
    }
}
