//! PAM, as mail servers ask it: the lines of `pam_unix`, `pam_sss`, `pam_winbind`, `pam_ldap`,
//! `pam_faillock`, `pam_tally2` under the name of the program that asked.
//!
//! `logname= uid=0 euid=0 tty=dovecot ruser=NAME rhost=ADDRESS  user=NAME`: a stranger chooses the
//! name, which can stand on both sides of the address (Dovecot sets `ruser`). So the address is
//! read where ` rhost=` stands once; else where the name in front of it equals the name behind it;
//! else Dovecot's is the last thing of the line (`pam_unix` leaves out the name of an account that
//! is not there). Where two of these readings differ, and else, the client is nobody.
//!
//! `saslauthd` and `solid-pop3d` tell of the same attempt on a line of their own: there the attempt
//! counts, and PAM's line has `attempts` 0. `check pass`, `received for user` and the like stand
//! beside a line that counts: noise.

use crate::scan;
use crate::{Parsed, Parser, RELAYED_MAX, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "pam",
    versions: "Linux-PAM 1.3 to 1.7",
    origin: "real runs of pam_unix 1.5.2 and 1.7.0; else made from the modules' format strings",
    owns,
    parse,
    own_file: None,
};

/// The programs of mail that ask PAM. Lines of `sshd`, `sudo` and `cron` are another's.
fn owns(record: &Record<'_>) -> bool {
    const DAEMONS: [&[u8]; 31] = [
        b"auth",
        b"auth-worker",
        b"authdaemond",
        b"cyrus",
        b"dovecot",
        b"dovecot-auth",
        b"exim",
        b"exim4",
        b"imap",
        b"imapd",
        b"imaps",
        b"imap-login",
        b"ipop2d",
        b"ipop3d",
        b"managesieve",
        b"perdition",
        b"pop3",
        b"pop3d",
        b"pop3s",
        b"pop3-login",
        b"popa3d",
        b"postfix",
        b"qpopper",
        b"saslauthd",
        b"sieve",
        b"smtp",
        b"smtpd",
        b"smtps",
        b"sogod",
        b"solid-pop3d",
        b"submission",
    ];
    let program = record.program.bytes();
    let program = program.strip_suffix(b"(pam_unix)").unwrap_or(program);
    let (family, _) = scan::take_while(program, |byte| !matches!(byte, b'/' | b'.'));
    DAEMONS.contains(&family)
}

/// Services that are not mail's, should a mail server's program ask for them all the same.
const OTHERS: [&[u8]; 16] = [
    b"apache2", b"atd", b"cron", b"crond", b"ftp", b"httpd", b"ldap", b"login", b"proftpd",
    b"samba", b"sshd", b"su", b"sudo", b"svn", b"vsftpd", b"xrdp",
];

/// A line of a module, its front cut off.
#[derive(Clone, Copy)]
struct Line<'a> {
    module: &'a [u8],
    service: &'a [u8],
    text: &'a [u8],
    at: Timestamp,
    record: &'a [u8],
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, outcome: Outcome, reason: Option<Reason>) -> Event<'a> {
        Event {
            protocol: protocol(self.service),
            reason,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Pam, Text(self.service), Kind::Auth, outcome)
        }
    }

    /// A failed login; the program's own line may have counted it.
    fn failed(&self, attempts: u32) -> Event<'a> {
        let told = matches!(self.record, b"saslauthd" | b"solid-pop3d");
        Event {
            hostile: true,
            attempts: if told { 0 } else { attempts },
            ..self.event(Outcome::Rejected, Some(Reason::AuthFailed))
        }
    }

    fn disabled(&self, account: &'a [u8]) -> Event<'a> {
        let event = self.event(Outcome::Rejected, Some(Reason::AccountDisabled));
        Event { account: name(account), ..event }
    }
}

/// By the first letters of the service's name, as administrators name them.
fn protocol(service: &[u8]) -> Protocol {
    const NAMES: [(&[u8], Protocol); 8] = [
        (b"imap", Protocol::Imap),
        (b"pop", Protocol::Pop3),
        (b"solid-pop3d", Protocol::Pop3),
        (b"smtps", Protocol::Submission),
        (b"submission", Protocol::Submission),
        (b"smtp", Protocol::Smtp),
        (b"sieve", Protocol::Sieve),
        (b"managesieve", Protocol::Sieve),
    ];
    let known = NAMES.iter().find(|(name, _)| service.starts_with(name));
    known.map_or(Protocol::Unknown, |(_, protocol)| *protocol)
}

fn name(account: &[u8]) -> Option<Text<'_>> {
    (!account.is_empty()).then_some(Text(account))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let program = record.program.bytes();
    let (module, service, text) = match program.strip_suffix(b"(pam_unix)") {
        Some(asking) => (&b"pam_unix"[..], asking, record.message),
        None => match front(record.message) {
            Some(parts) => parts,
            None => return loader(record.message),
        },
    };
    if OTHERS.contains(&service) {
        return Parsed::Noise("other-service");
    }
    let (host, pid) = (record.host, record.pid);
    let line = Line { module, service, text, at, record: program, host, pid };
    common(&line).or_else(|| of_module(&line)).unwrap_or_else(|| harmless(text))
}

/// `pam_unix(smtp:auth): `, as module, service and the rest.
fn front(message: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let (module, rest) = scan::take_while(message, is_word);
    let (service, rest) = scan::take_while(rest.strip_prefix(b"(")?, is_word);
    let (_call, rest) = scan::take_while(rest.strip_prefix(b":")?, is_word);
    module.starts_with(b"pam_").then_some((module, service, rest.strip_prefix(b"): ")?))
}

/// The library's own lines have no module.
fn loader(message: &[u8]) -> Parsed<'_> {
    const WORDS: [&[u8]; 4] =
        [b"PAM unable to ", b"PAM adding faulty module: ", b"PAM audit_", b"PAM (other) "];
    match WORDS.iter().any(|words| message.starts_with(words)) {
        true => Parsed::Noise("configuration"),
        false => Parsed::Unknown,
    }
}

/// Wordings that several modules share.
fn common<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    let event = if let Some(rest) = text.strip_prefix(b"authentication failure; logname=") {
        failure(line, rest, 1)
    } else if let Some(rest) = text.strip_prefix(b"authentication success; logname=") {
        let event = line.event(Outcome::Allowed, None);
        Event { attempts: 1, ..identified(line, rest, event) }
    } else if let Some((count, rest)) = more(text) {
        failure(line, rest, count)
    } else if let Some(rest) = text.strip_prefix(b"session opened for user ") {
        session(line, rest)
    } else {
        let rest = text.strip_prefix(b"session closed for user ")?;
        session(line, rest)
    };
    Some(Parsed::Event(event))
}

/// `2 more authentication failures; logname=`: those behind the first of a conversation.
fn more(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = scan::word(text);
    let rest = rest.strip_prefix(b"more authentication failure")?;
    let rest = rest.strip_prefix(b"s").unwrap_or(rest);
    Some((scan::number(digits)?, rest.strip_prefix(b"; logname=")?))
}

/// `bob(uid=1000) by (uid=0)`; the account is one of this host.
fn session<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let (account, _) = scan::take_while(rest, |byte| !matches!(byte, b' ' | b'('));
    let event = line.event(Outcome::Allowed, None);
    Event { kind: Kind::Session, account: name(account), ..event }
}

fn failure<'a>(line: &Line<'a>, rest: &'a [u8], attempts: u32) -> Event<'a> {
    let event = identified(line, rest, line.failed(attempts));
    // `pam_unix` names only accounts that are there.
    let unnamed = line.module == b"pam_unix" && !scan::contains(rest, b" user=");
    Event { known: unnamed.then_some(false), ..event }
}

/// Who and from where, behind `logname=`. Where two readings differ, the client is nobody.
fn identified<'a>(line: &Line<'a>, rest: &'a [u8], event: Event<'a>) -> Event<'a> {
    let Some((before, rest)) = scan::split_once(rest, b" ruser=") else { return event };
    let Some(at) = scan::find(rest, RHOST).filter(|_| line.text.len() < RELAYED_MAX) else {
        return event;
    };
    let last = if before.ends_with(b" tty=dovecot") { at_end(rest) } else { None };
    let who = if scan::find_last(rest, RHOST) == Some(at) {
        at_only(rest, at)
    } else if at == 0 {
        // No `ruser`, so nothing tells a stranger's words from the module's.
        None
    } else {
        match (symmetric(rest), last) {
            (Some((place, _)), Some((other, _))) if place != other => None,
            (Some(who), _) => Some(who),
            (None, last) => last,
        }
    };
    let Some((place, account)) = who else { return event };
    Event { client: scan::address(place), account: name(account), ..event }
}

const RHOST: &[u8] = b" rhost=";

/// `bob rhost=203.0.113.9  user=bob`: the same name on both sides. Were there two such places in a
/// line of this form, the name of one would have to be longer than itself.
fn symmetric(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = rest.len();
    while let Some(at) = scan::find_last(rest.get(..end)?, RHOST) {
        let (ruser, behind) = rest.split_at_checked(at)?;
        let (place, tail) = scan::word(behind.get(RHOST.len()..)?);
        let tail = tail.strip_prefix(b" ").unwrap_or(tail);
        if !ruser.is_empty() && tail.strip_prefix(b"user=") == Some(ruser) {
            return Some((place, ruser));
        }
        end = at;
    }
    None
}

/// The one ` rhost=`: an empty `ruser`, or another name than behind.
fn at_only(rest: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let (ruser, behind) = rest.split_at_checked(at)?;
    let (place, tail) = scan::word(behind.get(RHOST.len()..)?);
    let tail = tail.strip_prefix(b" ").unwrap_or(tail);
    match tail.strip_prefix(b"user=") {
        Some(user) => Some((place, user)),
        // The module's blank behind the address is lost in the journal, which trims lines.
        None if tail.is_empty() => Some((place, ruser)),
        None => Some((b"", ruser)),
    }
}

/// `NAME rhost=203.0.113.9 `, of Dovecot, where the account is not there.
fn at_end(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (ruser, behind) = rest.split_at_checked(scan::find_last(rest, RHOST)?)?;
    let place = behind.get(RHOST.len()..)?;
    let place = place.strip_suffix(b" ").unwrap_or(place);
    scan::address(place).map(|_| (place, ruser))
}

/// Wordings of one module.
fn of_module<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let event = match line.module {
        b"pam_unix" => unix(line)?,
        b"pam_winbind" => winbind(line)?,
        b"pam_ldap" | b"pam_krb5" => directory(line)?,
        b"pam_faillock" => {
            let rest = line.text.strip_prefix(b"Consecutive login failures for user ")?;
            line.disabled(rest.strip_suffix(b" account temporarily locked")?)
        }
        b"pam_tally2" | b"pam_tally" => tally(line)?,
        b"pam_succeed_if" => {
            let rest = line.text.strip_prefix(b"requirement \"")?;
            let (_, rest) = scan::split_once(rest, b"\" not met by user \"")?;
            line.disabled(rest.strip_suffix(b"\"")?)
        }
        b"pam_listfile" => {
            let rest = line.text.strip_prefix(b"Refused user ")?;
            line.disabled(rest.get(..scan::find_last(rest, b" for service ")?)?)
        }
        _ => return None,
    };
    Some(Parsed::Event(event))
}

fn unix<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"bad username [") {
        return Some(Event { account: name(rest.strip_suffix(b"]")?), ..line.failed(1) });
    }
    if let Some(rest) = text.strip_prefix(b"auth could not identify password for [") {
        let event = line.event(Outcome::Rejected, Some(Reason::AuthAborted));
        return Some(Event { account: name(rest.strip_suffix(b"]")?), ..event });
    }
    if let Some(rest) = text.strip_prefix(b"expired password for user ") {
        return Some(line.disabled(rest.strip_suffix(b" (password aged)")?));
    }
    let rest = text.strip_prefix(b"account ")?;
    let end = scan::find_last(rest, b" has expired (")?;
    Some(line.disabled(rest.get(..end)?))
}

/// `user 'bob' denied access (incorrect password or invalid membership)`.
fn winbind<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let rest = line.text.strip_prefix(b"user '")?;
    if let Some(account) = rest.strip_suffix(b"' granted access") {
        let event = line.event(Outcome::Allowed, None);
        return Some(Event { account: name(account), attempts: 1, ..event });
    }
    let end = scan::find_last(rest, b"' denied access (")?;
    Some(Event { account: name(rest.get(..end)?), ..line.failed(1) })
}

/// `Authentication failure; user=bob` of nslcd's; the old one says that a bind failed.
fn directory<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if let Some(account) = line.text.strip_prefix(b"Authentication failure; user=") {
        return Some(Event { account: name(account), ..line.failed(1) });
    }
    let rest = line.text.strip_prefix(b"error trying to bind as user \"")?;
    let known = rest.ends_with(b"\" (Invalid credentials)").then_some(true);
    known.map(|known| Event { known: Some(known), ..line.failed(1) })
}

/// `user bob (1001) tally 5, deny 4`.
fn tally<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let rest = line.text.strip_prefix(b"user ")?;
    let (account, counts) = rest.split_at_checked(scan::find_last(rest, b" (")?)?;
    scan::contains(counts, b", deny ").then(|| line.disabled(account))
}

/// What stands beside a line that counts, and what concerns the module itself.
fn harmless(text: &[u8]) -> Parsed<'_> {
    const KNOWN: [(&[u8], &str); 14] = [
        (b"check pass; user ", "login-detail"),
        (b"received for user ", "login-detail"),
        (b"request wbcLogonUser failed", "login-detail"),
        (b"internal module error", "login-detail"),
        (b"failed to get password", "login-detail"),
        (b"getting password (", "login-detail"),
        (b"pam_get_item returned a password", "login-detail"),
        (b"User unknown", "login-detail"),
        (b"user unknown", "login-detail"),
        (b"unknown option", "configuration"),
        (b"unrecognized option", "configuration"),
        (b"Error opening ", "internal-error"),
        (b"could not ", "internal-error"),
        (b"Request to sssd failed", "internal-error"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}
