//! A key and a certificate of its own making, for the tests inside the crate and beside it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Makes both, good for so many days.
pub fn make(certificate: &Path, key: &Path, name: &str, days: u32) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", &format!("/CN={name}"), "-days", &days.to_string(), "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
}
