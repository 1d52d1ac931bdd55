//! The task that reads the file again and probes its hosts.

use super::{ProbeAnswer, StaticRoster};
use crate::registry::reader::Feed;
use crate::registry::{DirectoryReader, FleetSettings, RegistrySettings, StaticHost};
use ringshard::ops::admin::AdminClient;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two probes of a host, and between two looks at the file.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a host may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks a host what it says about itself. It may block.
pub type Probe = Arc<dyn Fn(&StaticHost) -> ProbeAnswer + Send + Sync>;

/// Asks the admin port of a host's server.
fn ask_admin_port(host: &StaticHost) -> ProbeAnswer {
    let client = AdminClient::with_token_file(host.admin, host.admin_token_file.as_deref());
    client.and_then(|client| client.within(PROBE_TIMEOUT).get("/host")).map_err(|error| error.to_string())
}

/// Follows the hosts of a file on a task of the current tokio runtime, until every reader is dropped. The file is read again
/// when it changes; while it cannot be used, the former hosts stay. `probe` replaces the question to the admin port in tests.
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_file(path: PathBuf, hosts: Vec<StaticHost>, probe: Option<Probe>) -> DirectoryReader {
    let (feed, reader) = DirectoryReader::channel();
    let mut roster = StaticRoster::default();
    roster.set_hosts(hosts);
    let read_at = modified(&path);
    let probe = probe.unwrap_or_else(|| Arc::new(ask_admin_port));
    tokio::spawn(FileTask { path, read_at, roster, probe, feed }.run());
    reader
}

/// When the file was last written, and its length.
fn modified(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

struct FileTask {
    path: PathBuf,
    read_at: Option<(SystemTime, u64)>,
    roster: StaticRoster,
    probe: Probe,
    feed: Feed,
}

impl FileTask {
    async fn run(mut self) {
        let mut rounds = interval(PROBE_INTERVAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.feed.is_closed() {
            rounds.tick().await;
            self.reload();
            self.probe_all().await;
            self.feed.publish(self.roster.directory());
            self.feed.set_freshness(|freshness| freshness.current_at = Some(Instant::now()));
        }
    }

    /// Reads the file again if it has changed.
    fn reload(&mut self) {
        let now = modified(&self.path);
        if now.is_none() || now == self.read_at {
            return;
        }
        self.read_at = now;
        match FleetSettings::load(&self.path) {
            Ok(FleetSettings { registry: RegistrySettings::Hosts(hosts), .. }) => {
                tracing::info!(file = %self.path.display(), hosts = hosts.len(), "the file of the fleet was read again");
                self.roster.set_hosts(hosts);
                self.feed.set_freshness(|freshness| freshness.trouble = None);
            }
            Ok(_) => self.keep("it has [etcd] now: restart the program to use etcd".into()),
            Err(error) => self.keep(error.to_string()),
        }
    }

    fn keep(&self, trouble: String) {
        tracing::error!(error = %trouble, "the former hosts stay");
        self.feed.set_freshness(|freshness| freshness.trouble = Some(trouble));
    }

    /// Probes all hosts at the same time.
    async fn probe_all(&mut self) {
        let (answers, mut answered) = mpsc::unbounded_channel();
        for host in self.roster.hosts().cloned() {
            let (probe, answers) = (self.probe.clone(), answers.clone());
            tokio::task::spawn_blocking(move || answers.send((probe(&host), host.name)));
        }
        drop(answers);
        while let Some((answer, name)) = answered.recv().await {
            if let Some(line) = self.roster.answered(&name, answer) {
                tracing::info!("{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard::ops::host::{HostStatus, Readiness};
    use tokio::time::sleep;

    /// A file with these hosts.
    fn file_of(names: &[&str]) -> String {
        let host = |name: &&str| {
            let key = name.repeat(64);
            format!(
                "[[hosts]]\nname='{name}'\nregion='eu'\naddress='a.example:1'\nkey='{key}'\nadmin='192.0.2.1:3566'\n"
            )
        };
        names.iter().map(host).collect()
    }

    #[test]
    fn the_file_is_read_again_and_a_fault_in_it_changes_nothing() {
        let path = std::env::temp_dir().join(format!("ringshard-fleet-{}.toml", std::process::id()));
        std::fs::write(&path, file_of(&["a"])).unwrap();
        let RegistrySettings::Hosts(hosts) = FleetSettings::load(&path).unwrap().registry else { panic!("hosts") };
        // The host b does not answer.
        let probe = |host: &StaticHost| match host.name.as_str() {
            "b" => Err("timeout".into()),
            _ => Ok(HostStatus {
                state: Readiness::Ready,
                version: "1".into(),
                contract: String::new(),
                key: host.key.clone(),
                capacity: 100,
                players: 7,
                load: 0.5,
                drain_ms: Some(0),
            }),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let reader = follow_file(path.clone(), hosts, Some(Arc::new(probe)));
            let names = || reader.latest().hosts.keys().map(ToString::to_string).collect::<Vec<_>>();
            let (soon, trouble) = (Duration::from_secs(3), || reader.freshness.borrow().trouble.clone());
            sleep(soon).await;
            assert_eq!((names(), trouble()), (vec!["a".to_owned()], None));
            std::fs::write(&path, file_of(&["a", "b", "c"])).unwrap();
            sleep(soon).await;
            assert_eq!((names(), trouble()), (vec!["a".to_owned(), "c".into()], None));
            std::fs::write(&path, "hosts = 5").unwrap();
            sleep(soon).await;
            assert_eq!(names(), ["a", "c"]);
            assert!(trouble().is_some_and(|trouble| trouble.contains("hosts")), "{:?}", trouble());
            std::fs::write(&path, file_of(&["c"])).unwrap();
            sleep(soon).await;
            assert_eq!((names(), trouble()), (vec!["c".to_owned()], None));
        });
        let _ = std::fs::remove_file(&path);
    }
}
