//! Why a login failed, in the words of Dovecot's password drivers and mechanisms.

use crate::scan;
use event::{Kind, Outcome, Reason, Text};

/// What a reason means.
#[derive(Clone, Copy)]
pub(super) struct Verdict<'a> {
    pub kind: Kind,
    /// `None`: a step of a login that decides nothing.
    pub outcome: Option<Outcome>,
    pub reason: Option<Reason>,
    pub hostile: bool,
    pub known: Option<bool>,
    pub is_attempt: bool,
    /// The reason ends in text that a stranger chose, so it could run over anything.
    pub is_open: bool,
    pub secret_tag: Option<Text<'a>>,
    /// The name where the identity has none.
    pub account: Option<Text<'a>>,
}

const STEP: Verdict<'static> = Verdict {
    kind: Kind::Auth,
    outcome: None,
    reason: None,
    hostile: false,
    known: None,
    is_attempt: false,
    is_open: false,
    secret_tag: None,
    account: None,
};

const GUESS: Verdict<'static> = Verdict {
    outcome: Some(Outcome::Rejected),
    reason: Some(Reason::AuthFailed),
    hostile: true,
    is_attempt: true,
    ..STEP
};

const MISMATCH: Verdict<'static> = Verdict { known: Some(true), ..GUESS };
const NOBODY: Verdict<'static> = Verdict { known: Some(false), ..GUESS };
const DISABLED: Verdict<'static> =
    Verdict { reason: Some(Reason::AccountDisabled), hostile: false, known: Some(true), ..GUESS };
const UNAVAILABLE: Verdict<'static> = Verdict {
    outcome: Some(Outcome::Deferred),
    reason: Some(Reason::AuthUnavailable),
    hostile: false,
    is_attempt: false,
    ..GUESS
};
/// The policy server is the administrator's own: its refusal says nothing about the password.
const POLICY: Verdict<'static> =
    Verdict { reason: Some(Reason::PolicyRejected), hostile: false, ..GUESS };
const TARPIT: Verdict<'static> =
    Verdict { kind: Kind::Limit, outcome: Some(Outcome::Tarpitted), ..STEP };
const ABORTED: Verdict<'static> =
    Verdict { outcome: Some(Outcome::Dropped), reason: Some(Reason::AuthAborted), ..STEP };
const OPEN_STEP: Verdict<'static> = Verdict { is_open: true, ..STEP };
const OPEN_GUESS: Verdict<'static> = Verdict { is_open: true, ..GUESS };

/// Reasons that are these words and nothing else.
const FIXED: &[(&str, Verdict<'static>)] = &[
    ("Password mismatch", MISMATCH),
    ("password mismatch", MISMATCH),
    ("unknown user", NOBODY),
    ("User unknown", NOBODY),
    ("user unknown", NOBODY),
    ("username not known", NOBODY),
    ("Password mismatch (for LDAP bind)", GUESS),
    ("invalid credentials", GUESS),
    ("bind failed (invalid credentials)", GUESS),
    ("pam_authenticate() failed: Authentication failure (Password mismatch?)", GUESS),
    ("pam_authenticate() failed: Authentication failure", GUESS),
    ("pam_authenticate() failed: User not known to the underlying authentication module", NOBODY),
    ("pam_authenticate() failed: Permission denied", GUESS),
    ("pam_authenticate() failed: Have exhausted maximum number of retries for service", GUESS),
    ("invalid input", GUESS),
    ("invalid response", GUESS),
    ("malformed data", GUESS),
    ("invalid challenge", GUESS),
    ("invalid credentials length", GUESS),
    ("no initial response", GUESS),
    ("Invalid continued data", GUESS),
    ("Invalid username", GUESS),
    ("Invalid username escaping", GUESS),
    ("Invalid gs2-header in request", GUESS),
    ("Empty username", GUESS),
    ("Invalid base64 data in initial response", GUESS),
    ("Invalid base64 data in continued response", GUESS),
    ("Missing token", GUESS),
    ("Missing username", GUESS),
    ("Missing username or token", GUESS),
    ("Username or token missing", GUESS),
    ("Login attempt with empty password", GUESS),
    ("Attempted login with password having illegal chars", GUESS),
    ("User found from deny passdb", Verdict { hostile: true, ..DISABLED }),
    ("User is disabled", Verdict { hostile: true, ..DISABLED }),
    ("user disabled", Verdict { hostile: true, ..DISABLED }),
    ("Password expired", DISABLED),
    ("password expired", DISABLED),
    ("Login disabled", DISABLED),
    ("login disabled", DISABLED),
    ("No password returned (and no nopassword)", UNAVAILABLE),
    ("user not found from userdb", UNAVAILABLE),
    ("user not found from any userdbs", UNAVAILABLE),
    ("All password databases were skipped", UNAVAILABLE),
    ("Policy check action is continue", STEP),
    ("Policy check action is drop connection", STEP),
    ("Falling back to expired data from cache", STEP),
    ("Cached NULL password access", STEP),
    ("login", STEP),
];

/// Reasons that go on behind these words, in the server's words.
const BEGINNINGS: &[(&str, Verdict<'static>)] = &[
    ("Authentication failure due to policy server refusal", POLICY),
    ("Policy check action is tarpit ", TARPIT),
    ("Policy check action '", STEP),
    ("Policy server ", UNAVAILABLE),
    ("Request timed out waiting for client to continue authentication (", ABORTED),
    ("pam_authenticate() failed: ", UNAVAILABLE),
    ("pam_acct_mgmt() failed: ", DISABLED),
    ("pam_setcred() failed: ", UNAVAILABLE),
    ("pam_start() failed: ", UNAVAILABLE),
    ("Login failed (status=", GUESS),
    ("invalid password field", UNAVAILABLE),
    ("allow_nets check failed: ", Verdict { reason: Some(Reason::ClientRejected), ..MISMATCH }),
    (
        "allow_real_nets check failed: ",
        Verdict { reason: Some(Reason::ClientRejected), ..MISMATCH },
    ),
    ("Failed to expand ", UNAVAILABLE),
    ("Password data is not valid for scheme ", UNAVAILABLE),
    ("Unknown scheme ", UNAVAILABLE),
    ("Internal ", UNAVAILABLE),
    ("Received invalid reply from worker", UNAVAILABLE),
    ("ldap_", UNAVAILABLE),
    ("Password query ", UNAVAILABLE),
    ("getpwnam() failed", UNAVAILABLE),
    ("Performing ", STEP),
    ("Finished ", STEP),
    ("Auth request finished", STEP),
    ("lookup", STEP),
    ("cache ", STEP),
    ("Master user logging in as ", OPEN_STEP),
    ("login user: ", OPEN_STEP),
];

/// Reads a whole reason. `None` where it is none that is known: then this is not where the name
/// ends, or a driver that was not seen yet.
pub(super) fn verdict(text: &[u8], is_problem: bool) -> Option<Verdict<'_>> {
    // 2.4: `passwd-file: Password mismatch`.
    let text = match memchr::memchr(b':', text.get(..DRIVER_MAX.min(text.len()))?) {
        Some(at) if at > 0 && text.get(..at)?.iter().all(is_driver) => {
            text.get(at..)?.strip_prefix(b": ").unwrap_or(text)
        }
        _ => text,
    };
    let more = [&b" - trying the next passdb"[..], b" - trying the next userdb"];
    if let Some(text) = more.iter().find_map(|more| text.strip_suffix(*more)) {
        // Another driver decides.
        let verdict = whole(text, is_problem)?;
        return Some(Verdict { is_open: verdict.is_open, ..STEP });
    }
    whole(text, is_problem)
}

fn whole(text: &[u8], is_problem: bool) -> Option<Verdict<'_>> {
    let Some(inner) = text.strip_suffix(b")") else { return plain(text, is_problem) };
    if let Some(rest) = text.strip_prefix(DISALLOWED) {
        return Some(disallowed(rest));
    }
    if text.starts_with(b"Attempted master login with no master passdbs (") {
        return Some(OPEN_GUESS);
    }
    if let Some((base, _password)) = scan::split_once(inner, b" (given password: ") {
        return Some(Verdict { is_open: true, ..plain(base, is_problem)? });
    }
    if let Some((base, hash)) = scan::split_once(inner, b" (SHA1 of given password: ") {
        let is_hash = !hash.is_empty() && hash.iter().all(u8::is_ascii_hexdigit);
        let secret_tag = is_hash.then_some(Text(hash))?;
        return Some(Verdict { secret_tag: Some(secret_tag), ..plain(base, is_problem)? });
    }
    plain(text, is_problem)
}

const DRIVER_MAX: usize = 24;
const DISALLOWED: &[u8] = b"Username character disallowed by auth_username_chars: ";

fn is_driver(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
}

/// `0x3e (username: NAME)`: a name that no real account has.
fn disallowed(rest: &[u8]) -> Verdict<'_> {
    let account = scan::split_once(rest, b" (username: ")
        .and_then(|(_, name)| name.strip_suffix(b")"))
        .filter(|name| !name.is_empty())
        .map(Text);
    Verdict { account, known: Some(false), ..OPEN_GUESS }
}

fn plain<'a>(text: &[u8], is_problem: bool) -> Option<Verdict<'a>> {
    let text = text.trim_ascii_end();
    if let Some((_, verdict)) = FIXED.iter().find(|(words, _)| words.as_bytes() == text) {
        return Some(*verdict);
    }
    if text.starts_with(b"oauth2 failed: ") {
        let base = if is_problem { UNAVAILABLE } else { GUESS };
        // The text can quote a token that the client made.
        return Some(Verdict { is_open: true, ..base });
    }
    if text.starts_with(b"Requested ") && scan::contains(text, b" scheme, but we have ") {
        return Some(Verdict { reason: Some(Reason::AuthDisallowed), hostile: false, ..MISMATCH });
    }
    let (_, verdict) = BEGINNINGS.iter().find(|(words, _)| text.starts_with(words.as_bytes()))?;
    // The rest of such a reason is the server's, but a name to its left could have copied its
    // beginning: it would run to the end of the line over the real one.
    Some(Verdict { is_open: true, ..*verdict })
}
