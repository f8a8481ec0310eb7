//! `mailward top`: the console's dashboard in a terminal.

use super::{Command, config, config_argument, running};
use crate::console::Guarded;
use crate::failure::{Context as _, Failure};
use crate::recover::{failure, reader};
use crate::supervise::arrived;
use crate::terminal::{self, Style, Tone};
use clap::{Arg, ArgMatches};
use console::glance::{Glance, Looking, Table, Trend};
use edge::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "top",
    summary: "Show the dashboard in the terminal, live",
    about: "The panels of the console for who is here by SSH: outcomes and their reasons, what happens over time, incidents, \
            logins, accounts, addresses, the guard's health. Looks every two seconds until q or ctrl-c; where the output \
            is no terminal, once.",
    examples: &[
        ("mailward top", "the last hour, all but allowed"),
        ("mailward top --last 24h account:*@example.org", "a day of some accounts, all of it"),
    ],
    arguments: |command| {
        config_argument(command)
            .arg(
                Arg::new("last")
                    .long("last")
                    .value_name("RANGE")
                    .value_parser(Looking::ranges().collect::<Vec<_>>())
                    .default_value("1h")
                    .help("How far back: 15m, 1h, 6h, 24h, 7d, 30d, 90d"),
            )
            .arg(
                Arg::new("terms").value_name("TERM").num_args(0..).help(
                    "Events that meet all of these, as in `query`; `everything` for all (default: outcome!=allowed)",
                ),
            )
    },
    run,
    hidden: false,
};

/// Time between two looks.
const EVERY: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// Panels stand side by side from this width on, in columns.
const TWO_COLUMNS: usize = 130;
/// Steps of a line in the terminal.
const TREND_WIDTH: usize = 60;

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let range = matches.get_one::<String>("last").map_or("1h", String::as_str);
    let terms: Vec<&str> =
        matches.get_many::<String>("terms").into_iter().flatten().map(String::as_str).collect();
    let terms = match terms.as_slice() {
        [] => None,
        ["everything"] => Some(String::new()),
        terms => Some(terms.join(" ")),
    };
    let looking = Looking::at(range, terms.as_deref())
        .map_err(|error| Failure::usage(format!("terms: {error}")))?;
    if !std::io::stdout().is_terminal() {
        print!("{}", drawn(&dir, &looking, range, Style::plain(), usize::MAX)?);
        return Ok(ExitCode::SUCCESS);
    }
    let signals = crate::guard::signals(&crate::guard::ENDING)?;
    let _screen = Screen::begin();
    loop {
        let size = tcgetwinsize(std::io::stdout()).ok();
        let height = size.map_or(24, |size| usize::from(size.ws_row).max(8));
        let frame = drawn(&dir, &looking, range, Style::stdout(), height)?;
        let lines: Vec<&str> = frame.lines().take(height - 1).collect();
        let mut out = std::io::stdout().lock();
        // Home, each line to its end, and nothing below: no flicker.
        write!(out, "\x1b[H{}\x1b[K\r\n\x1b[J", lines.join("\x1b[K\r\n"))
            .and_then(|()| out.flush())
            .context(|| "the terminal".to_owned())?;
        drop(out);
        if is_over(&signals) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// True where q, ctrl-c or a signal came before the next look.
fn is_over(signals: &UnixStream) -> bool {
    let stdin = std::io::stdin();
    let mut asked = [
        PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
    ];
    let _ = poll(&mut asked, Some(&EVERY));
    let has_key = asked.last().is_some_and(|stdin| stdin.revents().contains(PollFlags::IN));
    let mut key = [0; 16];
    let count = if has_key { stdin.lock().read(&mut key).unwrap_or(0) } else { 0 };
    let keys = key.get(..count).unwrap_or_default();
    (has_key && count == 0) || keys.contains(&b'q') || arrived(signals)
}

/// The terminal's other screen, without a cursor and without waiting for whole lines.
struct Screen {
    before: Option<Termios>,
}

impl Screen {
    fn begin() -> Self {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &modes);
        }
        print!("\x1b[?1049h\x1b[?25l");
        Screen { before }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        print!("\x1b[?25h\x1b[?1049l");
        let _ = std::io::stdout().flush();
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn drawn(
    dir: &Path,
    looking: &Looking,
    range: &str,
    style: Style,
    height: usize,
) -> Result<String, Failure> {
    let status = running(dir);
    let reader = reader(dir)?;
    // A recorded day has a time of its own, which its guard tells.
    let told = status.as_ref().and_then(|status| status["now"].as_str());
    let now = told.and_then(terminal::time).unwrap_or_else(clock::now);
    let host = Guarded::in_dir(dir.to_owned());
    let glance = looking.look(&reader, &host, now, &|at| terminal::local(at)).map_err(failure)?;
    let terms = looking.terms();
    let terms = if terms.is_empty() { "everything" } else { terms.as_str() };
    let guard = if status.is_some() { "" } else { "; no guard runs" };
    let title = format!("mailward  {}  last {range}  {terms}{guard}", terminal::local(now));
    let mut out = format!("{}\n\n", style.paint(Tone::Strong, &title));
    out.push_str(&outcomes(&glance));
    glance.trends.iter().for_each(|trend| out.push_str(&line(trend)));
    out.push('\n');
    out.push_str(&tables(&glance.tables, style, height));
    Ok(out)
}

fn outcomes(glance: &Glance) -> String {
    let mut out = String::new();
    for outcome in &glance.outcomes {
        let reasons: Vec<String> = outcome
            .reasons
            .iter()
            .take(5)
            .map(|(reason, events)| format!("{reason} {}", terminal::count(*events)))
            .collect();
        let _ = writeln!(
            out,
            "{:<10} {:>12}  {}",
            outcome.name,
            terminal::count(outcome.events),
            reasons.join(", ")
        );
    }
    if glance.outcomes.is_empty() {
        out.push_str("nothing happened\n");
    }
    out.push('\n');
    out
}

/// A line over time, as high as a letter.
fn line(trend: &Trend) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = trend.steps.len().div_ceil(TREND_WIDTH).max(1);
    let sums: Vec<f64> = trend.steps.chunks(width).map(|steps| steps.iter().sum()).collect();
    let top = sums.iter().copied().fold(1.0, f64::max);
    let level = |sum: &f64| {
        if *sum == 0.0 {
            return ' ';
        }
        let place = (sum / top * (LEVELS.len() - 1) as f64).round() as usize;
        LEVELS.get(place).copied().unwrap_or('█')
    };
    let levels: String = sums.iter().map(level).collect();
    format!("{:<10} {:>12}  {levels}\n", trend.name, terminal::count(trend.events))
}

/// Panels one below the other, or in two columns where there is room.
fn tables(tables: &[Table], style: Style, height: usize) -> String {
    let blocks: Vec<String> = tables.iter().map(block).collect();
    let width = style.columns().unwrap_or(80);
    if width < TWO_COLUMNS || height == usize::MAX {
        return blocks.join("\n");
    }
    let (mut left, mut right): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for block in &blocks {
        let shorter = if left.len() <= right.len() { &mut left } else { &mut right };
        shorter.extend(block.lines());
        shorter.push("");
    }
    let column = width / 2 - 1;
    let mut out = String::new();
    for row in 0..left.len().max(right.len()) {
        let side = |lines: &[&str]| lines.get(row).copied().unwrap_or_default().to_owned();
        let (left, right) = (side(&left), side(&right));
        let shown: String = left.chars().take(column).collect();
        let right: String = right.chars().take(column).collect();
        let _ = writeln!(out, "{shown:<column$} {right}");
    }
    out
}

fn block(table: &Table) -> String {
    let aside = if table.aside.is_empty() { String::new() } else { format!(" ({})", table.aside) };
    let mut out = format!("{}{aside}\n", table.title.to_uppercase());
    if table.rows.is_empty() {
        let _ = writeln!(out, "{}", table.empty);
        return out;
    }
    // As wide as it is: what does not fit is cut at the edge.
    out.push_str(&Style::plain().table(&table.head, table.rows.clone()));
    out
}
