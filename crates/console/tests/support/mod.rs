//! A console that serves in a thread of its own, for the tests that speak to it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod certificate;

use console::{Console, Host, Options, TlsFiles};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;

/// On loopback and on a socket, in this directory.
pub fn options(dir: &Path) -> Options {
    Options {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        socket: Some(dir.join("console.sock")),
        dir: dir.to_owned(),
        tls: None,
        names: Vec::new(),
        is_open: false,
        is_recorded: false,
        any_port: false,
    }
}

/// Serves until what comes with the address is dropped.
pub fn serve(options: Options, host: Arc<dyn Host>) -> (String, oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, listening) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let console = Console::listen(options, host).await.unwrap();
            ready.send(console.url().unwrap()).unwrap();
            console.serve(async { drop(stopped.await) }).await;
        });
    });
    let address = listening.recv().unwrap().split("//").nth(1).unwrap().to_owned();
    (address, stop)
}

/// A key and a certificate of its own making.
pub fn make_certificate(files: &TlsFiles, name: &str) {
    certificate::make(&files.certificate, &files.key, name, 2);
}
