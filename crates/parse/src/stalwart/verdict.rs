//! What the name of an event says.

use super::Line;
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

/// `None` where the event says nothing of a client, an account or a message.
pub(super) fn of<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (part, what) = parts(line.name)?;
    match part {
        b"auth" => login(line, what),
        b"security" => security(line, what),
        b"smtp" => smtp(line, what),
        b"queue" => queue(line, what),
        b"delivery" => delivery(line, what),
        b"limit" => limit(line, what),
        b"imap" | b"pop3" | b"manage-sieve" | b"http" => connection(line, what),
        b"tls" => match what {
            b"handshake" => Some(line.event(Kind::Tls, Outcome::Allowed)),
            b"handshake-error" => {
                Some(line.refusal(Kind::Tls, Outcome::Rejected, Reason::TlsFailed, false))
            }
            _ => None,
        },
        b"network" if what == b"timeout" => {
            Some(line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::Timeout, false))
        }
        b"milter" | b"mta-hook" | b"sieve" => filtered(line, what),
        b"spam" if what == b"classify" => classified(line),
        b"message-ingest" if what == b"spam" => {
            let event = line.event(Kind::Delivery, Outcome::Allowed);
            Some(Event { reason: Some(Reason::Spam), ..event })
        }
        _ => None,
    }
}

fn parts(name: &[u8]) -> Option<(&[u8], &[u8])> {
    crate::scan::split_once(name, b".")
}

/// A name for each kind of event that is none here; `None` for kinds that no release seen has.
pub(super) fn noise(name: &[u8]) -> Option<&'static str> {
    Some(match parts(name)? {
        (_, b"raw-input" | b"raw-output" | b"request-body" | b"response-body") => "debug",
        (b"auth" | b"security", _) => "lifecycle",
        (b"imap" | b"pop3" | b"manage-sieve" | b"jmap" | b"web-dav", _) => "session-detail",
        (b"smtp", _) => "session-detail",
        (b"http", _) => "http-request",
        (b"delivery", _) => "outgoing",
        (b"queue", _) => "queue",
        (b"server" | b"housekeeper" | b"cluster" | b"network", _) => "lifecycle",
        (b"config" | b"registry" | b"manage" | b"tls" | b"acme" | b"dns", _) => "configuration",
        (b"store" | b"purge" | b"cache" | b"task-queue" | b"task-manager" | b"eval", _) => "debug",
        (b"resource" | b"ai" | b"telemetry" | b"limit" | b"push-subscription", _) => "warning",
        (b"calendar" | b"message-ingest" | b"scim" | b"migration", _) => "mailbox-detail",
        (b"milter" | b"mta-hook" | b"sieve", _) => "milter",
        (b"spam" | b"spf" | b"dkim" | b"dmarc" | b"arc" | b"iprev" | b"mail-auth", _) => {
            "filter-detail"
        }
        (b"dane" | b"mta-sts" | b"tls-rpt", _) => "tls-outbound",
        (b"incoming-report" | b"outgoing-report", _) => "report",
        _ => return None,
    })
}

/// Logins, of all protocols.
fn login<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let event = match what {
        b"success" => line.event(Kind::Auth, Outcome::Allowed),
        b"failed" => failed(line),
        b"mfa-required" | b"missing-totp" => line.event(Kind::Auth, Outcome::Challenged),
        // An honest client's token ends, too.
        b"token-expired" | b"credential-expired" => {
            line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthFailed, false)
        }
        b"too-many-attempts" => {
            let event = line.refusal(Kind::Limit, Outcome::Dropped, Reason::TooManyErrors, true);
            return Some(event);
        }
        b"error" | b"warning" => {
            line.refusal(Kind::Auth, Outcome::Deferred, Reason::AuthUnavailable, false)
        }
        _ => return None,
    };
    let attempts = u32::from(event.reason != Some(Reason::NoAuthAttempts));
    Some(Event { attempts, account: line.keys.account.map(Text), ..event })
}

/// A web client that asks without credentials is told so by the same line.
fn failed<'a>(line: &Line<'a>) -> Event<'a> {
    let is_bare = line.keys.account.is_none()
        && matches!(line.protocol(), Protocol::Http | Protocol::Unknown)
        && line.keys.details == Some(b"Missing Authorization header.");
    if is_bare {
        return line.refusal(Kind::Auth, Outcome::Rejected, Reason::NoAuthAttempts, false);
    }
    line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthFailed, true)
}

/// The server's own bans, and who comes back during one.
fn security<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let account = line.keys.account.map(Text);
    let limit = |reason| line.refusal(Kind::Limit, Outcome::Dropped, reason, true);
    let refused = |reason| line.refusal(Kind::Auth, Outcome::Rejected, reason, false);
    Some(match what {
        b"authentication-ban" => {
            let event = line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthFailed, true);
            Event { attempts: 1, account, ..event }
        }
        b"abuse-ban" | b"brute-force-ban" => limit(Reason::TooManyErrors),
        b"scan-ban" => Event { detail: line.keys.path.map(Text), ..limit(Reason::ProtocolError) },
        b"loiter-ban" => limit(Reason::Timeout),
        // Whoever is banned already; a ban can be mistaken.
        b"ip-blocked" => {
            line.refusal(Kind::Connect, Outcome::Rejected, Reason::ClientRejected, false)
        }
        b"ip-unauthorized" | b"unauthorized" => {
            Event { attempts: 1, account, ..refused(Reason::PolicyRejected) }
        }
        _ => return None,
    })
}

/// Starts and ends of connections.
fn connection<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    Some(match what {
        b"connection-start" => line.event(Kind::Connect, Outcome::Allowed),
        b"connection-end" => line.event(Kind::Disconnect, Outcome::Allowed),
        _ => return None,
    })
}

/// What a client of the SMTP server asked for.
fn smtp<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let (kind, outcome, reason, hostile) = match what {
        b"connection-start" | b"connection-end" => return connection(line, what),
        b"ehlo" | b"mail-from" | b"rcpt-to" => return Some(envelope(line, what)),
        b"vrfy" | b"expn" => (Kind::Command, Outcome::Allowed, None, false),
        _ => {
            let (kind, outcome, reason, hostile) = smtp_refusal(what)?;
            (kind, outcome, Some(reason), hostile)
        }
    };
    let attempts = u32::from(kind == Kind::Auth);
    let known = (reason == Some(Reason::RecipientUnknown)).then_some(false);
    let event = Event { reason, hostile, attempts, known, ..line.event(kind, outcome) };
    let helo = line.keys.domain.filter(|_| what == b"invalid-ehlo").map(Text);
    Some(Event { helo, recipient: line.keys.to.map(Text), ..event })
}

fn envelope<'a>(line: &Line<'a>, what: &[u8]) -> Event<'a> {
    let event = line.event(Kind::Envelope, Outcome::Allowed);
    match what {
        b"ehlo" => Event { helo: line.keys.domain.map(Text), ..event },
        _ => Event { recipient: line.keys.to.map(Text), ..event },
    }
}

type Refusal = (Kind, Outcome, Reason, bool);

fn smtp_refusal(what: &[u8]) -> Option<Refusal> {
    use Outcome::{Deferred, Dropped, Rejected};
    Some(match what {
        b"mailbox-does-not-exist" => (Kind::Envelope, Rejected, Reason::RecipientUnknown, true),
        b"vrfy-not-found" | b"expn-not-found" => {
            (Kind::Command, Rejected, Reason::RecipientUnknown, true)
        }
        b"relay-not-allowed" => (Kind::Envelope, Rejected, Reason::RelayDenied, true),
        b"rcpt-to-greylisted" => (Kind::Envelope, Deferred, Reason::Greylisted, false),
        b"invalid-ehlo" => (Kind::Envelope, Rejected, Reason::HeloRejected, true),
        b"mail-from-not-allowed" | b"invalid-sender-address" => {
            (Kind::Envelope, Rejected, Reason::SenderRejected, true)
        }
        // A user whose program sends under another name, or does not log in.
        b"mail-from-unauthorized" => (Kind::Envelope, Rejected, Reason::SenderRejected, false),
        b"mail-from-unauthenticated" => (Kind::Envelope, Rejected, Reason::PolicyRejected, false),
        b"invalid-recipient-address" => {
            (Kind::Envelope, Rejected, Reason::RecipientRejected, false)
        }
        b"auth-not-allowed" | b"auth-mechanism-not-supported" => {
            (Kind::Auth, Rejected, Reason::AuthDisallowed, true)
        }
        b"auth-exchange-too-long" => (Kind::Auth, Rejected, Reason::ProtocolError, true),
        b"missing-auth-directory" => (Kind::Auth, Deferred, Reason::AuthUnavailable, false),
        // What an honest server sends at once, whose sender or recipients were all refused.
        b"mail-from-missing" | b"rcpt-to-missing" => {
            (Kind::Command, Rejected, Reason::ProtocolError, false)
        }
        b"invalid-command"
        | b"invalid-parameter"
        | b"syntax-error"
        | b"did-not-say-ehlo"
        | b"ehlo-expected"
        | b"lhlo-expected"
        | b"multiple-mail-from"
        | b"request-too-large" => (Kind::Command, Rejected, Reason::ProtocolError, true),
        b"vrfy-disabled" | b"expn-disabled" | b"command-not-implemented" => {
            (Kind::Command, Rejected, Reason::PolicyRejected, false)
        }
        b"too-many-invalid-rcpt" => (Kind::Limit, Dropped, Reason::TooManyErrors, true),
        b"rate-limit-exceeded" | b"too-many-messages" | b"too-many-recipients" => {
            (Kind::Limit, Deferred, Reason::RateLimited, false)
        }
        b"concurrency-limit-exceeded" => (Kind::Limit, Deferred, Reason::TooManyConnections, false),
        b"time-limit-exceeded" => (Kind::Limit, Dropped, Reason::Timeout, false),
        b"transfer-limit-exceeded" => (Kind::Limit, Dropped, Reason::RateLimited, false),
        b"message-too-large" => (Kind::Message, Rejected, Reason::TooLarge, false),
        b"message-parse-failed" | b"loop-detected" => {
            (Kind::Message, Rejected, Reason::ContentRejected, false)
        }
        _ => return None,
    })
}

/// Messages that were taken in, or for which there was no room.
fn queue<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let event = match what {
        b"message-queued" | b"authenticated-message-queued" => {
            line.event(Kind::Message, Outcome::Allowed)
        }
        // The earlier names of the two.
        b"queue-message" | b"queue-message-authenticated" => {
            line.event(Kind::Message, Outcome::Allowed)
        }
        b"rate-limit-exceeded" | b"concurrency-limit-exceeded" => {
            line.refusal(Kind::Limit, Outcome::Deferred, Reason::RateLimited, false)
        }
        b"quota-exceeded" => {
            line.refusal(Kind::Limit, Outcome::Deferred, Reason::MailboxFull, false)
        }
        _ => return None,
    };
    let recipient = line.keys.to.map(Text);
    Some(Event { recipient, recipients: line.keys.recipients, ..event })
}

/// What became of a message on its way. The connection here is the server's own.
fn delivery<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let refused = match line.keys.code.and_then(|code| code.first()) {
        Some(b'4') => (Outcome::Deferred, Some(Reason::RemoteDeferred)),
        _ => (Outcome::Rejected, Some(Reason::RemoteRejected)),
    };
    let (outcome, reason) = match what {
        b"delivered" => (Outcome::Allowed, None),
        b"rcpt-to-rejected" | b"message-rejected" | b"mail-from-rejected" => refused,
        b"ehlo-rejected" | b"rcpt-to-failed" | b"connect-error" | b"greeting-failed" => {
            (Outcome::Deferred, Some(Reason::RemoteDeferred))
        }
        _ => return None,
    };
    let event = line.event(Kind::Delivery, outcome);
    Some(Event {
        reason,
        protocol: Protocol::Smtp,
        recipient: line.keys.to.map(Text),
        detail: line.keys.details.map(Text),
        ..event
    })
}

fn limit<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let reason = match what {
        b"concurrent-connection" => Reason::TooManyConnections,
        b"too-many-requests" | b"concurrent-request" | b"concurrent-upload" => Reason::RateLimited,
        b"quota" | b"blob-quota" | b"tenant-quota" => Reason::MailboxFull,
        _ => return None,
    };
    let event = line.refusal(Kind::Limit, Outcome::Deferred, reason, false);
    Some(Event { account: line.keys.account.map(Text), ..event })
}

/// A filter's answer to a message.
fn filtered<'a>(line: &Line<'a>, what: &[u8]) -> Option<Event<'a>> {
    let outcome = match what {
        b"action-reject" | b"action-discard" | b"action-quarantine" => Outcome::Rejected,
        b"action-temp-fail" => Outcome::Deferred,
        _ => return None,
    };
    Some(line.refusal(Kind::Message, outcome, Reason::ContentRejected, false))
}

/// The spam filter's word, where it is the last one.
fn classified<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let is_final = matches!(line.keys.result, Some(b"reject" | b"discard"));
    is_final.then(|| line.refusal(Kind::Message, Outcome::Rejected, Reason::Spam, false))
}
