//! What Sendmail says of itself.

use super::{Line, behind_queue_id};
use crate::{Parsed, scan};

const KNOWN: &[(&str, &str)] = &[
    ("starting daemon", "lifecycle"),
    ("restarting ", "lifecycle"),
    ("started as: ", "lifecycle"),
    ("stopping daemon", "lifecycle"),
    ("error: safesasl", "configuration"),
    ("error: ", "internal-error"),
    ("daemon invoked without", "warning"),
    ("File descriptors", "internal-error"),
    ("SYSERR", "internal-error"),
    ("NOTICE: ", "warning"),
    ("WARNING: ", "warning"),
    ("Warning: ", "warning"),
    ("gethostbyaddr", "name-lookup"),
    ("rejecting connections on daemon", "stress"),
    ("have been rejecting connections", "stress"),
    ("accepting connections again", "stress"),
    ("delaying=", "stress"),
    ("deferring connections", "stress"),
    ("low on space", "disk"),
    ("grew WorkList", "queue-run"),
    ("runqueue: ", "queue-run"),
    ("rerun: ", "queue-run"),
    ("alias database ", "table"),
    ("/etc/", "table"),
    ("clone ", "queue"),
    ("clone: ", "queue"),
    ("owner=", "queue"),
    ("discarded", "queue"),
    ("done; delay=", "queue-removed"),
    ("sender notify: ", "bounce-notice"),
    ("postmaster notify: ", "bounce-notice"),
    ("DSN: ", "bounce-notice"),
    ("return to sender", "bounce-notice"),
    ("Saved message in ", "bounce-notice"),
    ("Milter (", "milter"),
    ("milter=", "milter"),
    ("Milter ", "milter"),
    ("headers too large", "message-warning"),
    ("Truncated MIME", "message-warning"),
    ("Fixed MIME", "message-warning"),
    ("makeconnection ", "outgoing"),
    ("SMTP outgoing connect", "outgoing"),
    ("stat=", "outgoing"),
    ("tls_srv_features", "tls-detail"),
    ("tls_clt_features", "tls-detail"),
    ("<-- ", "debug"),
    ("--- ", "debug"),
    ("SMTP MAIL command", "session-detail"),
    ("SMTP AUTH command", "session-detail"),
    ("SMTP STARTTLS command", "session-detail"),
    ("SMTP ETRN command", "session-detail"),
];

/// Timeouts at other servers say `client`, those of clients `server` or `collect`.
pub(super) fn affair<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if line.text.starts_with(b"timeout waiting for input from ") {
        let end = scan::find_last(line.text, b" during ")?;
        let part = line.text.get(end + 8..)?;
        return part.starts_with(b"client ").then_some(Parsed::Noise("outgoing"));
    }
    // A notice has its own id behind that of the message that it is about.
    let text = behind_queue_id(line.text).1;
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    known.map(|(_, name)| Parsed::Noise(name))
}
