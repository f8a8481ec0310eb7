//! Lines that say nothing of a client, an account or a message, by name.
//!
//! A row is the words that the line begins with. Nothing that follows them is read.

/// Daemons and commands all of whose lines are about Postfix itself.
pub(super) fn daemon(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"master" | b"postfix-script" | b"postlogd" | b"postlog" | b"postmulti"
        | b"postfix-tls" => "lifecycle",
        b"scache" => "session-cache",
        b"tlsmgr" => "tls-manager",
        b"trivial-rewrite" | b"proxymap" | b"proxywrite" => "table",
        b"verify" => "verify",
        b"postmap" | b"postalias" | b"postconf" | b"newaliases" | b"postkick" | b"post-install" => {
            "tool"
        }
        b"postsuper" | b"postqueue" | b"postcat" | b"showq" | b"flush" => "queue-tool",
        b"sendmail" | b"postdrop" => "local-submission",
        b"spawn" => "spawn",
        _ => return None,
    })
}

/// Words behind `QUEUEID: `.
const QUEUE: [(&[u8], &str); 24] = [
    (b"removed", "queue-removed"),
    (b"message-id=", "message-id"),
    (b"resent-message-id=", "message-id"),
    (b"sender non-delivery notification: ", "bounce-notice"),
    (b"sender delay notification: ", "bounce-notice"),
    (b"sender delivery status notification: ", "bounce-notice"),
    (b"postmaster non-delivery notification: ", "bounce-notice"),
    (b"postmaster delay notification: ", "bounce-notice"),
    (b"postmaster notify", "bounce-notice"),
    (b"skipped, still being delivered", "queue"),
    (b"released from hold", "queue"),
    (b"placed on hold", "queue"),
    (b"requeued", "queue"),
    (b"sending defer warning", "bounce-notice"),
    (b"enabling PIX workarounds", "remote-server"),
    (b"host ", "remote-server"),
    (b"lost connection with ", "remote-server"),
    (b"conversation with ", "remote-server"),
    (b"Server certificate ", "tls-outbound"),
    (b"TLS is required", "tls-outbound"),
    (b"Cannot start TLS", "tls-outbound"),
    (b"breaking line ", "remote-server"),
    (b"passing ", "remote-server"),
    (b"replacing ", "message-rewrite"),
];

/// Words at the front of a message.
const PLAIN: [(&[u8], &str); 48] = [
    (b"connect to ", "remote-server"),
    (b"Untrusted TLS connection established to ", "tls-outbound"),
    (b"Trusted TLS connection established to ", "tls-outbound"),
    (b"Verified TLS connection established to ", "tls-outbound"),
    (b"Anonymous TLS connection established to ", "tls-outbound"),
    (b"Untrusted TLS connection reused to ", "tls-outbound"),
    (b"Trusted TLS connection reused to ", "tls-outbound"),
    (b"Verified TLS connection reused to ", "tls-outbound"),
    (b"Anonymous TLS connection reused to ", "tls-outbound"),
    (b"SSL_connect error to ", "tls-outbound"),
    (b"certificate verification failed for ", "tls-certificate"),
    (b"Untrusted certificate verification failed ", "tls-certificate"),
    (b"Server certificate ", "tls-certificate"),
    (b"setting up TLS connection ", "tls-detail"),
    (b"initializing the ", "tls-detail"),
    (b"SSL_accept:", "tls-detail"),
    (b"SSL_connect:", "tls-detail"),
    (b"SSL3 alert ", "tls-detail"),
    (b"TLS SNI ", "tls-detail"),
    (b"CONNECT to ", "tls-proxy"),
    (b"statistics: ", "statistics"),
    (b"table ", "table"),
    (b"cache ", "cache"),
    (b"close database ", "cache"),
    (b"entering STRESS mode ", "stress"),
    (b"leaving STRESS mode ", "stress"),
    (b"discarding EHLO keywords: ", "session-detail"),
    (b"using backwards-compatible default setting ", "configuration"),
    (b"support for ", "configuration"),
    (b"name_mask: ", "configuration"),
    (b"starting the Postfix mail system", "lifecycle"),
    (b"stopping the Postfix mail system", "lifecycle"),
    (b"refreshing the Postfix mail system", "lifecycle"),
    (b"daemon started -- ", "lifecycle"),
    (b"reload -- ", "lifecycle"),
    (b"terminating on signal ", "lifecycle"),
    (b"rewriting ", "lifecycle"),
    (b"skipping address family ", "dns"),
    (b"lookup error ", "dns"),
    (b"Host offered STARTTLS: ", "tls-outbound"),
    (b"Relaying allowed for certified client: ", "relay-certificate"),
    (b"relay_clientcerts: ", "relay-certificate"),
    (b"fingerprint=", "tls-detail"),
    (b"subject_CN=", "tls-detail"),
    (b"issuer=", "tls-detail"),
    (b"premature end-of-input ", "internal"),
    (b"to prevent loss of mail, ", "remote-server"),
    (b"private/", "internal"),
];

/// Words behind `warning: `, `error: ` or `info: `.
const WARNINGS: [(&[u8], &str); 62] = [
    (b"extract_answer: ", "dns"),
    (b"disabling input from ", "internal"),
    (b"numeric hostname: ", "hostname"),
    (b"valid_hostname: ", "hostname"),
    (b"valid_ipv4_hostaddr: ", "hostname"),
    (b"valid_ipv6_hostaddr: ", "hostname"),
    (b"malformed domain name in ", "hostname"),
    (b"numeric domain name in ", "hostname"),
    (b"TLS library problem: ", "tls-library"),
    (b"problem talking to server ", "policy-server"),
    (b"access denied by policy server", "policy-server"),
    (b"malformed input from policy server", "policy-server"),
    (b"SASL authentication failure: ", "sasl-library"),
    (b"SASL authentication problem: ", "sasl-library"),
    (b"SASL authentication info: ", "sasl-library"),
    (b"SASL: ", "sasl-library"),
    (b"SASL per-", "sasl-library"),
    (b"xsasl_", "sasl-library"),
    (b"smtpd_", "sasl-library"),
    (b"unsupported SASL ", "sasl-library"),
    (b"connect to Milter service ", "milter"),
    (b"milter ", "milter"),
    (b"Milter ", "milter"),
    (b"dnsblog_query: ", "dns"),
    (b"dnsblog reply timeout ", "dns"),
    (b"dns_query: ", "dns"),
    (b"no MX host for ", "dns"),
    (b"Unable to look up ", "dns"),
    (b"mailer loop: ", "loop"),
    (b"dict_", "table"),
    (b"database ", "table"),
    (b"open database ", "table"),
    (b"table ", "table"),
    (b"hash:", "table"),
    (b"proxy:", "table"),
    (b"mysql:", "table"),
    (b"ldap:", "table"),
    (b"cdb:", "table"),
    (b"lmdb:", "table"),
    (b"btree:", "table"),
    (b"pgsql:", "table"),
    (b"unionmap:", "table"),
    (b"virtual_", "table"),
    (b"access table ", "configuration"),
    (b"restriction ", "configuration"),
    (b"support for ", "configuration"),
    (b"do not list ", "configuration"),
    (b"bounce_queue_lifetime ", "configuration"),
    (b"not owned by ", "configuration"),
    (b"group or other writable", "configuration"),
    (b"unknown smtpd restriction", "configuration"),
    (b"relay_clientcerts: ", "relay-certificate"),
    (b"psc_", "postscreen-internal"),
    (b"getpeername: ", "postscreen-internal"),
    (b"cannot ", "internal"),
    (b"connect #", "internal"),
    (b"timeout ", "internal"),
    (b"process ", "lifecycle"),
    (b"service ", "internal"),
    (b"premature end-of-input ", "internal"),
    (b"not enough free space in mail queue", "disk"),
    (b"mail system is down", "lifecycle"),
];

fn first(rows: &[(&[u8], &'static str)], text: &[u8]) -> Option<&'static str> {
    let first = text.first()?;
    let row = rows.iter().find(|row| row.0.first() == Some(first) && text.starts_with(row.0))?;
    Some(row.1)
}

/// A line with a queue id.
pub(super) fn queue(text: &[u8]) -> Option<&'static str> {
    first(&QUEUE, text)
}

/// A line without.
pub(super) fn plain(text: &[u8]) -> Option<&'static str> {
    first(&PLAIN, text)
}

/// A warning.
pub(super) fn warning(text: &[u8]) -> Option<&'static str> {
    first(&WARNINGS, text)
}
