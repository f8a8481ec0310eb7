//! The listener.

use crate::Host;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where and how the console listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP addresses.
    pub listen: Vec<SocketAddr>,
    /// A unix socket, mode 0600.
    pub socket: Option<PathBuf>,
    /// The state directory: the journal lies there, and the console's own file.
    pub dir: PathBuf,
}

/// Serves until `stop` is done.
///
/// # Errors
/// It cannot listen.
pub async fn serve(
    _options: Options,
    _host: Arc<dyn Host>,
    _stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    Ok(())
}
