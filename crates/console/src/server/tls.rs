//! TLS from PEM files, which are read anew when they change: a certificate is renewed while the
//! console runs. Who serves may have no right to read them any more: then whoever started it opens
//! them, and hands them over.

use crate::clock;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use x509_cert::der::Decode as _;

/// How often the files are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A renewal writes one file after the other: what fails for so long is told.
const FAILS_FOR: Duration = Duration::from_secs(30);
/// The longest file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Where certificate and key are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// What is wrong with a certificate or its key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

impl TlsError {
    fn of(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
        TlsError(format!("{}: {why}", path.display()))
    }
}

/// By which it is seen that the files are others than before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp([Seen; 2]);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    At(Option<SystemTime>, u64),
    /// In a directory that may not be looked into.
    Hidden,
    Gone,
}

impl TlsFiles {
    /// How the files look now.
    pub fn stamp(&self) -> Stamp {
        let seen = |path: &Path| match std::fs::metadata(path) {
            Ok(file) => Seen::At(file.modified().ok(), file.len()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Seen::Hidden,
            Err(_) => Seen::Gone,
        };
        Stamp([seen(&self.certificate), seen(&self.key)])
    }

    /// Opens both, certificate and key.
    ///
    /// # Errors
    /// One cannot be opened.
    pub fn open(&self) -> Result<[File; 2], TlsError> {
        let open = |path: &Path| File::open(path).map_err(|error| TlsError::of(path, &error));
        Ok([open(&self.certificate)?, open(&self.key)?])
    }
}

/// What the files hold, fit to be served.
struct Pair {
    acceptor: TlsAcceptor,
    /// When the certificate ends, seconds since 1970, where it can be read.
    not_after_s: Option<i64>,
}

/// A pair that is newer and cannot be served.
struct Failing {
    why: TlsError,
    since: Instant,
    is_told: bool,
}

struct Now {
    pair: Pair,
    /// How the files looked when it was read.
    stamp: Stamp,
    failing: Option<Failing>,
}

/// TLS with what the files held last.
pub struct Tls {
    files: TlsFiles,
    now: Mutex<Now>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.files.fmt(out)
    }
}

impl Tls {
    /// Reads both files, whatever right that wants: call it before rights are given up.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn read(files: &TlsFiles) -> Result<Tls, TlsError> {
        let stamp = files.stamp();
        let now = Now { pair: pair(files, files.open()?)?, stamp, failing: None };
        Ok(Tls { files: files.clone(), now: Mutex::new(now) })
    }

    /// Takes the files as somebody opened them who has the right to, or why he could not. What
    /// cannot be served leaves what was before.
    pub fn take(&self, opened: Result<[File; 2], TlsError>) {
        let stamp = self.files.stamp();
        let read = opened.and_then(|opened| pair(&self.files, opened));
        self.put(read, stamp, clock::monotonic());
    }

    /// When the certificate that is served ends, in seconds since 1970, where it says so.
    pub fn not_after_s(&self) -> Option<i64> {
        self.now().pair.not_after_s
    }

    /// Why what the files hold now is not served.
    pub fn trouble(&self) -> Option<String> {
        self.now().failing.as_ref().map(|failing| failing.why.to_string())
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = self.now().pair.acceptor.clone();
        acceptor.accept(stream).await
    }

    /// Looks whether there is another pair: what is to be told, once.
    pub(super) fn look(&self, at: Instant) -> Option<String> {
        let stamp = self.files.stamp();
        let (is_other, is_failing) = {
            let now = self.now();
            (stamp != now.stamp, now.failing.is_some())
        };
        // What may not be seen is brought by whoever may.
        if !stamp.0.contains(&Seen::Hidden) && (is_other || is_failing) {
            let read = self.files.open().and_then(|opened| pair(&self.files, opened));
            self.put(read, stamp, at);
        }
        self.to_tell(at)
    }

    fn put(&self, read: Result<Pair, TlsError>, stamp: Stamp, at: Instant) {
        let mut now = self.now();
        match read {
            Ok(pair) => *now = Now { pair, stamp, failing: None },
            Err(why) => {
                now.stamp = stamp;
                match &mut now.failing {
                    Some(failing) if failing.why == why => {}
                    Some(failing) => (failing.why, failing.is_told) = (why, false),
                    None => now.failing = Some(Failing { why, since: at, is_told: false }),
                }
            }
        }
    }

    fn to_tell(&self, at: Instant) -> Option<String> {
        let mut now = self.now();
        let ends = match now.pair.not_after_s {
            Some(end_s) => format!("until {}", event::Timestamp::from_seconds(end_s)),
            None => "for a time that it does not say".to_owned(),
        };
        let failing = now.failing.as_mut()?;
        if failing.is_told || at.saturating_duration_since(failing.since) < FAILS_FOR {
            return None;
        }
        failing.is_told = true;
        Some(format!(
            "{}: the certificate before is served, which is good {ends}; put console.certificate and \
             console.key right, or start mailward anew where it may read them only at its start",
            failing.why
        ))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn content(path: &Path, file: File) -> Result<Vec<u8>, TlsError> {
    let mut content = Vec::new();
    let read = file.take(FILE_MAX).read_to_end(&mut content);
    read.map(|_| content).map_err(|error| TlsError::of(path, &error))
}

fn pair(files: &TlsFiles, [certificate, key]: [File; 2]) -> Result<Pair, TlsError> {
    let of_certificate = |error: &dyn std::fmt::Display| TlsError::of(&files.certificate, error);
    let content_of_key = content(&files.key, key)?;
    let certificates: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&content(&files.certificate, certificate)?).collect();
    let certificates = certificates.map_err(|error| of_certificate(&error))?;
    let key = PrivateKeyDer::from_pem_slice(&content_of_key)
        .map_err(|error| TlsError::of(&files.key, &error))?;
    let not_after_s = certificates.first().and_then(not_after_s);
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| of_certificate(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Pair { acceptor: TlsAcceptor::from(Arc::new(config)), not_after_s })
}

fn not_after_s(certificate: &CertificateDer<'_>) -> Option<i64> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    i64::try_from(end.as_secs()).ok()
}

#[cfg(test)]
pub mod tests;
