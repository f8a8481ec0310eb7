//! The closed enums of an event. A word that is missing here is added here, for all parts at once.

use core::fmt;

/// A closed list of words, walked by help, docs, the console's filters and the tests.
pub trait Vocabulary: Copy + Sized + 'static {
    /// All words, in order; the position is the code that the store keeps, so append only.
    const ALL: &'static [Self];
    /// The word in JSON, configuration and on screens.
    fn name(self) -> &'static str;
    /// What it means, in a few words.
    fn meaning(self) -> &'static str;
    /// Its position in [`Vocabulary::ALL`].
    fn code(self) -> u8;
    /// The word at a position.
    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
    /// The word with this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.name() == name)
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal: $meaning:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $type { $(#[doc = $meaning] $variant,)+ }

        impl Vocabulary for $type {
            const ALL: &'static [Self] = &[$($type::$variant,)+];
            fn name(self) -> &'static str { match self { $($type::$variant => $name,)+ } }
            fn meaning(self) -> &'static str { match self { $($type::$variant => $meaning,)+ } }
            fn code(self) -> u8 { self as u8 }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { out.write_str(self.name()) }
        }
    };
}

vocabulary! {
    /// The program family that wrote a line.
    Server {
        Postfix = "postfix": "Postfix, postscreen included",
        Dovecot = "dovecot": "Dovecot IMAP, POP3, LMTP, ManageSieve and submission",
        Exim = "exim": "Exim",
        Opensmtpd = "opensmtpd": "OpenSMTPD",
        Mailward = "mailward": "mailward itself",
        Sendmail = "sendmail": "Sendmail",
        Cyrus = "cyrus": "Cyrus IMAP, POP3, LMTP and ManageSieve",
        Courier = "courier": "Courier IMAP, POP3 and SMTP",
        Qmail = "qmail": "qmail and netqmail, with vpopmail and spamdyke",
        Stalwart = "stalwart": "Stalwart",
        Exchange = "exchange": "Microsoft Exchange, its own logs of SMTP receive, IMAP and POP3",
        Barracuda = "barracuda": "Barracuda Email Security Gateway",
        Rspamd = "rspamd": "rspamd",
        Amavis = "amavis": "amavis",
        Mailscanner = "mailscanner": "MailScanner",
        Spamassassin = "spamassassin": "SpamAssassin's spamd",
        Kerio = "kerio": "Kerio Connect",
        Zimbra = "zimbra": "Zimbra, its own logs beside Postfix's",
        Assp = "assp": "ASSP",
        Domino = "domino": "HCL Domino",
        Roundcube = "roundcube": "Roundcube webmail",
        Sogo = "sogo": "SOGo groupware",
        Horde = "horde": "Horde and IMP webmail",
        Squirrelmail = "squirrelmail": "SquirrelMail",
        Openwebmail = "openwebmail": "Open WebMail",
        Mailcow = "mailcow": "mailcow's own interface",
        Mailu = "mailu": "Mailu's front and admin",
        Perdition = "perdition": "Perdition IMAP and POP3 proxy",
        Solidpop3d = "solidpop3d": "solid-pop3d",
        Uwimap = "uwimap": "UW IMAP and POP3",
        Saslauthd = "saslauthd": "Cyrus SASL's saslauthd",
        Pam = "pam": "PAM, as mail servers ask it",
        Bind = "bind": "BIND named, its query and security logs",
        Unbound = "unbound": "Unbound",
        Dnsmasq = "dnsmasq": "dnsmasq",
        Nsd = "nsd": "NSD",
        Pdns = "pdns": "PowerDNS Recursor and Authoritative Server",
        Coredns = "coredns": "CoreDNS",
        Dnstap = "dnstap": "dnstap, of whatever DNS server",
        Nginx = "nginx": "nginx as a mail proxy",
    }
}

vocabulary! {
    /// The protocol that the client spoke, as far as the line tells.
    Protocol {
        Unknown = "unknown": "the line does not tell",
        Smtp = "smtp": "SMTP between servers, port 25",
        Submission = "submission": "SMTP submission, ports 587 and 465",
        Imap = "imap": "IMAP, ports 143 and 993",
        Pop3 = "pop3": "POP3, ports 110 and 995",
        Sieve = "sieve": "ManageSieve, port 4190",
        Lmtp = "lmtp": "LMTP, between own servers",
        Http = "http": "a web interface: webmail, administration",
        Dns = "dns": "DNS",
    }
}

vocabulary! {
    /// What happened.
    Kind {
        Connect = "connect": "a client connected",
        Disconnect = "disconnect": "a client's connection ended",
        Tls = "tls": "a TLS handshake was done or failed",
        Auth = "auth": "a login was tried",
        Command = "command": "a protocol command was refused, or was no command at all",
        Envelope = "envelope": "a HELO, sender or recipient was judged",
        Message = "message": "a message was taken in, held or refused",
        Delivery = "delivery": "a message went on to a recipient, or did not",
        Session = "session": "a logged-in session ended or did something",
        Limit = "limit": "a limit of the mail server was reached, or its statistics told",
        Query = "query": "a DNS client asked for a name",
    }
}

vocabulary! {
    /// What became of it.
    Outcome {
        Allowed = "allowed": "it went through",
        Deferred = "deferred": "refused for now (4xx), or delivery will be tried again",
        Rejected = "rejected": "refused for good (5xx), or a login that failed",
        Dropped = "dropped": "the connection ended without an orderly end",
        Challenged = "challenged": "a second factor was asked for",
        Tarpitted = "tarpitted": "answered slowly on purpose",
        Decoyed = "decoyed": "a decoy answered",
    }
}

vocabulary! {
    /// Why.
    Reason {
        AuthFailed = "auth-failed": "wrong password, unknown account, or credentials that are none",
        AuthAborted = "auth-aborted": "the client gave up in the middle of a login",
        AuthUnavailable = "auth-unavailable": "the mail server could not check the credentials",
        AuthDisallowed = "auth-disallowed": "a login without TLS, by a disabled mechanism, or where none is offered",
        AccountDisabled = "account-disabled": "the account exists and may not log in",
        NoAuthAttempts = "no-auth-attempts": "the client left without trying a login",
        RelayDenied = "relay-denied": "neither sender nor recipient is ours",
        RecipientUnknown = "recipient-unknown": "no such recipient here",
        RecipientRejected = "recipient-rejected": "the recipient was refused for another cause",
        SenderRejected = "sender-rejected": "the envelope sender was refused",
        HeloRejected = "helo-rejected": "the HELO name was refused",
        ClientRejected = "client-rejected": "the client's address or name was refused",
        Blocklisted = "blocklisted": "a DNS block list names the client, sender or HELO",
        PolicyRejected = "policy-rejected": "a policy service, access map or ACL refused",
        Greylisted = "greylisted": "told to come back later",
        RateLimited = "rate-limited": "a rate limit was reached",
        TooManyConnections = "too-many-connections": "a limit of concurrent connections was reached",
        TooManyErrors = "too-many-errors": "the client made too many errors",
        ProtocolError = "protocol-error": "a command out of order or with bad syntax",
        NonSmtpCommand = "non-smtp-command": "HTTP, SOCKS or other rubbish on a mail port",
        Pipelining = "pipelining": "commands sent before they may be",
        EarlyTalker = "early-talker": "the client talked before the greeting",
        TlsFailed = "tls-failed": "the TLS handshake failed",
        ConnectionLost = "connection-lost": "the client left in the middle",
        Timeout = "timeout": "the client was silent for too long",
        ContentRejected = "content-rejected": "a content filter or milter refused the message",
        TooLarge = "too-large": "the message is larger than allowed",
        MailboxFull = "mailbox-full": "the recipient's mailbox is full",
        RemoteDeferred = "remote-deferred": "the next server refused for now or was not reached",
        RemoteRejected = "remote-rejected": "the next server refused for good",
        Untrusted = "untrusted": "a proxy header from a peer that is not trusted",
        Spam = "spam": "a filter says that the message is spam",
        Virus = "virus": "a filter says that the message carries malware",
        NameUnknown = "name-unknown": "a DNS name that does not exist",
        QueryRefused = "query-refused": "a DNS query that this server does not answer for this client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds<V: Vocabulary + PartialEq + fmt::Debug>() {
        for (position, word) in V::ALL.iter().enumerate() {
            assert_eq!(usize::from(word.code()), position);
            assert_eq!(V::from_name(word.name()), Some(*word), "names are unique");
            assert_eq!(V::from_code(word.code()), Some(*word));
            assert!(
                word.name()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
        }
    }

    #[test]
    fn words_are_unique_and_stable() {
        holds::<Server>();
        holds::<Protocol>();
        holds::<Kind>();
        holds::<Outcome>();
        holds::<Reason>();
    }
}
