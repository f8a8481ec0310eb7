//! What is looked at: a range of time and terms. It is the URL, so every view has a permalink.
//!
//! `last=24h` or `from=` and `until=` (RFC 3339, or seconds since 1970), and `q=` in the language
//! of [`store::terms`]. Without `q` everything but what was allowed is looked at; an empty `q` asks
//! for all.

use event::Timestamp;
use form_urlencoded::Serializer;
use store::terms::{Field, Term, TermError, Value, parse, text};

/// Ranges offered by name, and their lengths in seconds.
pub const RANGES: [(&str, i64); 7] = [
    ("15m", 900),
    ("1h", 3600),
    ("6h", 6 * 3600),
    ("24h", 86_400),
    ("7d", 7 * 86_400),
    ("30d", 30 * 86_400),
    ("90d", 90 * 86_400),
];
/// The range of a view that names none.
const RANGE: &str = "24h";

/// A span of time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Range {
    /// The last so many seconds, by its name in [`RANGES`].
    Last(&'static str, i64),
    /// From, until (excluded).
    Fixed(Timestamp, Timestamp),
}

/// What a page shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// When.
    pub range: Range,
    /// All of these must hold.
    pub terms: Vec<Term>,
    /// What could not be understood, as it was written, and why: the rest is shown without it.
    pub trouble: Option<(String, TermError)>,
}

impl View {
    /// From a URL's query.
    pub fn of(query: &str) -> View {
        let (mut last, mut from, mut until, mut terms) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "last" => last = RANGES.into_iter().find(|(known, _)| *known == value),
                "from" => from = time(&value),
                "until" => until = time(&value),
                "q" => terms = Some(value.into_owned()),
                _ => {}
            }
        }
        let fixed = from.zip(until).filter(|(from, until)| from < until);
        let range = match (fixed, last) {
            (Some((from, until)), _) => Range::Fixed(from, until),
            (None, Some((name, seconds))) => Range::Last(name, seconds),
            (None, None) => Range::Last(RANGE, 86_400),
        };
        let Some(written) = terms else {
            return View { range, terms: Self::all_but_allowed(), trouble: None };
        };
        match parse(&written) {
            Ok(terms) => View { range, terms, trouble: None },
            Err(error) => View { range, terms: Vec::new(), trouble: Some((written, error)) },
        }
    }

    /// The terms of a view that names none.
    pub fn all_but_allowed() -> Vec<Term> {
        vec![Term::of(Field::Outcome, Value::Word("allowed"), true)]
    }

    /// The URL of this view on a page.
    pub fn url(&self, page: &str) -> String {
        format!("{page}?{}", self.query())
    }

    /// This view as a URL has it behind the page: always the same for the same view.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        match &self.range {
            Range::Last(name, _) => query.append_pair("last", name),
            Range::Fixed(from, until) => query
                .append_pair("from", &from.to_string())
                .append_pair("until", &until.to_string()),
        };
        if let Some((written, _)) = &self.trouble {
            query.append_pair("q", written);
        } else {
            query.append_pair("q", &self.text());
        }
        query.finish()
    }

    /// The terms, as a person writes them.
    pub fn text(&self) -> String {
        match &self.trouble {
            Some((written, _)) => written.clone(),
            None => text(&self.terms),
        }
    }

    /// The same with another range.
    pub fn during(&self, range: Range) -> View {
        View { range, ..self.clone() }
    }

    /// Only what has this value: in place of another value of that field that was included.
    pub fn with(&self, field: Field, value: Value) -> View {
        let mut view = self.clone();
        view.terms.retain(|term| term.field != field || term.is_excluded);
        for term in view.terms.iter_mut().filter(|term| term.field == field) {
            term.values.retain(|excluded| *excluded != value);
        }
        view.terms.retain(|term| !term.values.is_empty());
        view.terms.push(Term::of(field, value, false));
        view
    }

    /// Only what has not this value.
    pub fn without(&self, field: Field, value: Value) -> View {
        let mut view = self.clone();
        for term in view.terms.iter_mut().filter(|term| term.field == field && !term.is_excluded) {
            term.values.retain(|included| *included != value);
        }
        view.terms.retain(|term| !term.values.is_empty());
        let excluded = view.terms.iter_mut().find(|term| term.field == field && term.is_excluded);
        match excluded {
            Some(term) if term.values.contains(&value) => {}
            Some(term) => term.values.push(value),
            None => view.terms.push(Term::of(field, value, true)),
        }
        view
    }

    /// The same without one of its terms.
    pub fn dropping(&self, place: usize) -> View {
        let mut view = self.clone();
        if place < view.terms.len() {
            view.terms.remove(place);
        }
        view
    }

    /// The same with a term turned round: included instead of excluded.
    pub fn turning(&self, place: usize) -> View {
        let mut view = self.clone();
        if let Some(term) = view.terms.get_mut(place) {
            term.is_excluded = !term.is_excluded;
        }
        view
    }

    /// From, until: as of now.
    pub fn span(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        match self.range {
            // What happens in this very second belongs to it.
            Range::Last(_, seconds) => (now.plus_seconds(-seconds), now.plus_seconds(1)),
            Range::Fixed(from, until) => (from, until),
        }
    }
}

/// RFC 3339, or seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let is_sane = seconds.is_finite() && seconds.abs() < 1e11;
        return is_sane.then(|| Timestamp::from_seconds(seconds as i64));
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &'static str) -> Value {
        Value::Word(word)
    }

    #[test]
    fn the_url_is_the_view() {
        for query in [
            "last=1h&q=outcome%21%3Dallowed",
            "last=24h&q=",
            "from=2026-11-20T00%3A00%3A00.000000Z&until=2026-11-21T00%3A00%3A00.000000Z&q=",
            "last=7d&q=account%3A%22a+%26+b%22+client%3A198.51.100.0%2F24",
            "last=7d&q=acount%3Abob",
        ] {
            assert_eq!(View::of(query).url("/events"), format!("/events?{query}"));
        }
        assert_eq!(View::of("").text(), "outcome!=allowed");
        assert_eq!(View::of("").range, Range::Last("24h", 86_400));
        assert_eq!(View::of("q=").terms, []);
        assert!(View::of("last=1h&q=acount%3Abob").trouble.is_some());
        for query in
            ["from=5&until=4", "from=x&until=9", "last=9y", "%ff=%00", "from=1e300&until=2e300"]
        {
            assert_eq!(View::of(query), View::of(""), "{query}");
        }
        let fixed = View::of("from=1795132800&until=1795132860").range;
        assert_eq!(
            fixed,
            Range::Fixed(
                Timestamp::from_seconds(1_795_132_800),
                Timestamp::from_seconds(1_795_132_860)
            )
        );
    }

    #[test]
    fn excluding_is_as_easy_as_including() {
        let view = View::of("");
        let rejected = view.with(Field::Outcome, word("rejected"));
        assert_eq!(rejected.text(), "outcome!=allowed outcome:rejected");
        let dropped = rejected.with(Field::Outcome, word("dropped"));
        assert_eq!(dropped.text(), "outcome!=allowed outcome:dropped");
        let none = dropped.without(Field::Outcome, word("dropped"));
        assert_eq!(none.text(), "outcome!=allowed,dropped");
        assert_eq!(none.without(Field::Outcome, word("dropped")), none);
        assert_eq!(
            none.with(Field::Outcome, word("dropped")).text(),
            "outcome!=allowed outcome:dropped"
        );
        assert_eq!(view.with(Field::Outcome, word("allowed")).text(), "outcome:allowed");
        assert_eq!(none.turning(0).text(), "outcome:allowed,dropped");
        assert_eq!(none.dropping(0).dropping(7).text(), "");
    }
}
