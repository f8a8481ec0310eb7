//! A panel that is a table: rows of cells, each with what can be done with it.

use crate::draw::{count, escaped};
use crate::view::View;
use askama::Template;
use event::{Text, Timestamp};
use std::fmt::{Display, Write as _};
use store::terms::{Field, Value};

/// The longest value, in bytes, that tables show whole and link to. What is longer was not made to
/// be read; it stands whole on the page of its event.
pub const VALUE_MAX: usize = 256;
/// The longest value that the page of its event links to: of what is much longer, no query could
/// be written.
pub const LINKED_MAX: usize = 1024;
/// The class of a table that takes the whole width; on a narrow screen its rows are stacked.
pub const WIDE: &str = "wide";
/// From so many bytes on a text may be cut by the width of its column: its title tells the rest.
const TITLE_FROM: usize = 16;

/// What a cell holds.
pub enum Holds {
    /// Nothing is known.
    Nothing,
    /// A text; a stranger may have chosen it.
    Text(String),
    /// A value that the view can be narrowed to: text, URL to include, URL to exclude, its story.
    Value(String, String, String, Option<String>),
    /// A text that leads elsewhere.
    Link(String, String),
    /// A number.
    Count(u64),
    /// Allowed, deferred and blocked, of the largest such sum in the column.
    Bar([u64; 3], u64),
    /// A point in time.
    Time(Timestamp),
}

/// A cell.
pub struct Cell {
    /// Its class.
    pub class: &'static str,
    /// What it holds.
    pub holds: Holds,
}

#[derive(Template)]
#[template(path = "cell.html")]
struct Drawn<'c> {
    cell: &'c Cell,
    label: &'static str,
}

impl Cell {
    /// Its markup.
    pub fn html(&self) -> impl Display {
        self.labelled("")
    }

    /// Its markup; where a narrow screen has no room for columns, `label` stands before it.
    fn labelled(&self, label: &'static str) -> impl Display {
        Drawn { cell: self, label }
    }

    /// What its width may hide, once more.
    fn title<'t>(&self, text: &'t str) -> Option<&'t str> {
        (TITLE_FROM..=LINKED_MAX).contains(&text.len()).then_some(text)
    }
}

/// The head of a column.
pub struct Head {
    /// Its name.
    pub name: &'static str,
    /// Numbers stand to the right.
    pub is_number: bool,
}

/// The panel.
pub struct Panel {
    /// Its name in URLs and markup.
    pub id: &'static str,
    /// For the style sheet.
    pub class: &'static str,
    /// For people.
    pub title: &'static str,
    /// Said beside the title.
    pub aside: String,
    /// Where there is more of it.
    pub more: Option<String>,
    /// The heads of the columns.
    pub head: Vec<Head>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Said where there are none.
    pub empty: &'static str,
}

#[derive(Template)]
#[template(path = "panel-table.html")]
struct Page<'p> {
    panel: &'p Panel,
}

impl Panel {
    /// Its markup.
    pub fn html(&self) -> String {
        Page { panel: self }.render().unwrap_or_default()
    }

    /// What a narrow screen says before a cell of a table that it cannot show in columns: nothing
    /// before the first, for that is what the row is about.
    fn label(&self, column: &usize) -> &'static str {
        let is_stacked = self.class == WIDE && *column > 0;
        self.head.get(*column).filter(|_| is_stacked).map_or("", |head| head.name)
    }

    /// Its rows as text; `time` says how times are written.
    pub fn texts(&self, time: &dyn Fn(Timestamp) -> String) -> Vec<Vec<String>> {
        let text = |cell: &Cell| match &cell.holds {
            Holds::Nothing => String::new(),
            Holds::Text(text) | Holds::Value(text, ..) | Holds::Link(text, _) => text.clone(),
            // Terminals have no narrow space.
            Holds::Count(number) => count(number).replace('\u{202f}', " "),
            Holds::Bar(parts, top) => blocks(parts, *top),
            Holds::Time(at) => time(*at),
        };
        self.rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }
}

/// Heads of columns; a name that begins with `#` is that of numbers.
pub fn heads(names: &[&'static str]) -> Vec<Head> {
    let head = |name: &&'static str| match name.strip_prefix('#') {
        Some(name) => Head { name, is_number: true },
        None => Head { name, is_number: false },
    };
    names.iter().map(head).collect()
}

/// A cell with a text.
pub fn text(text: impl Into<String>) -> Cell {
    let text = text.into();
    let holds = if text.is_empty() { Holds::Nothing } else { Holds::Text(text) };
    Cell { class: "", holds }
}

/// A cell with a number.
pub fn number(number: u64) -> Cell {
    let class = if number == 0 { "number zero" } else { "number" };
    Cell { class, holds: Holds::Count(number) }
}

/// A cell with a text that stands to the right.
pub fn figure(figure: String) -> Cell {
    Cell { class: "number", ..text(figure) }
}

/// A cell with a time.
pub fn time(at: Timestamp) -> Cell {
    Cell { class: "time", holds: Holds::Time(at) }
}

/// A cell with a link.
pub fn link(text: impl Into<String>, url: String) -> Cell {
    Cell { class: "", holds: Holds::Link(text.into(), url) }
}

/// Bytes as they are shown; of those that are too many the beginning.
pub fn beginning(bytes: &[u8], max: usize) -> String {
    if bytes.len() <= max {
        return Text(bytes).to_string();
    }
    // Not within a character.
    let is_within = |end: &usize| bytes.get(*end).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (max.saturating_sub(3)..=max).rev().find(|end| !is_within(end)).unwrap_or(max);
    format!("{}…", Text(bytes.get(..end).unwrap_or_default()))
}

/// A cell with a value that the view can be narrowed to, unless it is too long.
pub fn value(view: &View, page: &str, field: Field, value: &[u8]) -> Cell {
    match value.len() {
        0..=VALUE_MAX => whole(view, page, field, value),
        _ => Cell { class: "value", ..text(beginning(value, VALUE_MAX)) },
    }
}

/// A value as the journal counts it: of one that is too long only the beginning.
pub fn leading(view: &View, page: &str, field: Field, counted: &[u8]) -> Cell {
    if counted.len() < store::LEADER_BYTES_MAX {
        return value(view, page, field, counted);
    }
    let shown = format!("{}…", Text(counted));
    let Some(text) = as_beginning(counted) else { return Cell { class: "value", ..text(shown) } };
    let wanted = Value::Name { text, is_open_before: false, is_open_behind: true };
    let include = view.with(field, wanted.clone()).url(page);
    let exclude = view.without(field, wanted).url(page);
    Cell { class: "value", holds: Holds::Value(shown, include, exclude, None) }
}

/// A name up to which nothing is asked but this: such a term stands without quotes, and a stranger
/// chose the name.
fn as_beginning(counted: &[u8]) -> Option<Vec<u8>> {
    let begins = str::from_utf8(counted).map_or_else(|error| error.valid_up_to(), str::len);
    // A character may have been cut.
    let text =
        str::from_utf8(counted.get(..begins)?).ok().filter(|_| counted.len() - begins < 4)?;
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '"' | '*');
    (!text.contains(is_special)).then(|| text.to_ascii_lowercase().into_bytes())
}

/// The same with all of the value.
pub fn whole(view: &View, page: &str, field: Field, value: &[u8]) -> Cell {
    let shown = Text(value).to_string();
    if value.len() > LINKED_MAX {
        return text(shown);
    }
    let Some(wanted) = wanted(field, value) else { return text(shown) };
    let include = view.with(field, wanted.clone()).url(page);
    let exclude = view.without(field, wanted).url(page);
    let why = matches!(field, Field::Client | Field::Account).then(|| why(&shown));
    Cell { class: "value", holds: Holds::Value(shown, include, exclude, why) }
}

/// The page of a subject's story.
pub fn why(subject: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("subject", subject);
    format!("/why?{}", query.finish())
}

/// A value as a term has it.
fn wanted(field: Field, value: &[u8]) -> Option<Value> {
    let parsed = str::from_utf8(value).ok();
    match field {
        Field::Client => {
            let text = parsed?;
            let network = text.parse().ok().map(event::Network::host);
            Some(Value::Network(network.or_else(|| text.parse().ok())?))
        }
        Field::Operator => Some(Value::Operator(parsed?.strip_prefix("AS")?.parse().ok()?)),
        Field::Country => Some(Value::Country(value.try_into().ok()?)),
        _ => Some(Value::name(value)),
    }
}

/// A bar for a terminal: what was allowed is light, what was not is full.
fn blocks(parts: &[u64; 3], top: u64) -> String {
    const WIDTH: u64 = 12;
    let cells = |events: u64| {
        let cells = (events * WIDTH).div_ceil(top.max(1)).min(WIDTH);
        usize::try_from(cells).unwrap_or(0)
    };
    let [allowed, deferred, blocked] = *parts;
    "░".repeat(cells(allowed)) + &"▒".repeat(cells(deferred)) + &"█".repeat(cells(blocked))
}

/// A bar of what was allowed, deferred and blocked.
fn bar_svg(parts: &[u64; 3], top: &u64) -> String {
    const WIDTH: u128 = 1_000;
    let top = u128::from((*top).max(1));
    let all: u64 = parts.iter().sum();
    let mut out = format!(
        "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 8\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\">",
        escaped(&format!(
            "{} events: {} allowed, {} deferred, {} blocked",
            count(all),
            count(parts[0]),
            count(parts[1]),
            count(parts[2])
        ))
    );
    let mut x = 0;
    for (part, class) in parts.iter().zip(["allowed", "deferred", "rejected"]) {
        // What is there is never nothing, nor behind the end.
        let width = (u128::from(*part) * WIDTH).div_ceil(top).min(WIDTH);
        if width > 0 {
            x = x.min(WIDTH - width);
            let _ = write!(
                out,
                "<rect class=\"o-{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"8\"/>"
            );
        }
        x += width;
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_hundred_thousand_is_seen_within_the_bar() {
        let places = |parts| {
            let drawn = bar_svg(&parts, &100_000);
            let number = |text: &str| text.split('"').next().unwrap().parse::<u32>().unwrap();
            let rect = |text: &str| (number(text), number(text.split("width=\"").nth(1).unwrap()));
            drawn.split(" x=\"").skip(1).map(rect).collect::<Vec<_>>()
        };
        assert_eq!(places([99_999, 0, 1]), [(0, 1_000), (999, 1)]);
        assert_eq!(places([50_000, 25_000, 0]), [(0, 500), (500, 250)]);
        assert_eq!(places([0, 0, 0]), []);
    }

    #[test]
    fn a_stacked_row_has_no_label_before_nothing() {
        let row = vec![text("198.51.100.7"), figure(String::new()), figure("5.0".to_owned())];
        let panel = Panel {
            id: "x",
            class: WIDE,
            title: "",
            aside: String::new(),
            more: None,
            head: heads(&["who", "#score", "#score"]),
            rows: vec![row],
            empty: "",
        };
        let html = panel.html();
        assert!(html.contains("<td><span class=\"foreign\">198.51.100.7"), "{html}");
        assert!(html.contains("data-head=\"score\"><span class=\"nothing\">"), "{html}");
        assert!(html.contains("data-head=\"score\"><span class=\"foreign\">5.0"), "{html}");
        let narrow = Panel { class: "", ..panel };
        assert!(!narrow.html().contains("data-head"));
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_is_no_link() {
        assert_eq!(beginning("\u{fc}ber".as_bytes(), 5), "\u{fc}ber");
        assert_eq!(beginning("a\u{fc}\u{fc}\u{fc}".as_bytes(), 4), "a\u{fc}…");
        assert_eq!(beginning("a\u{1f40d}\u{1f40d}".as_bytes(), 8), "a\u{1f40d}…");
        assert!(beginning(&[0x80; 9], 4).ends_with("\u{fffd}…"), "no character at all");
        let view = View::of("q=");
        let cell = |length: usize| value(&view, "/", Field::Account, &vec![b'x'; length]).holds;
        assert!(matches!(cell(VALUE_MAX), Holds::Value(..)));
        assert!(matches!(cell(VALUE_MAX + 1), Holds::Text(text) if text.ends_with("x…")));
        let counted = |bytes: &[u8]| match leading(&view, "/", Field::Account, bytes).holds {
            Holds::Value(_, include, ..) => include,
            _ => String::new(),
        };
        assert!(counted(&[b'x'; 159]).ends_with("xx"), "all of it");
        assert!(counted(&[b'x'; 160]).ends_with("xx*"), "and whatever stands behind it");
        let cut = [b"x".repeat(159), b"\xc3".to_vec()].concat();
        assert!(counted(&cut).ends_with("xx*"), "no half of a character");
        for hostile in ["a outcome:allowed ", "a,b", "\"", "*", "\u{a0}", "a\u{1b}"] {
            assert_eq!(
                counted(hostile.repeat(160).get(..160).unwrap().as_bytes()),
                "",
                "{hostile}"
            );
        }
        assert_eq!(counted(&[0xff; 160]), "", "no name at all");
        let one = |length: usize| whole(&view, "/", Field::Account, &vec![b'x'; length]).holds;
        assert!(matches!(one(LINKED_MAX), Holds::Value(text, ..) if text.len() == LINKED_MAX));
        assert!(matches!(one(64 << 10), Holds::Text(text) if text.len() == 64 << 10));
    }
}
