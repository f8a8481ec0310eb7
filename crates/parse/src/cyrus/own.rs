//! What Cyrus says of itself: its helpers, its databases, its mailboxes.

/// Programs that serve no client. Elsewhere than on Debian their names are bare.
pub(super) fn is_helper(program: &[u8]) -> bool {
    matches!(
        program,
        b"ctl_cyrusdb"
            | b"cyr_expire"
            | b"idled"
            | b"notifyd"
            | b"tls_prune"
            | b"ctl_mboxlist"
            | b"sync_client"
            | b"ptloader"
            | b"squatter"
            | b"reconstruct"
            | b"cyr_deny"
    )
}

const KNOWN: &[(&str, &str)] = &[
    ("SASL ", "sasl-library"),
    ("inittls: ", "tls-detail"),
    ("TLS server ", "tls-detail"),
    ("TLS_", "tls-detail"),
    ("tls_", "tls-detail"),
    ("accept error", "tls-library"),
    ("error initializing TLS", "configuration"),
    ("[pop3d] error initializing TLS", "configuration"),
    ("imaps: required OpenSSL", "configuration"),
    ("USAGE ", "statistics"),
    ("counts: ", "statistics"),
    ("cmdtimer", "statistics"),
    ("auditlog: ", "audit"),
    ("autocreateinbox: ", "mailbox"),
    ("autocreate", "mailbox"),
    ("User ", "mailbox"),
    ("created ", "mailbox"),
    ("creating ", "mailbox"),
    ("Expunged ", "mailbox"),
    ("Deleted mailbox ", "mailbox"),
    ("Rename: ", "mailbox"),
    ("open: user ", "mailbox"),
    ("seen_db: ", "mailbox"),
    ("fetching ", "mailbox"),
    ("skipping ", "mailbox"),
    ("client id ", "client-id"),
    ("dupelim: ", "duplicate"),
    ("duplicate_", "duplicate"),
    ("accepted connection", "connection"),
    ("lmtp connection preauth", "lmtp-connection"),
    ("sieve ", "sieve"),
    ("FLUSH ", "sieve"),
    ("twoskip: ", "table"),
    ("skiplist: ", "table"),
    ("cyrusdb", "table"),
    ("mystore: ", "table"),
    ("checkpoint", "table"),
    ("archiving ", "table"),
    ("DBMSG: ", "table"),
    ("DBERROR", "internal-error"),
    ("IOERROR", "internal-error"),
    ("SYNCERROR", "internal-error"),
    ("Fatal error: ", "internal-error"),
    ("FATAL: ", "internal-error"),
    ("unable to ", "internal-error"),
    ("Unable to ", "internal-error"),
    ("could not ", "internal-error"),
    ("error ", "internal-error"),
    ("executed", "lifecycle"),
    ("about to exec", "lifecycle"),
    ("process ", "lifecycle"),
    ("service ", "lifecycle"),
    ("setrlimit: ", "lifecycle"),
    ("ready for work", "lifecycle"),
    ("exiting", "lifecycle"),
    ("attempting clean shutdown", "lifecycle"),
    ("All children have exited", "lifecycle"),
    ("got SIG", "lifecycle"),
    ("reopening", "lifecycle"),
    ("recovering cyrus databases", "lifecycle"),
    ("done recovering", "lifecycle"),
    ("done checkpointing", "lifecycle"),
    ("telling master", "lifecycle"),
    ("XFER: ", "replication"),
    ("XBACKUP: ", "replication"),
    ("MUPDATE: ", "replication"),
    ("command: ", "debug"),
];

/// The kind of such a line. All that a helper says is its own affair.
pub(super) fn affair(program: &[u8], text: &[u8]) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    let bare = program.strip_prefix(b"cyrus/").unwrap_or(program);
    let is_helper = bare == b"master" || is_helper(bare);
    known.map(|(_, name)| *name).or(is_helper.then_some("helper-service"))
}
