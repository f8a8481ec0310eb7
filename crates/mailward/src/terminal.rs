//! What people see: tables that fit, colours that respect `NO_COLOR`, times in the reader's zone.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use event::{Length, Timestamp};
use jiff::tz::TimeZone;
use std::io::IsTerminal;

/// How to write to one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    colour: bool,
    width: Option<u16>,
}

/// A colour with a meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Somebody should look.
    Warning,
    /// It hurts.
    Bad,
    /// Less important than what stands beside it.
    Dim,
    /// A heading.
    Strong,
}

impl Style {
    /// For standard output.
    pub fn stdout() -> Self {
        Style::of(std::io::stdout().is_terminal(), || {
            rustix::termios::tcgetwinsize(std::io::stdout())
        })
    }

    /// For no terminal: neither colour nor a width.
    pub const fn plain() -> Self {
        Style { colour: false, width: None }
    }

    /// The terminal's width in columns, where it is one.
    pub fn columns(self) -> Option<usize> {
        self.width.map(usize::from)
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Style::of(std::io::stderr().is_terminal(), || {
            rustix::termios::tcgetwinsize(std::io::stderr())
        })
    }

    fn of(terminal: bool, size: impl Fn() -> rustix::io::Result<rustix::termios::Winsize>) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = if terminal { size().ok().map(|size| size.ws_col) } else { None };
        Style { colour: terminal && !no_colour && !dumb, width: width.filter(|width| *width > 0) }
    }

    /// `text` in a tone, where the stream shows colours.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A table as wide as the terminal at most; unlimited where the output is no terminal. On a
    /// terminal too narrow for a number or a word of it, a row is a few lines.
    pub fn table(self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let rows: Vec<Vec<String>> = rows.into_iter().collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header.iter().map(Cell::new));
        if let Some(width) = self.width {
            let least = least_widths(header, &rows);
            if least.iter().sum::<u16>() > width {
                return blocks(header, &rows);
            }
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            table.set_constraints(
                least.into_iter().map(|least| ColumnConstraint::LowerBoundary(Width::Fixed(least))),
            );
        }
        let numbers: Vec<bool> =
            (0..header.len()).map(|column| is_of_numbers(&rows, column)).collect();
        table.add_rows(rows);
        for (column, _) in table.column_iter_mut().zip(numbers).filter(|(_, is_right)| *is_right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// Columns of the terminal; `None` where the output is none.
    pub const fn width(self) -> Option<u16> {
        self.width
    }

    /// True where a person watches.
    pub const fn is_terminal(self) -> bool {
        self.width.is_some()
    }
}

/// True for a column of numbers, which stand below each other by their last digit.
fn is_of_numbers(rows: &[Vec<String>], column: usize) -> bool {
    // One point at most: an address is none.
    let is_number = |cell: &String| {
        let digits = cell.trim_end_matches('+');
        let is_part = |byte: u8| byte.is_ascii_digit() || b" .".contains(&byte);
        !digits.is_empty() && digits.bytes().all(is_part) && digits.matches('.').count() < 2
    };
    !rows.is_empty() && rows.iter().filter_map(|row| row.get(column)).all(is_number)
}

/// How wide each column must be so that no number and no common word in it is cut; with the blanks
/// beside it.
fn least_widths(header: &[&str], rows: &[Vec<String>]) -> Vec<u16> {
    // Paths and names of strangers may be cut.
    const WORD_MAX: usize = 16;
    let least = |cell: &str| {
        let is_number = cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
        let words = cell.split(' ').map(|word| word.chars().count().min(WORD_MAX));
        if is_number { cell.len() } else { words.max().unwrap_or(0) }
    };
    let column = |(number, title): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(number)).map(|cell| least(cell));
        u16::try_from(cells.chain([least(title)]).max().unwrap_or(0) + 2).unwrap_or(u16::MAX)
    };
    header.iter().enumerate().map(column).collect()
}

/// A row as its first cell, and below a line for each other.
fn blocks(header: &[&str], rows: &[Vec<String>]) -> String {
    let widest = header.iter().skip(1).map(|title| title.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!(" {}\n", row.first().map_or("", String::as_str)));
        for (title, cell) in header.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            text.push_str(&format!("   {title:<widest$}  {cell}\n"));
        }
    }
    text
}

/// A time in the reader's zone, to the second: `2026-11-21 17:02:10 CET`.
pub fn local(at: Timestamp) -> String {
    zoned(at, &TimeZone::system())
}

/// A time in the reader's zone in few words, where the year and the zone stand elsewhere:
/// `11-21 17:02:10`.
pub fn short_local(at: Timestamp) -> String {
    formed(at, &TimeZone::system(), "%m-%d %H:%M:%S")
}

/// A time of a JSON form.
pub fn time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(at.as_microsecond()))
}

/// A time of a JSON form, in the reader's zone.
pub fn local_of(text: &str) -> String {
    time(text).map_or_else(|| text.to_owned(), local)
}

/// How long something holds from now on.
pub fn still(until: Option<Timestamp>, now: Timestamp) -> String {
    until.map_or_else(
        || "until lifted".to_owned(),
        |until| Length(until.seconds() - now.seconds()).to_string(),
    )
}

fn zoned(at: Timestamp, zone: &TimeZone) -> String {
    formed(at, zone, "%Y-%m-%d %H:%M:%S %Z")
}

fn formed(at: Timestamp, zone: &TimeZone, form: &str) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(stamp) => stamp.to_zoned(zone.clone()).strftime(form).to_string(),
        Err(_) => at.to_string(),
    }
}

/// A text in lines of at most `width` characters, where its words allow it.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// A number with thousands separated: `1 299 020`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A few things by their name: `1 ban`, `2 bans`.
pub fn things(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A size for people.
pub fn bytes(size: u64) -> String {
    match size {
        0..10_000 => format!("{size} B"),
        10_000..10_000_000 => format!("{} kB", size / 1_000),
        10_000_000..10_000_000_000 => format!("{} MB", size / 1_000_000),
        _ => format!("{} GB", size / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_299_020), "1 299 020");
        assert_eq!(bytes(154_000_000), "154 MB");
    }

    #[test]
    fn times_in_the_readers_zone() {
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let at = Timestamp(1_795_276_930_000_000);
        assert_eq!(zoned(at, &zone), "2026-11-21 17:02:10 CET");
    }

    #[test]
    fn a_table_cuts_no_number_and_fits_where_it_can() {
        let header = ["server", "events", "what it is"];
        let row = || ["postfix", "14 257", "a program that takes letters"].map(str::to_owned);
        let table = |width| Style { colour: false, width }.table(&header, [row().to_vec()]);
        for width in [28, 40, 80, 200] {
            let shown = table(Some(width));
            assert!(shown.contains("14 257") && shown.contains("postfix "), "{width}: {shown}");
            assert!(shown.lines().all(|line| line.chars().count() <= width.into()), "{shown}");
            assert!(shown.starts_with(" server "), "{shown}");
        }
        let narrow =
            " postfix\n   events      14 257\n   what it is  a program that takes letters\n";
        assert_eq!(table(Some(20)), narrow);
        assert_eq!(table(None).lines().count(), 2);
    }

    #[test]
    fn numbers_stand_below_each_other_and_addresses_do_not() {
        let rows = [["192.0.2.1", "14 257", "9.5"], ["192.0.2.10", "7", "10.0"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let shown = Style { colour: false, width: None }.table(&["who", "events", "score"], rows);
        let expected =
            " who         events  score\n 192.0.2.1   14 257    9.5\n 192.0.2.10       7   10.0\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn lines_break_between_words_only() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("a-very-long-word b", 4), "a-very-long-word\nb");
        assert_eq!(wrapped("", 4), "");
    }

    #[test]
    fn no_colour_without_a_terminal() {
        let style = Style { colour: false, width: None };
        assert_eq!(style.paint(Tone::Bad, "x"), "x");
    }
}
