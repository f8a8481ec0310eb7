//! TLS from PEM files, which are read anew when they change: a certificate is renewed while the
//! console runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// Where certificate and key are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// When both files were written.
type Stamp = [Option<SystemTime>; 2];

/// TLS with what the files held last.
pub(super) struct Tls {
    files: TlsFiles,
    now: Mutex<(Stamp, TlsAcceptor)>,
}

impl Tls {
    pub(super) fn read(files: &TlsFiles) -> Result<Tls, String> {
        let now = Mutex::new((files.stamp(), acceptor(files)?));
        Ok(Tls { files: files.clone(), now })
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.acceptor().accept(stream).await
    }

    /// Files that are half-written, or wrong, leave what was before.
    fn acceptor(&self) -> TlsAcceptor {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.files.stamp();
        if stamp != now.0
            && let Ok(acceptor) = acceptor(&self.files)
        {
            *now = (stamp, acceptor);
        }
        now.1.clone()
    }
}

impl TlsFiles {
    fn stamp(&self) -> Stamp {
        let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        [written(&self.certificate), written(&self.key)]
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let told = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let certificates: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(&files.certificate)
            .map_err(|error| told(&files.certificate, &error))?
            .collect();
    let certificates = certificates.map_err(|error| told(&files.certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| told(&files.key, &error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| told(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
