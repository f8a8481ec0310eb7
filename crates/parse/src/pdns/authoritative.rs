//! The Authoritative Server's lines.

use super::name_and_type;
use crate::dns::{self, Writer};
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Text};

/// `None` where the line is none of these.
pub(super) fn said<'a>(writer: &Writer<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let bare = text.strip_prefix(b"TCP ").unwrap_or(text);
    if let Some(rest) = bare.strip_prefix(b"Remote ") {
        let (place, rest) = dns::whole_word(rest)?;
        return wants(writer, address(place), rest);
    }
    if let Some(rest) = text.strip_prefix(b"Received a malformed qdomain from ") {
        // The query has a line of its own.
        let _ = rest;
        return Some(Parsed::Noise("answer"));
    }
    let (kind, rest) = text.split_at_checked(4).filter(|(kind, _)| kind.ends_with(b"XFR"))?;
    let rest = rest.strip_prefix(b"-out zone '")?;
    Some(transfer(writer, kind, rest))
}

/// `203.0.113.66`, and behind an arrow the network for which it asks.
fn address(place: &[u8]) -> Option<IpAddr> {
    scan::address(scan::split_once(place, b"<-").map_or(place, |(peer, _)| peer))
}

/// `wants 'example.com|MX', do = 0, bufsize = 512: packetcache MISS`. A name has no blanks.
fn wants<'a>(writer: &Writer<'a>, client: Option<IpAddr>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let asked = rest.strip_prefix(b"wants '")?;
    let (asked, _) = scan::split_once(asked, b"', do = ").unwrap_or((b"", b""));
    let (name, kind) = name_and_type(asked).unwrap_or((b"", b""));
    Some(Parsed::Event(writer.query(client, name, kind)))
}

/// `example.com', client '203.0.113.66:35739', denied: client IP has no permission`; the zone is a
/// stranger's, and what follows is not.
fn transfer<'a>(writer: &Writer<'a>, kind: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
    const CLIENT: &[u8] = b"', client '";
    let Some((zone, rest)) = scan::find_last(rest, CLIENT).and_then(|at| rest.split_at_checked(at))
    else {
        return Parsed::Unknown;
    };
    let place = rest.get(CLIENT.len()..).unwrap_or_default();
    let Some((place, what)) = scan::split_once(place, b"', ") else { return Parsed::Unknown };
    if !what.starts_with(b"denied: ") {
        return Parsed::Noise("zone-transfer");
    }
    let client = match dns::endpoint(place, b':') {
        Some((client, b"")) => Some(client),
        _ => scan::address(place),
    };
    let event = writer.refused(client, zone, kind);
    Parsed::Event(Event { detail: Some(Text(what)), ..event })
}

/// `Remote 2001` and `db8::66 wants ...`: of a line without host and program, an IPv6 address was
/// cut at its first colon.
pub(super) fn split_remote<'a>(
    writer: &Writer<'a>,
    head: &'a [u8],
    message: &'a [u8],
) -> Parsed<'a> {
    let Some((tail, rest)) = dns::whole_word(message) else { return Parsed::Unknown };
    let tail = scan::split_once(tail, b"<-").map_or(tail, |(peer, _)| peer);
    wants(writer, joined(head, tail), rest).unwrap_or(Parsed::Unknown)
}

fn joined(head: &[u8], tail: &[u8]) -> Option<IpAddr> {
    let mut text = [0; 64];
    let end = head.len() + 1 + tail.len();
    let place = text.get_mut(..end)?;
    place.get_mut(..head.len())?.copy_from_slice(head);
    *place.get_mut(head.len())? = b':';
    place.get_mut(head.len() + 1..)?.copy_from_slice(tail);
    scan::address(place)
}
