//! `mailward walk`: what becomes of one line, step by step.

use super::{Command, config, config_argument};
use crate::failure::{Context as _, Failure};
use crate::json::{self, Object};
use crate::story;
use crate::terminal::{Style, Tone};
use crate::understand::{Reading, Told};
use clap::{Arg, ArgMatches};
use edge::clock;
use edge::source::Line;
use edge::stamp::{Completer, Years, Zone};
use engine::{Engine, Input, Output};
use event::{Event, Subject, Text, Timestamp};
use parse::{Record, Stamp};
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "walk",
    summary: "Show what becomes of one line, step by step",
    about: "Prints what each step makes of a line: how it is framed, its completed stamp, the parser that is asked, what \
            the line says, and what an engine that knows nothing else concludes. Without LINE, or with \
            -, each line of standard input is walked by itself.",
    examples: &[
        ("mailward walk 'LINE'", "one line, as it stands in the log"),
        ("mailward walk < lines.txt", "each line of a file, by itself"),
    ],
    arguments: |command| {
        config_argument(command)
            .arg(Arg::new("line").value_name("LINE").help("The line, in quotes"))
    },
    run,
    hidden: false,
};

/// Lines walked at most.
const LINES_MAX: usize = 1_000;

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = config(matches)?.engine;
    if let Some(line) = matches.get_one::<String>("line").filter(|line| *line != "-") {
        print!("{}", walked(line.as_bytes(), &config));
        return Ok(ExitCode::SUCCESS);
    }
    for line in std::io::stdin().lock().split(b'\n').take(LINES_MAX) {
        let line = line.context(|| "standard input".to_owned())?;
        println!("{}", walked(line.strip_suffix(b"\r").unwrap_or(&line), &config));
    }
    Ok(ExitCode::SUCCESS)
}

/// Thresholds are those that are configured: by how much a host's own differ follows from its key.
fn walked(line: &[u8], config: &engine::Config) -> String {
    let config = &engine::Config { jitter_percent: 0, ..config.clone() };
    let mut walk = Walk { out: String::new(), style: Style::stdout() };
    walk.step("line", Text(line));
    let mut reading = Reading::new(Completer::new(Zone::local(), Years::Until(clock::now())));
    let line = Line { bytes: line, cut: false, offset_end: line.len() as u64, writer: 0 };
    reading.understand(&line, None, |understood| {
        match understood.record() {
            Some(record) => walk.record(record, understood.at),
            None => walk.step("envelope", "none: no stamp, host and program stand at its front"),
        }
        match understood.told() {
            Told::Event(event) => walk.event(&event, config),
            Told::Noise(name) => {
                walk.step("says", format!("noise, {name}: nothing about a client"))
            }
            Told::Unknown => {
                walk.step("says", "unknown: no grammar of this server knows the message")
            }
            Told::Foreign => walk.step("says", "nothing: it is another program's line"),
            Told::Unframed => {}
        }
    });
    walk.out
}

struct Walk {
    out: String,
    style: Style,
}

impl Walk {
    fn step(&mut self, name: &str, value: impl std::fmt::Display) {
        let name = self.style.paint(Tone::Strong, &format!("{name:<9}"));
        let _ = writeln!(self.out, "{name} {value}");
    }

    fn record(&mut self, record: &Record<'_>, at: Timestamp) {
        self.step("envelope", format!("{:?}", record.envelope).to_lowercase());
        let told = match record.stamp {
            Stamp::Utc(_) => "as the line tells",
            Stamp::Local(stamp) if stamp.year.is_some() => "the line tells no zone: the local one",
            Stamp::Zoned(..) => "the line tells no year: the latest that fits",
            Stamp::Missing => "the line tells no time: that of its reading",
            Stamp::Local(_) => "the line tells neither year nor zone: the latest that fits",
        };
        self.step("stamp", format!("{at} ({told})"));
        if let Some(host) = record.host {
            self.step("host", host);
        }
        let pid = record.pid.map_or_else(String::new, |pid| format!(", process {pid}"));
        self.step("program", format!("{}{pid}", record.program));
        self.step("message", Text(record.message));
        let parser = parse::parser(record);
        self.step("parser", parser.map_or("none owns this program", |parser| parser.name));
    }

    fn event(&mut self, event: &Event<'_>, config: &engine::Config) {
        let mut said = String::new();
        let mut object = Object::open(&mut said);
        json::event(&mut object, event);
        object.close();
        self.step("says", said);
        let mut engine = Engine::new(config.clone());
        let joined = engine.join(event);
        let event = &joined.as_ref().map_or(*event, |joined| joined.fill(event));
        let mut outputs = Vec::new();
        engine.step(1, &Input::Event(event), &mut outputs);
        match event.client {
            Some(client) if event.hostile => self.step("counts", format!("against {client}")),
            Some(_) => self.step("counts", "against nobody"),
            None if event.forwarded.is_some() => self.step(
                "counts",
                "against no client: this log's word on addresses is not believed (forwarded.servers)",
            ),
            None if event.session.is_some() || event.queue_id.is_some() => {
                self.step(
                    "counts",
                    "against the client of its session or message, where that is known",
                );
            }
            None => self.step("counts", "against nobody: it names no client"),
        }
        if let Some(client) = event.client {
            for standing in engine.explain(&Subject::Client(client)).scores {
                let (score, most) = (standing.score, standing.score_max);
                self.step("score", format!("{} {score:.1} of {most:.1}", standing.detector));
            }
        }
        for output in &outputs {
            match output {
                Output::Finding(finding) => self.step(
                    "finding",
                    format!(
                        "{} about {} (score {:.1})",
                        finding.detector, finding.subject, finding.score
                    ),
                ),
                Output::Decision(decision) => self.step("decision", story::decided(decision)),
                Output::Expiry(_) | Output::Evicted(_) => {}
            }
        }
        if event.hostile && outputs.is_empty() {
            self.step("decides", "nothing yet: one such line is not enough");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So the key of the state directory need not be read: a sketch of one name counts one under
    /// any key.
    #[test]
    fn the_key_of_the_hash_changes_nothing_about_one_line() {
        let lines = [
            "2026-11-21T16:02:10+00:00 mx postfix/smtpd[7]: warning: unknown[203.0.113.9]: \
             SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=trap@example.org",
            "2026-11-21T16:02:10+00:00 mx dovecot: imap-login: Disconnected (auth failed, 9 \
             attempts in 2 secs): user=<bob>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1",
            "2026-11-21T16:02:10+00:00 mx postfix/smtpd[7]: disconnect from \
             unknown[203.0.113.9] ehlo=1 auth=0/20 commands=1/21",
        ];
        let baits = engine::Config {
            bait_accounts: ["trap@example.org".into()].into(),
            ..engine::Config::default()
        };
        for line in lines {
            let expected = walked(line.as_bytes(), &baits);
            assert!(expected.contains("auth-failed") || expected.contains("against"), "{expected}");
            for seed in 0..200_u64 {
                let config =
                    engine::Config { seed: seed.wrapping_mul(0x9e37_79b9), ..baits.clone() };
                assert_eq!(walked(line.as_bytes(), &config), expected, "{seed}");
            }
        }
    }

    #[test]
    fn whose_word_an_address_is_decides_whom_it_counts_against() {
        let line =
            b"Nov 21 16:02:10 sogod [96]: SOGoRootPage Login from '203.0.113.9' for user 'bob' \
            might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0";
        let told = walked(line, &engine::Config::default());
        assert!(told.contains("against no client: this log's word"), "{told}");
        let mut config = engine::Config::default();
        config.set("forwarded.servers", &engine::Value::Words(["sogo".into()].into())).unwrap();
        assert!(walked(line, &config).contains("against 203.0.113.9"));
    }

    #[test]
    fn each_step_of_a_line_is_told() {
        let line =
            b"2026-11-21T16:02:10+00:00 mx postfix/smtpd[7]: warning: unknown[203.0.113.9]: \
            SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=\x1b[31mbob";
        let told = walked(line, &engine::Config::default());
        for wanted in [
            "rfc3339",
            "2026-11-21T16:02:10",
            "postfix",
            "auth-failed",
            "against 203.0.113.9",
            "brute-force",
        ] {
            assert!(told.contains(wanted), "{wanted} in {told}");
        }
        assert!(!told.contains('\x1b'), "{told}");
        let told = walked(b"no log line", &engine::Config::default());
        assert!(told.contains("envelope  none"), "{told}");
    }
}
