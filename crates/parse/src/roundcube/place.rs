//! Where the peer stands: behind the user name, before the headers, `NAME from ADDRESS (HEADERS)`.
//!
//! Both neighbours are a stranger's, and both can hold the words between them. So each place that
//! looks like the peer's is taken for possible. Where headers were sent, the peer is told only if
//! all these places agree. Where none were, nothing of a stranger's stands behind the peer, and
//! the last place is his.

use super::split_last;
use crate::scan;
use core::net::IpAddr;

/// What stands around the peer; nothing where it can be read in two ways.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub(super) client: Option<IpAddr>,
    /// The latest hop of the headers.
    pub(super) forwarded: Option<IpAddr>,
    pub(super) account: Option<&'a [u8]>,
}

/// A place that could be the peer's.
#[derive(Clone, Copy)]
struct Possible<'a> {
    /// Nobody where the web server says that it knows none.
    client: Option<IpAddr>,
    before: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Possible<'a> {
    /// ` (X-Real-IP: A,X-Forwarded-For: B)`; old releases write no blank.
    fn headers(&self) -> Option<&'a [u8]> {
        let behind = self.behind.strip_prefix(b" ").unwrap_or(self.behind);
        behind.strip_prefix(b"(").filter(|headers| headers.starts_with(b"X-"))
    }
}

const FROM: &[u8] = b" from ";

/// All places where an address stands behind `from`, a full stop behind it left out.
fn possible(text: &[u8]) -> impl Iterator<Item = Possible<'_>> {
    let mut searched = 0;
    core::iter::from_fn(move || {
        loop {
            let rest = text.get(searched..)?;
            let start = searched + scan::find(rest, FROM)?;
            searched = start + FROM.len();
            let behind = text.get(searched..)?;
            let (word, _) = scan::take_while(behind, |byte| !matches!(byte, b' ' | b'('));
            let bare = word.strip_suffix(b".").unwrap_or(word);
            let client = scan::address(bare);
            if client.is_some() || matches!(bare, b"" | b"unix:") {
                let (before, behind) = (text.get(..start)?, behind.get(bare.len()..)?);
                return Some(Possible { client, before, behind });
            }
        }
    })
}

/// Of places that all name one address, that one; and the place, if it is the only one.
fn agreed<'a>(
    mut places: impl Iterator<Item = Possible<'a>>,
) -> Option<(Option<IpAddr>, Option<Possible<'a>>)> {
    let first = places.next()?;
    let mut only = Some(first);
    for place in places {
        if place.client != first.client {
            return None;
        }
        only = None;
    }
    Some((first.client, only))
}

/// The end of `text`, `NAME from ADDRESS` or `NAME from ADDRESS (HEADERS)`. Where headers stand
/// before the end, too, the line may have been cut inside them.
pub(super) fn at_end(text: &[u8]) -> Place<'_> {
    let Some(inner) = text.strip_suffix(b")") else {
        let Some((name, place)) = split_last(text, FROM) else { return Place::default() };
        let client = scan::address(place);
        let headed = possible(name).filter(|place| place.headers().is_some());
        if headed.into_iter().any(|place| place.client != client) {
            return Place::default();
        }
        return Place { client, forwarded: None, account: Some(name) };
    };
    let places = possible(inner).filter(|place| place.headers().is_some());
    let Some((client, only)) = agreed(places) else { return Place::default() };
    Place {
        client,
        forwarded: only.and_then(|place| latest(place.headers()?)),
        account: only.map(|place| place.before),
    }
}

/// `NAME from ADDRESS. WHY` or `NAME from ADDRESS (HEADERS). WHY`; and why.
///
/// `WHY` is the IMAP server's word, which could repeat the name: then the last place is a
/// stranger's, but the same as one before the peer's. What does not end in `(POST URI)` was broken
/// by the name, or cut: of a name, this log has the small letters only.
pub(super) fn in_error(text: &[u8]) -> (Place<'_>, &[u8]) {
    let request = split_last(text, b" (").filter(|_| text.ends_with(b")")).map(|(_, end)| end);
    if !request.is_some_and(|request| request.starts_with(b"POST ")) {
        return Default::default();
    }
    let ends = |place: &Possible<'_>| place.behind.starts_with(b". ");
    let places = || possible(text).filter(|place| place.headers().is_some() || ends(place));
    if let Some((client, only)) = agreed(places()) {
        let headers = only.and_then(|place| place.headers());
        let forwarded = headers.and_then(|headers| latest(scan::split_once(headers, b")")?.0));
        let account = only.map(|place| place.before);
        let why = only.and_then(|place| place.behind.strip_prefix(b". "));
        let behind_headers = || scan::split_once(headers?, b"). ").map(|(_, why)| why);
        let place = Place { client, forwarded, account };
        return (place, why.or_else(behind_headers).unwrap_or_default());
    }
    let Some(last) = places().last() else { return Default::default() };
    let headed = places().any(|place| place.headers().is_some());
    let repeated = places().filter(|place| place.client == last.client).count() > 1;
    if headed || repeated {
        return Default::default();
    }
    let place = Place { client: last.client, forwarded: None, account: Some(last.before) };
    (place, last.behind.strip_prefix(b". ").unwrap_or_default())
}

/// The last hop in `X-Real-IP: A,X-Forwarded-For: B, C`.
fn latest(headers: &[u8]) -> Option<IpAddr> {
    let hop = headers.rsplit(|byte| *byte == b',').next()?.trim_ascii();
    let named = |name: &[u8]| hop.strip_prefix(name);
    let bare = named(b"X-Forwarded-For:").or_else(|| named(b"X-Real-IP:")).unwrap_or(hop);
    scan::address(bare.trim_ascii())
}
