//! A real node of etcd.

use crate::store::etcd::EtcdStore;
use crate::store::{EtcdSettings, Store};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A node of etcd that ends with the test.
pub(super) struct Etcd {
    process: Child,
    pub(super) folder: PathBuf,
    pub(super) endpoint: String,
}

impl Etcd {
    /// Starts one without TLS. None: it is not installed.
    pub(super) fn start() -> Option<Etcd> {
        Etcd::start_as("http", &[])
    }

    /// Starts one that clients reach over this scheme, with more flags.
    pub(super) fn start_as(scheme: &str, more: &[&str]) -> Option<Etcd> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ringshard-etcd-{}-{number}", std::process::id()));
        let (client, peer) = (format!("{scheme}://{}", free_address()), format!("http://{}", free_address()));
        let spawned = Command::new("etcd")
            .args(["--name", "test", "--log-level", "error", "--data-dir"])
            .arg(&folder)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("test={peer}")])
            // A lease lasts at least one and a half elections.
            .args(["--heartbeat-interval", "50", "--election-timeout", "500", "--unsafe-no-fsync"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(process) => Some(Etcd { process, folder, endpoint: client }),
            Err(error) => {
                eprintln!("skipped: etcd cannot be started ({error}); install Debian's etcd-server");
                None
            }
        }
    }

    pub(super) fn settings(&self) -> EtcdSettings {
        EtcdSettings::at(vec![self.endpoint.clone()])
    }

    /// A client, once the node answers.
    pub(super) async fn store(&self) -> Store {
        up(&self.settings()).await
    }
}

/// A client with these settings, once the node answers.
pub(super) async fn up(settings: &EtcdSettings) -> Store {
    let store = Store::Etcd(EtcdStore::new(settings, 0).expect("sound settings"));
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = store.get("x").await {
        assert!(Instant::now() < until, "etcd does not come up: {error}");
        sleep(Duration::from_millis(50)).await;
    }
    store
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// An address of this host that no program listens on.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
