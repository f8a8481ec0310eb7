//! The peer as Sendmail writes it: `cpe-41.isp.example [203.0.113.41] (may be forged)`.

use crate::scan;
use core::net::IpAddr;

/// Sendmail cuts the peer there; of a cut one, a part of the name could look like the address.
const CUT_AT: usize = 100;

/// The peer that `text` is, and nothing else. The name is the stranger's DNS.
pub(super) fn whole(text: &[u8]) -> Option<IpAddr> {
    if text.len() >= CUT_AT {
        return None;
    }
    let text = text.strip_suffix(b" (may be forged)").unwrap_or(text);
    let inner = text.strip_suffix(b"]")?;
    let (name, address) = inner.split_at_checked(scan::find_last(inner, b"[")?)?;
    // A name is one without brackets, or the address once more: all else is another line's text.
    let again = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"] "));
    let address = address.get(1..)?;
    let is_name =
        name.is_empty() || again == Some(address) || name.ends_with(b" ") && !name.contains(&b']');
    let address = address.strip_prefix(b"IPv6:").unwrap_or(address);
    is_name.then(|| scan::address(address)).flatten()
}

/// The peer between the start and `behind`, the words of the server that follow it, which may stand
/// there only once: a stranger's text is on the other side of them.
pub(super) fn before<'a>(text: &'a [u8], behind: &[u8]) -> Option<(Option<IpAddr>, &'a [u8])> {
    let (head, rest) = scan::split_once(text, behind)?;
    let client = whole(head).filter(|_| !scan::contains(rest, behind));
    Some((client, rest))
}

/// The peer that ends the line, behind the last `front`.
pub(super) fn last(text: &[u8], front: &[u8]) -> Option<IpAddr> {
    let at = scan::find_last(text, front)?;
    whole(text.get(at + front.len()..)?)
}
