//! The bytes of a connection: as they come, or out of TLS 1.2 or 1.3 (RFC 5425).

use super::{SyslogAddress, SyslogError, SyslogOptions};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConnection, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::io::{self, ErrorKind, Read as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Records without any text that are taken in at one call; who sends more waits for his next turn.
const ROUNDS_MAX: usize = 64;

/// What TLS needs: who this host is, and who vouches for senders.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SyslogTls {
    /// This host's certificate and those up to its root, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Certificates of those who sign the senders' certificates, PEM. `None`: a sender needs no
    /// certificate, and its address alone says who it is.
    pub senders_ca: Option<PathBuf>,
}

/// TLS as configured, read from its files.
pub(super) type Secured = Arc<ServerConfig>;

impl SyslogOptions {
    /// Tries whether these addresses could be listened on, as far as files of TLS are needed.
    ///
    /// # Errors
    /// The file of TLS that is of no use or is not named, and why.
    pub fn check(&self, addresses: &[SyslogAddress]) -> Result<(), SyslogError> {
        self.secured(addresses).map(drop)
    }

    /// Reads the files. A renewed certificate is read at the next start.
    pub(super) fn secured(
        &self,
        addresses: &[SyslogAddress],
    ) -> Result<Option<Secured>, SyslogError> {
        let needs_tls = |address: &&SyslogAddress| matches!(address, SyslogAddress::Tls(_));
        match (&self.tls, addresses.iter().find(needs_tls)) {
            (None, Some(address)) => Err(SyslogError::NoCertificate(*address)),
            (None, None) => Ok(None),
            (Some(tls), _) => {
                secured(tls).map(Some).map_err(|(path, error)| SyslogError::File { path, error })
            }
        }
    }
}

/// # Errors
/// The file that is of no use, and why.
fn secured(tls: &SyslogTls) -> Result<Secured, (PathBuf, io::Error)> {
    let chain = certificates(&tls.certificate)?;
    let of_key = |error| (tls.key.clone(), error);
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| of_key(unusable(&error)))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| of_key(unusable(&error)))?;
    let builder = match &tls.senders_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let of_ca = |error| (path.clone(), error);
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| of_ca(unusable(&error)))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.build().map_err(|error| of_ca(unusable(&error)))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| of_key(unusable(&error)))?;
    // A sender stays connected: what would let it come back quicker is only to be kept.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, (PathBuf, io::Error)> {
    let read = || -> Result<Vec<_>, rustls::pki_types::pem::Error> {
        CertificateDer::pem_file_iter(path)?.collect()
    };
    match read() {
        Ok(found) if found.is_empty() => {
            let none = io::Error::new(ErrorKind::InvalidData, "it holds no certificate (PEM)");
            Err((path.to_owned(), none))
        }
        Ok(found) => Ok(found),
        Err(error) => Err((path.to_owned(), unusable(&error))),
    }
}

fn unusable(error: &dyn std::error::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error.to_string())
}

/// Where a connection's bytes come from.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Secured(TcpStream, Box<ServerConnection>),
}

impl Stream {
    /// On a socket that does not block.
    pub(super) fn new(socket: TcpStream, secured: Option<&Secured>) -> io::Result<Self> {
        let Some(secured) = secured else { return Ok(Stream::Plain(socket)) };
        let session = ServerConnection::new(Arc::clone(secured)).map_err(|e| unusable(&e))?;
        Ok(Stream::Secured(socket, Box::new(session)))
    }

    /// The next bytes; 0 at the end, `WouldBlock` where nothing is there now. What the socket gave
    /// is added to `taken`: of TLS that is more than its text, and may hold none.
    pub(super) fn read(&mut self, space: &mut [u8], taken: &mut usize) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(space).inspect(|count| *taken += count),
            Stream::Secured(socket, session) => decrypted(socket, session, space, taken),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Plain(socket) | Stream::Secured(socket, _) => socket.as_fd(),
        }
    }
}

fn decrypted(
    socket: &mut TcpStream,
    session: &mut ServerConnection,
    space: &mut [u8],
    taken: &mut usize,
) -> io::Result<usize> {
    for _ in 0..ROUNDS_MAX {
        match session.reader().read(space) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            done => return done,
        }
        *taken += session.read_tls(socket)?;
        let processed = session.process_new_packets();
        answer(socket, session)?;
        processed.map_err(|error| unusable(&error))?;
    }
    // Text of the last round would wait for what the socket brings next.
    session.reader().read(space)
}

/// Sends what TLS has to say: its handshake, an alert. That fits into the socket's buffer, or the
/// other side does not read, and is given up.
fn answer(socket: &mut TcpStream, session: &mut ServerConnection) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(socket).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
    }
    Ok(())
}
