//! What this host is, found without configuration.
