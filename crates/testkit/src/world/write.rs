//! Lines exactly as the servers write them: Postfix 3.7, Dovecot 2.3 and Unbound 1.17 of Debian 12,
//! by rsyslog with RFC 3339 stamps.

pub(crate) mod dns;
pub(crate) mod dovecot;
pub(crate) mod postfix;
pub(crate) mod stamp;
pub(crate) mod undelivered;
