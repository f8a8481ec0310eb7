//! Reasons in the words of common access control lists. They are the administrator's own, so the
//! best that can be done is to know the usual ones; the rest has the reason of its command.

use crate::scan;
use event::Reason;

/// False for a refusal that honest mail meets, too.
pub(super) fn counts(reason: Reason) -> bool {
    !matches!(reason, Reason::Greylisted | Reason::MailboxFull | Reason::TooLarge)
}

/// Why a recipient was refused.
pub(super) fn of_recipient(text: &[u8]) -> Reason {
    const UNKNOWN: [&[u8]; 9] = [
        b"unrouteable address",
        b"no such user",
        b"unknown user",
        b"user unknown",
        b"unknown recipient",
        b"no such recipient",
        b"no mailbox",
        b"does not exist",
        b"unknown local part",
    ];
    // The words of Exim's own example configuration, before anything is searched for.
    match text {
        b"relay not permitted" => return Reason::RelayDenied,
        b"Unrouteable address" | b"Unknown user" | b"unknown user" => {
            return Reason::RecipientUnknown;
        }
        b"Sender verify failed" => return Reason::SenderRejected,
        _ => {}
    }
    let says = |words: &[u8]| scan::contains_ignoring_case(text, words);
    if UNKNOWN.iter().any(|words| says(words)) {
        Reason::RecipientUnknown
    } else if says(b"relay") || says(b"authentication required") {
        Reason::RelayDenied
    } else if says(b"sender verif") || says(b"sender address") {
        Reason::SenderRejected
    } else if says(b"quota") || says(b"mailbox full") || says(b"mailbox is full") {
        Reason::MailboxFull
    } else {
        shared(text).unwrap_or(Reason::RecipientRejected)
    }
}

/// Why a sender was refused.
pub(super) fn of_sender(text: &[u8]) -> Reason {
    shared(text).unwrap_or(Reason::SenderRejected)
}

/// Why a HELO was refused.
pub(super) fn of_helo(text: &[u8]) -> Reason {
    shared(text).unwrap_or(Reason::HeloRejected)
}

/// Why a connection was refused.
pub(super) fn of_client(text: &[u8]) -> Reason {
    match scan::contains_ignoring_case(text, b"too many") {
        true => Reason::TooManyConnections,
        false => shared(text).unwrap_or(Reason::ClientRejected),
    }
}

/// Why a message was refused.
pub(super) fn of_message(text: &[u8]) -> Reason {
    let says = |words: &[u8]| scan::contains_ignoring_case(text, words);
    if says(b"too big") || says(b"too large") {
        return Reason::TooLarge;
    }
    shared(text).unwrap_or(Reason::ContentRejected)
}

fn shared(text: &[u8]) -> Option<Reason> {
    let says = |words: &[u8]| scan::contains_ignoring_case(text, words);
    let listed: [&[u8]; 8] = [
        b"is listed at",
        b"listed in",
        b"blacklist",
        b"blocklist",
        b"dnsbl",
        b"spamhaus",
        b"spamcop",
        b" rbl",
    ];
    if listed.iter().any(|words| says(words)) {
        Some(Reason::Blocklisted)
    } else if says(b"greylist") || says(b"graylist") {
        Some(Reason::Greylisted)
    } else if says(b"ratelimit") || says(b"rate limit") || says(b"sending rate") {
        Some(Reason::RateLimited)
    } else if says(b"helo") {
        Some(Reason::HeloRejected)
    } else if says(b"reverse dns") || says(b"rdns") || says(b"no ptr") {
        Some(Reason::ClientRejected)
    } else {
        None
    }
}
