//! `mailward parse`: what each line says.

use super::{Command, format_argument, input_arguments, is_json};
use crate::failure::{Context as _, Failure};
use crate::input;
use crate::json::{self, Object};
use crate::listing::LeftOut;
use crate::print;
use crate::seed;
use crate::terminal::{self, Style, Tone};
use crate::understand::{Tally, Told};
use clap::ArgMatches;
use engine::Engine;
use event::Text;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "parse",
    summary: "Show what each line of a log says",
    about: "Reads logs and writes what each line says: an event, noise by name, or unknown. Nothing is decided and \
            nothing is changed. Who is behind a session or message that names nobody is told from its earlier lines.",
    examples: &[
        ("mailward parse /var/log/mail.log", "a line for each event"),
        ("mailward parse --format json mail.log.2.gz -", "one JSON object for every input line"),
    ],
    arguments: |command| format_argument(input_arguments(super::config_argument(command))),
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = super::config(matches)?;
    let dir = config.state_dir().ok();
    let json = is_json(matches);
    let style = Style::stdout();
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut text = String::new();
    let mut tally = Tally::default();
    let mut number = 0;
    // Not to judge: it knows whose session a line is of.
    let mut engine = Engine::new(seed::under(dir.as_deref(), config.engine));
    let opened = input::open(matches)?;
    opened.left_out.iter().for_each(tell);
    for mut log in opened.logs {
        loop {
            let more = log.next(|_, line, understood| {
                number += 1;
                let told = understood.told();
                tally.take(&told);
                text.clear();
                let joined = match &told {
                    Told::Event(event) => engine.join(event),
                    _ => None,
                };
                let told = match (&told, &joined) {
                    (Told::Event(event), Some(joined)) => Told::Event(joined.fill(event)),
                    _ => told,
                };
                if json {
                    as_json(&mut text, number, &told, joined.is_some());
                } else {
                    as_text(&mut text, style, number, line, &told);
                }
                written(out.write_all(text.as_bytes()))
            });
            match more {
                Ok(true) => {}
                Ok(false) => {
                    log.left_out().iter().for_each(tell);
                    break;
                }
                Err(failure) => {
                    written(out.flush())?;
                    return Err(failure);
                }
            }
        }
    }
    written(out.flush())?;
    if !json {
        eprintln!("{}", tally);
    }
    Ok(if opened.is_short { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says on standard error what is not read.
fn tell(LeftOut { name, why, remedy }: &LeftOut) {
    let remedy = remedy.as_ref().map_or(String::new(), |remedy| format!("; {remedy}"));
    let text = format!("{name}: not read: {why}{remedy}");
    print::error_line(format_args!("mailward: {}", Text::from(&*text)));
}

/// A reader that went away (`| head`) is no failure of ours; anything else is.
pub fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.context(|| "standard output".to_owned()),
    }
}

fn as_json(text: &mut String, number: u64, told: &Told<'_>, joined: bool) {
    let mut object = Object::open(text);
    object.plain("line", number);
    match told {
        Told::Event(event) => {
            object.object("event", |object| json::event(object, event));
            if joined {
                object.plain("joined", true);
            }
        }
        other => {
            object.plain("event", "null").text("why", why(other).as_bytes());
        }
    }
    object.close();
    text.push('\n');
}

fn why(told: &Told<'_>) -> String {
    match told {
        Told::Event(_) => String::new(),
        Told::Noise(name) => format!("noise: {name}"),
        Told::Unknown => "unknown message".to_owned(),
        Told::Foreign => "another program".to_owned(),
        Told::Unframed => "unknown format".to_owned(),
    }
}

fn as_text(text: &mut String, style: Style, number: u64, line: &[u8], told: &Told<'_>) {
    let Told::Event(event) = told else {
        if matches!(told, Told::Unknown | Told::Unframed) {
            let shown = format!("{number}: {}: {}", why(told), Text(line));
            let _ = writeln!(text, "{}", style.paint(Tone::Warning, &shown));
        }
        return;
    };
    let reason = event.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let client = event.client.map(|client| client.to_string()).unwrap_or_else(|| "-".to_owned());
    let account = event.account.map(|account| account.to_string()).unwrap_or_default();
    let shown = format!(
        "{number}: {} {} {} {} {}{reason} {client} {account}",
        terminal::local(event.at),
        event.server,
        event.service,
        event.kind,
        event.outcome
    );
    let tone = if event.hostile { Some(Tone::Bad) } else { None };
    let shown = shown.trim_end();
    let _ = match tone {
        Some(tone) => writeln!(text, "{}", style.paint(tone, shown)),
        None => writeln!(text, "{shown}"),
    };
}
