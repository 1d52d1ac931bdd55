//! A balancer on a port of loopback, and clients that ask it.

mod attempts;
mod client;
mod explanations;
mod hostile;
mod operators;
mod plain;
mod replays;
mod routes;

use super::{LimitSettings, Server, Settings};
use crate::balancer::fixtures::{directory, host};
use crate::model::{Directory, Host};
use crate::registry::{DirectoryReader, Freshness};
use client::Client;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const READER: &str = "reader-0123456789abcdef";
const WRITER: &str = "writer-0123456789abcdef";

/// A balancer.
struct Bench {
    server: Server,
    directory: watch::Sender<Arc<Directory>>,
}

impl Bench {
    async fn start(settings: Settings, hosts: impl IntoIterator<Item = Host>) -> Bench {
        let (sender, directory) = watch::channel(Arc::new(directory(hosts)));
        let server = Server::start(settings, reader(directory), None).await.expect("the balancer starts");
        Bench { server, directory: sender }
    }

    async fn client(&self) -> Client {
        Client::connect(self.server.address()).await
    }

    async fn counter(&self, name: &str) -> u64 {
        let page = self.client().await.get_as(READER, "/metrics").await.text;
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("ringshard_balance_{name}_total ")));
        line.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
    }
}

/// Asks until the answer has a text. What the balancer takes in from outside, it takes in a moment later.
async fn until(client: &mut Client, token: &str, path: &str, expected: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = client.get_as(token, path).await;
        if answer.text.contains(expected) {
            return;
        }
        assert!(Instant::now() < end, "{path} lacks {expected}: {}", answer.text);
        sleep(Duration::from_millis(20)).await;
    }
}

fn reader(directory: watch::Receiver<Arc<Directory>>) -> DirectoryReader {
    let (_, freshness) = watch::channel(Freshness::default());
    DirectoryReader { directory, freshness }
}

/// Any free port of loopback.
fn settings() -> Settings {
    Settings { listen: ([127, 0, 0, 1], 0).into(), look_every: Duration::from_millis(20), ..Settings::default() }
}

/// Ten hosts in each of two regions.
fn hosts() -> Vec<Host> {
    let names = |region: &'static str| (0..10).map(move |number| host(&format!("{region}-{number}"), region));
    names("eu").chain(names("us")).collect()
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringshard-balance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file that only its owner can read.
    fn private(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A file that is there as a whole at once.
    fn replace(&self, name: &str, text: &str) -> PathBuf {
        let (begun, path) = (self.path("begun"), self.path(name));
        std::fs::write(&begun, text).unwrap();
        std::fs::rename(begun, &path).unwrap();
        path
    }

    fn tokens(&self) -> PathBuf {
        self.private("tokens", &format!("boards read {READER}\nanna write {WRITER}\n"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Nobody is exempt from limits.
fn strict() -> LimitSettings {
    LimitSettings { allow: Vec::new(), ..LimitSettings::default() }
}
