//! The keys of a line and their values: `localPort = 25, to = ["a@b.test"], details = some words`.

use crate::scan;

/// Where a text is whole, a late address is, too: a longer line may have been cut on its way, and
/// end inside one.
const WHOLE_MAX: usize = 2000;

/// What a line says, by key.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys<'a> {
    pub listener: Option<&'a [u8]>,
    pub port: Option<&'a [u8]>,
    /// The address among the connection's own keys.
    pub peer: Option<&'a [u8]>,
    /// An address behind them, where there is one only, and all before it was read.
    pub told: Option<&'a [u8]>,
    pub account: Option<&'a [u8]>,
    pub from: Option<&'a [u8]>,
    pub to: Option<&'a [u8]>,
    /// How many recipients a list has.
    pub recipients: u32,
    pub domain: Option<&'a [u8]>,
    pub queue_id: Option<&'a [u8]>,
    pub code: Option<&'a [u8]>,
    pub result: Option<&'a [u8]>,
    pub details: Option<&'a [u8]>,
    pub path: Option<&'a [u8]>,
}

/// A value: what stands between quotes, between brackets, or bare.
#[derive(Clone, Copy)]
enum Value<'a> {
    Quoted(&'a [u8]),
    List(&'a [u8]),
    Bare(&'a [u8]),
}

impl<'a> Keys<'a> {
    /// Reads keys from the front, as far as they can be read.
    pub(super) fn read(line: &'a [u8]) -> Self {
        let mut keys = Keys::default();
        let mut late = 0;
        // True as long as no more than the connection's own keys stand before.
        let mut front = true;
        let mut rest = line;
        while !rest.is_empty() {
            let Some((key, value, behind)) = pair(rest) else {
                keys.told = None;
                break;
            };
            match (key, value) {
                (b"remoteIp", Value::Bare(place)) if front && keys.peer.is_none() => {
                    // Of a cut line, the address could be another's.
                    keys.peer = (!behind.is_empty()).then_some(place);
                }
                (b"remoteIp", Value::Bare(place)) => {
                    late += 1;
                    let whole = !behind.is_empty() || line.len() < WHOLE_MAX;
                    keys.told = (late == 1 && whole).then_some(place);
                }
                _ => keys.set(key, value),
            }
            // The connection's port stands behind its address.
            front &= matches!(key, b"listenerId" | b"localPort" | b"localIp");
            rest = behind;
        }
        // A connection's port without its address: a release that escapes quotes.
        let escapes = keys.port.is_some() && keys.peer.is_none();
        keys.told = keys.told.filter(|_| escapes || keys.peer.is_some());
        keys
    }

    fn set(&mut self, key: &[u8], value: Value<'a>) {
        let text = match value {
            Value::Quoted(text) | Value::Bare(text) => Some(text),
            Value::List(_) => None,
        };
        match key {
            b"listenerId" => self.listener = self.listener.or(text),
            b"localPort" => self.port = self.port.or(text),
            b"accountName" => self.account = self.account.or(text),
            b"from" => self.from = text,
            b"to" => self.recipients(value),
            b"domain" => self.domain = text,
            b"queueId" => self.queue_id = self.queue_id.or(text),
            b"code" => self.code = text,
            b"result" => self.result = text,
            b"details" | b"reason" => self.details = self.details.or(text),
            b"path" => self.path = text,
            _ => {}
        }
    }

    /// One address, or a list of them. Where a line has both, the last is the line's own.
    fn recipients(&mut self, value: Value<'a>) {
        let (to, count) = match value {
            Value::Quoted(text) | Value::Bare(text) => (Some(text), 0),
            Value::List(list) => {
                let (first, count) = addresses(list);
                (first.filter(|_| count == 1), count)
            }
        };
        (self.to, self.recipients) = (to, count);
    }
}

/// The first of `"a@b.test", "c@d.test"`, and how many there are.
fn addresses(list: &[u8]) -> (Option<&[u8]>, u32) {
    let (mut first, mut count, mut rest) = (None, 0, list);
    while let Some((text, behind)) = rest.strip_prefix(b"\"").and_then(quoted) {
        first = first.or(Some(text));
        count += 1;
        rest = behind.strip_prefix(b", ").unwrap_or_default();
    }
    (first, count)
}

/// `key = value`, and what stands behind the comma.
fn pair(rest: &[u8]) -> Option<(&[u8], Value<'_>, &[u8])> {
    let (key, rest) = key(rest)?;
    let (value, rest) = match rest.first() {
        Some(b'"') => {
            let (text, rest) = quoted(rest.get(1..)?)?;
            (Value::Quoted(text), rest)
        }
        Some(b'[') => {
            let (list, rest) = list(rest.get(1..)?)?;
            (Value::List(list), rest)
        }
        _ => {
            let (text, rest) = bare(rest)?;
            (Value::Bare(text), rest)
        }
    };
    if rest.is_empty() {
        return Some((key, value, rest));
    }
    // A quote that a stranger wrote has something else behind it.
    let behind = rest.strip_prefix(b", ")?;
    self::key(behind).map(|_| (key, value, behind))
}

/// `localPort = `, with or without colours.
fn key(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = scan::take_while(uncolored(rest), |byte| byte.is_ascii_alphanumeric());
    let value = uncolored(rest).strip_prefix(b" = ")?;
    (!key.is_empty()).then_some((key, value))
}

/// Up to the first quote without a backslash before it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let was_escaped = escaped;
        escaped = *byte == b'\\' && !was_escaped;
        *byte == b'"' && !was_escaped
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Up to the bracket that no quoted text holds.
fn list(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = text;
    loop {
        let at = scan::find_near(rest, *b"\"]")?;
        if rest.get(at) == Some(&b']') {
            let end = text.len() - rest.len() + at;
            return Some((text.get(..end)?, text.get(end + 1..)?));
        }
        rest = quoted(rest.get(at + 1..)?)?.1;
    }
}

/// Words without quotes, which are the server's own. An event inside the event has keys of its own,
/// between braces: behind it nothing is read.
fn bare(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let Some(step) = scan::find(text.get(from..)?, b", ") else {
            let whole = !scan::contains(text, b" { ");
            return whole.then_some((text, b"".as_slice()));
        };
        let at = from + step;
        if key(text.get(at + 2..)?).is_some() {
            let (value, rest) = text.split_at_checked(at)?;
            return (!scan::contains(value, b" { ")).then_some((value, rest));
        }
        from = at + 2;
    }
}

/// Skips a colour, `ESC [32;1m`.
pub(super) fn uncolored(text: &[u8]) -> &[u8] {
    let behind = || {
        let inner = text.strip_prefix(b"\x1b[")?;
        let (_, rest) = scan::take_while(inner, |byte| byte.is_ascii_digit() || byte == b';');
        rest.strip_prefix(b"m")
    };
    behind().unwrap_or(text)
}
