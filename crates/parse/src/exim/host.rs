//! The peer, as Exim writes it everywhere: `name (helo) [address]:port`.
//!
//! A host name (checked forward) and a HELO have no space unless the administrator allows rubbish
//! (`helo_accept_junk_hosts`); then a HELO can hold `) [6.6.6.6]` and more. So the first address
//! is the peer only as long as no second `) [address]` follows, other than inside the quotes of a
//! mail address, where it cannot be the end of a HELO: see [`Peer::is_contradicted`].

use super::Line;
use super::envelope::mailbox;
use crate::scan::{self, address};
use core::net::IpAddr;
use event::{Event, Text};

/// A peer and what follows it.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    pub client: IpAddr,
    pub helo: Option<Text<'a>>,
    /// What follows, from the space or colon behind the address and port.
    pub rest: &'a [u8],
}

impl<'a> Peer<'a> {
    /// Reads a peer from the front.
    pub(super) fn read(text: &'a [u8]) -> Option<Peer<'a>> {
        named(text).or_else(|| with_helo(text)).or_else(|| bare(text, None))
    }

    /// Fills in who it was, or nobody where the rest of the line contradicts.
    #[inline]
    pub(super) fn on(&self, event: Event<'a>) -> Event<'a> {
        if self.is_contradicted() {
            return Event { account: None, ..event };
        }
        Event { client: Some(self.client), helo: self.helo, ..event }
    }

    /// True where the line holds a second `) [address]` behind which it could go on: that could be
    /// the real peer, behind a HELO that copies a line. The other way to get one is a user name
    /// that copies a line, and that guesses at no real account.
    fn is_contradicted(&self) -> bool {
        self.helo.is_some() && is_contradicted(self.rest)
    }

    /// Skips what Exim adds about the connection: interface, ident, cipher, certificate, SNI.
    pub(super) fn behind_details(&self) -> &'a [u8] {
        let mut rest = self.rest;
        // Each detail comes once; a bound keeps a line of nothing but these short.
        for _ in 0..10 {
            let next = rest
                .strip_prefix(b" DN=\"")
                .and_then(|inner| scan::split_once(inner, b"\""))
                .map(|(_, behind)| behind)
                .or_else(|| behind_word(rest));
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest
    }
}

fn behind_word(rest: &[u8]) -> Option<&[u8]> {
    const WORDS: [&[u8]; 8] =
        [b" I=[", b" U=", b" Ci=", b" X=", b" CV=", b" SNI=", b" TFO", b" DS"];
    WORDS.iter().find(|word| rest.starts_with(word))?;
    let inner = rest.get(1..)?;
    let end = scan::find_byte(inner, b' ').unwrap_or(inner.len());
    // `I=[192.0.2.10]:587: 535 ...`: the last colon belongs to what follows.
    let end = if inner.get(..end)?.ends_with(b":") { end - 1 } else { end };
    inner.get(end..)
}

/// `[address]` or `[address]:port`, and a space, a colon or the end behind it.
fn bare<'a>(text: &'a [u8], helo: Option<Text<'a>>) -> Option<Peer<'a>> {
    let inner = text.strip_prefix(b"[")?;
    let close = inner.iter().take(48).position(|byte| *byte == b']')?;
    let client = address(inner.get(..close)?)?;
    let behind = inner.get(close + 1..)?;
    let rest = match behind.strip_prefix(b":") {
        Some(port) => {
            let (digits, rest) = scan::take_while(port, |byte| byte.is_ascii_digit());
            if digits.is_empty() { behind } else { rest }
        }
        None => behind,
    };
    matches!(rest.first(), None | Some(b' ' | b':' | b'\n')).then_some(Peer { client, helo, rest })
}

/// `(helo) [address]`: the first place where a HELO can end.
fn with_helo(text: &[u8]) -> Option<Peer<'_>> {
    let inner = text.strip_prefix(b"(")?;
    let mut from = 0;
    loop {
        let at = from + scan::find(inner.get(from..)?, b") [")?;
        let helo = Text(inner.get(..at)?);
        if let Some(peer) = bare(inner.get(at + 2..)?, Some(helo)) {
            return Some(peer);
        }
        from = at + 1;
    }
}

/// `name [address]` or `name (helo) [address]`. A reverse name may look like `[6.6.6.6]`.
fn named(text: &[u8]) -> Option<Peer<'_>> {
    if matches!(text.first()?, b'(' | b' ') {
        return None;
    }
    let (_, rest) = scan::word(text);
    match rest.first()? {
        b'[' => bare(rest, None),
        b'(' => with_helo(rest).filter(|peer| {
            // `[192.0.2.1] (TCP/IP connection count = 2)` has no HELO.
            !text.starts_with(b"[") || peer.helo.is_some_and(|helo| !helo.bytes().contains(&b' '))
        }),
        _ => None,
    }
}

/// So often a line is looked through again; what needs more is not decidable.
const LOOKS_MAX: usize = 16;

/// See [`Peer::is_contradicted`].
fn is_contradicted(rest: &[u8]) -> bool {
    let (mut from, mut seconds) = (0, 0);
    while let Some(step) = rest.get(from..).and_then(|rest| scan::find(rest, b") [")) {
        let at = from + step;
        let second = rest.get(at + 2..).and_then(|rest| bare(rest, None));
        if second.is_some_and(|second| goes_on(second.behind_details())) {
            seconds += 1;
            if seconds == LOOKS_MAX || !is_in_quoted_mailbox(rest, at) {
                return true;
            }
        }
        from = at + 1;
    }
    false
}

/// True where any `) [address]` follows.
fn has_second(rest: &[u8]) -> bool {
    let mut from = 0;
    while let Some(step) = rest.get(from..).and_then(|rest| scan::find(rest, b") [")) {
        from += step + 1;
        if rest.get(from + 1..).and_then(|rest| bare(rest, None)).is_some() {
            return true;
        }
    }
    false
}

/// True where a line can go on like this behind its peer.
fn goes_on(rest: &[u8]) -> bool {
    const WORDS: [&[u8]; 20] = [
        b" F=<",
        b" rejected ",
        b" temporarily rejected ",
        b" sender verify ",
        b" Warning: ",
        b" incomplete transaction",
        b" dropped",
        b" input=",
        b" next input=",
        b" closed",
        b" lost",
        b" refused",
        b" D=",
        b" P=",
        b" S=",
        b" (",
        b": message too big",
        b": syntactically invalid",
        b": no HELO",
        b": not in reserve list",
    ];
    match rest.strip_prefix(b": ").and_then(|answer| answer.first()) {
        Some(first) if first.is_ascii_digit() => true,
        _ => WORDS.iter().any(|words| rest.starts_with(words)),
    }
}

/// True where the byte at `at` is inside `<"...">` of a whole mail address that begins before it.
/// Both readings of such a line cannot be whole: of the quotes, one would be left over.
fn is_in_quoted_mailbox(rest: &[u8], at: usize) -> bool {
    let mut from = 0;
    for _ in 0..LOOKS_MAX {
        let Some(step) = rest.get(from..at).and_then(|rest| scan::find(rest, b"<")) else {
            return false;
        };
        let open = from + step + 1;
        let Some((inside, _)) = rest.get(open..).and_then(mailbox) else {
            from = open;
            continue;
        };
        let end = open + inside.len();
        if at < end {
            return inside.starts_with(b"\"");
        }
        from = end;
    }
    false
}

/// The one peer of a line that may have copies of one in a stranger's text on both sides:
/// `None` where none or more than one stands behind `marker`, or where the line was cut.
pub(super) fn only<'a>(
    line: &Line<'a>,
    text: &'a [u8],
    marker: &[u8],
) -> Option<(&'a [u8], Peer<'a>)> {
    if line.is_cut {
        return None;
    }
    let mut found = None;
    let mut from = 0;
    while let Some(step) = text.get(from..).and_then(|text| scan::find(text, marker)) {
        let at = from + step;
        if let Some(peer) = text.get(at + marker.len()..).and_then(Peer::read) {
            let may_be_helo = peer.helo.is_some() && has_second(peer.rest);
            if found.is_some() || may_be_helo {
                return None;
            }
            found = Some((text.get(..at)?, peer));
        }
        from = at + 1;
    }
    found
}
