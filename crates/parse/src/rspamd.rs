//! rspamd 3.4: its own file, syslog, and journald's form of it.
//!
//! A line is `<tag>; module; function: text`; the function's name says what the text is. The one
//! that tells of a message is `rspamd_task_write_log`, in the form of the default `log_format`.
//! Its `ip` is the client's address as the mail server told it, and it stands between a stranger's
//! Message-ID and a stranger's sender: rspamd writes no blank in a Message-ID, so the first blank
//! ends it, and what stands behind it is read word by word from there.
//!
//! A score is not hostile, nor is a refused spam or virus: forwarders and lists deliver such mail,
//! too. Hostile is a wrong password at the controller (the web interface). `absent or incorrect
//! password` is the attempt; of a request without any password the line `absent password` came
//! before it, and counts nothing.
//!
//! Connections to a proxy or worker are the
//! mail server's own and say nothing of a client.

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "rspamd",
    versions: "3.4, 3.12",
    origin: "real runs of 3.4 and 3.12.1; lines by syslog by the format strings of its source",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"rspamd"
}

/// `2026-11-21 16:02:10 #123(normal) <tag>; ...`, with or without a `[level] ` before the `#`,
/// which Exim's lines do not have. The message begins at `(normal)`, as journald gets it.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = record::iso_stamp(line)?;
    let rest = rest.strip_prefix(b" ")?;
    let rest = match rest.strip_prefix(b"[") {
        Some(inner) => {
            let (_, rest) = scan::take_while(inner, |byte| byte.is_ascii_lowercase());
            rest.strip_prefix(b"] ")?
        }
        None => rest,
    };
    let (digits, message) = scan::take_while(rest.strip_prefix(b"#")?, |b| b.is_ascii_digit());
    let pid = Some(scan::number(digits)?);
    worker(message)?;
    Some(Record { pid, ..Record::new(stamp, b"rspamd", message, Envelope::OwnFile) })
}

/// `(normal) `: the kind of process, and the rest.
fn worker(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = scan::take_while(message.strip_prefix(b"(")?, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'_'
    });
    Some((name, rest.strip_prefix(b") ")?)).filter(|_| !name.is_empty())
}

/// A line, its front read.
#[derive(Clone, Copy)]
struct Line<'a> {
    worker: Option<&'a [u8]>,
    /// The tag joins the lines of one task or connection.
    tag: Option<Text<'a>>,
    module: &'a [u8],
    text: &'a [u8],
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, part: &'static [u8], kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            session: self.tag,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Rspamd, Text(self.worker.unwrap_or(part)), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let (worker, rest) = match worker(record.message) {
        Some((name, rest)) => (Some(name), rest),
        None => (None, record.message),
    };
    let Some((tag, rest)) = tag(rest) else { return Parsed::Unknown };
    let (module, rest) = module(rest);
    let Some((function, text)) = function(rest) else { return Parsed::Unknown };
    let line = Line { worker, tag, module, text, at, host: record.host, pid: record.pid };
    let parsed = match function {
        b"rspamd_task_write_log" => task(&line).map(Parsed::Event),
        b"rspamd_controller_check_password" => password(&line),
        b"rspamd_controller_check_forwarded" => forwarded(&line),
        b"rspamd_milter_process_command" => milter(&line),
        _ => Some(Parsed::Noise(noise(line.module, function))),
    };
    parsed.unwrap_or(Parsed::Unknown)
}

/// `<ab12cd>; `, which a few lines do not have, and of which some have only `<>; `.
fn tag(rest: &[u8]) -> Option<(Option<Text<'_>>, &[u8])> {
    let Some(inner) = rest.strip_prefix(b"<") else { return Some((None, rest)) };
    let (tag, rest) = scan::take_while(inner, |byte| byte.is_ascii_alphanumeric());
    Some(((!tag.is_empty()).then_some(Text(tag)), rest.strip_prefix(b">; ")?))
}

/// `task; `: a name and a semicolon, or nothing.
fn module(rest: &[u8]) -> (&[u8], &[u8]) {
    let (name, behind) = scan::take_while(rest, is_name);
    match behind.strip_prefix(b"; ") {
        Some(behind) => (name, behind),
        None => (b"", rest),
    }
}

/// `rspamd_task_write_log: `. Lua's modules write `file.lua:12: `, and some lines begin with `: `.
fn function(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, behind) = scan::take_while(rest, |byte| is_name(byte) || byte == b'.');
    let line = behind.strip_prefix(b":").map(|at| scan::take_while(at, |b| b.is_ascii_digit()).1);
    let text = behind.strip_prefix(b": ").or_else(|| line?.strip_prefix(b": "))?;
    Some((name, text))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// What the other lines are about; none of them names a client by a fixed place that is needed.
fn noise(module: &[u8], function: &[u8]) -> &'static str {
    match module {
        b"main" => "lifecycle",
        b"cfg" | b"map" | b"symcache" | b"re_cache" => "configuration",
        b"monitored" | b"dns" | b"upstream" => "monitoring",
        b"proxy" | b"milter" | b"controller" | b"csession" => "local-connection",
        b"task" | b"lua" => "filter-detail",
        _ if function == b"accept_socket" => "local-connection",
        _ => "filter-detail",
    }
}

/// `id: <MID>, qid: <QID>, ip: ADDRESS, user: USER, from: <SENDER>, (default: F (no action): ...`;
/// what is empty is left out. `None` where it is not the default form.
fn task<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (id, rest) = scan::word(line.text.strip_prefix(b"id: <")?);
    id.strip_suffix(b">,")?;
    let (queue_id, rest) = match rest.strip_prefix(b"qid: <") {
        Some(rest) => scan::split_once(rest, b">, ").map(|(id, rest)| (Some(id), rest))?,
        None => (None, rest),
    };
    let (client, rest) = match rest.strip_prefix(b"ip: ") {
        Some(rest) => scan::split_once(rest, b", ").map(|(ip, rest)| (scan::address(ip), rest))?,
        None => (None, rest),
    };
    let event = Event {
        client,
        queue_id: queue_id.filter(|id| *id != b"undef").map(Text),
        ..line.event(b"task", Kind::Message, Outcome::Allowed)
    };
    Some(judged(event, rest))
}

/// What stands behind the address. User, sender and (behind the verdict) symbols and recipients
/// are a stranger's: where the verdict's words stand there twice, nobody knows which are rspamd's,
/// and only the first is believed, without what stands around it.
fn judged<'a>(event: Event<'a>, rest: &'a [u8]) -> Event<'a> {
    const VERDICT: &[u8] = b"(default: ";
    let Some((head, verdict)) = scan::split_once(rest, VERDICT) else { return event };
    let event = action(event, verdict, rest);
    if scan::contains(verdict, VERDICT) {
        return Event { spam_score: None, ..event };
    }
    let (account, head) = match head.strip_prefix(b"user: ") {
        Some(head) => scan::split_once(head, b", ").map_or((None, head), |(u, h)| (Some(u), h)),
        None => (None, head),
    };
    let account = account.filter(|name| !name.iter().any(u8::is_ascii_whitespace)).map(Text);
    let sender = head.strip_prefix(b"from: <").and_then(|rest| rest.strip_suffix(b">, "));
    recipients(Event { account, sender: sender.map(Text), ..event }, verdict)
}

/// `F (no action): [1.20/15.00] [SYMBOLS`.
fn action<'a>(event: Event<'a>, verdict: &'a [u8], rest: &[u8]) -> Event<'a> {
    let named = verdict.get(1..).and_then(|named| named.strip_prefix(b" ("));
    let Some((name, rest_of)) = named.and_then(|named| scan::split_once(named, b"): [")) else {
        return event;
    };
    let score = scan::split_once(rest_of, b"]").map(|(score, _)| score);
    let is_score = |score: &&[u8]| {
        score.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'/' | b'-' | b'n' | b'a'))
    };
    let spam_score = score.filter(is_score).map(Text);
    let event = Event { spam_score, ..event };
    // The scanner's word stands at the line's very end, behind all that a stranger has a say in.
    let virus = rest.ends_with(b" (set by antivirus)");
    let refused = if virus { Reason::Virus } else { Reason::Spam };
    let (outcome, reason) = match name {
        b"reject" | b"discard" | b"quarantine" => (Outcome::Rejected, Some(refused)),
        b"add header" | b"rewrite subject" => (Outcome::Allowed, Some(Reason::Spam)),
        b"greylist" => (Outcome::Deferred, Some(Reason::Greylisted)),
        b"soft reject" => (Outcome::Deferred, Some(Reason::PolicyRejected)),
        _ => (Outcome::Allowed, None),
    };
    Event { outcome, reason, ..event }
}

/// `, digest: <HEX>, rcpts: <a@b.test,c@d.test>`.
fn recipients<'a>(event: Event<'a>, verdict: &'a [u8]) -> Event<'a> {
    const DIGEST: &[u8] = b", digest: <";
    let listed = scan::split_once(verdict, DIGEST).and_then(|(_, rest)| {
        let (digest, rest) = scan::take_while(rest, |byte| byte.is_ascii_hexdigit());
        let alone = digest.len() >= 32 && !scan::contains(rest, DIGEST);
        scan::split_once(rest.strip_prefix(b">, rcpts: <").filter(|_| alone)?, b">")
    });
    let Some((list, _)) = listed else { return event };
    if list.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<')) {
        return event;
    }
    let list = list.strip_suffix(b"...").unwrap_or(list);
    let many = list.split(|byte| *byte == b',').filter(|name| !name.is_empty()).count();
    let recipient = (many == 1).then_some(Text(list));
    Event { recipient, recipients: u32::try_from(many).unwrap_or(u32::MAX), ..event }
}

/// The controller's answer to a password. No password is in the line.
fn password<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    const SOURCE: &[u8] = b"; source ip: ";
    if line.text.starts_with(b"using password as enable_password") {
        return Some(Parsed::Noise("configuration"));
    }
    if line.text.starts_with(b"allow unauthorized connection from a unix socket") {
        return Some(Parsed::Noise("local-connection"));
    }
    if let Some(place) = line.text.strip_prefix(b"allow unauthorized connection from a trusted IP ")
    {
        return Some(Parsed::Event(web(
            line,
            Kind::Connect,
            Outcome::Allowed,
            scan::address(place),
        )));
    }
    let (why, place) = scan::split_once(line.text, SOURCE)?;
    let refused = web(line, Kind::Auth, Outcome::Rejected, with_port(place));
    Some(Parsed::Event(match why {
        b"absent or incorrect password has been specified"
        | b"deny default password for remote access" => {
            Event { reason: Some(Reason::AuthFailed), hostile: true, attempts: 1, ..refused }
        }
        b"absent password has been specified" => {
            Event { reason: Some(Reason::NoAuthAttempts), ..refused }
        }
        b"no password to check while executing a privileged command" => {
            Event { reason: Some(Reason::AuthUnavailable), outcome: Outcome::Deferred, ..refused }
        }
        _ => return None,
    }))
}

fn web<'a>(line: &Line<'a>, kind: Kind, outcome: Outcome, client: Option<IpAddr>) -> Event<'a> {
    Event { protocol: Protocol::Http, client, ..line.event(b"controller", kind, outcome) }
}

/// `allow unauthorized proxied connection from a trusted IP ADDRESS via PEER`: the first is the
/// word of a header.
fn forwarded<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    const ALLOWED: &[u8] = b"allow unauthorized proxied connection from a trusted IP ";
    if line.text.starts_with(b"cannot parse ") {
        return Some(Parsed::Noise("warning"));
    }
    let (told, peer) = scan::split_once(line.text.strip_prefix(ALLOWED)?, b" via ")?;
    let event = web(line, Kind::Connect, Outcome::Allowed, scan::address(peer));
    Some(Parsed::Event(Event { forwarded: scan::address(told), ..event }))
}

/// `got connection from ADDRESS:PORT`: the client, as the mail server tells it.
fn milter<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let Some(place) = line.text.strip_prefix(b"got connection from ") else {
        return Some(Parsed::Noise("milter"));
    };
    let event = line.event(b"milter", Kind::Connect, Outcome::Allowed);
    Some(Parsed::Event(Event { protocol: Protocol::Smtp, client: with_port(place), ..event }))
}

/// `203.0.113.9:4711` or `[2001:db8::9]:4711`. The port must be there: of a cut line, the address
/// could be another's.
fn with_port(place: &[u8]) -> Option<IpAddr> {
    let (host, port) = place.split_at_checked(scan::find_last(place, b":")?)?;
    scan::number(port.get(1..)?)?;
    match host.strip_prefix(b"[") {
        Some(inner) => scan::address(inner.strip_suffix(b"]")?),
        None => scan::leading_ipv4(host)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(v4, _)| IpAddr::V4(v4)),
    }
}
