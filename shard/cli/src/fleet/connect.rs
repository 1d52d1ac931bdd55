//! Reaching the registry of a fleet.

use ringshard::runtime::entropy::random_bytes;
use ringshard_fleet::model::{Directory, Host};
use ringshard_fleet::registry::{
    DirectoryReader, FleetSettings, Keys, Occasion, Operator, RegistrySettings, open_directory, open_store,
};
use ringshard_fleet::topology::StaticNode;
use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Runtime};

/// How long the registry may take to answer.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Which fleet is asked.
#[derive(clap::Args)]
pub struct FleetArguments {
    /// File of the fleet: how its registry is reached.
    #[arg(long = "fleet", value_name = "FILE", env = "RINGSHARD_FLEET", default_value = "/etc/ringshard/fleet.toml")]
    file: PathBuf,
}

/// A fleet, within a runtime of this thread.
pub struct Fleet {
    settings: FleetSettings,
    runtime: Runtime,
}

impl FleetArguments {
    /// Reads the file of the fleet.
    pub fn open(&self) -> Result<Fleet, Box<dyn Error>> {
        Ok(Fleet::of(FleetSettings::load(&self.file)?)?)
    }
}

impl Fleet {
    /// The fleet of a file that was read.
    pub fn of(settings: FleetSettings) -> std::io::Result<Fleet> {
        Ok(Fleet { settings, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// Runs `work` to its end.
    pub fn run<T>(&self, work: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
        self.runtime.block_on(work)
    }

    /// Whether hosts and nodes register. Otherwise the file lists them.
    pub fn has_registry(&self) -> bool {
        matches!(self.settings.registry, RegistrySettings::Etcd(_))
    }

    /// Time after which a host that is silent is gone. Hosts of a file have none.
    pub fn lease(&self) -> Duration {
        match &self.settings.registry {
            RegistrySettings::Etcd(etcd) => etcd.lease(),
            RegistrySettings::Hosts(_) => Duration::ZERO,
        }
    }

    /// Whether hosts can hand players over to each other.
    pub fn has_bus(&self) -> bool {
        self.settings.bus.is_some()
    }

    /// The nodes that the file lists.
    pub fn nodes(&self) -> &[StaticNode] {
        &self.settings.nodes
    }

    /// The directory, once the registry has answered.
    pub async fn reader(&self) -> Result<(DirectoryReader, Arc<Directory>), Box<dyn Error>> {
        let mut reader = open_directory(&self.settings, seed())?;
        match tokio::time::timeout(TIMEOUT, reader.loaded()).await {
            Ok(directory) => Ok((reader, directory)),
            Err(_) => {
                let trouble = reader.freshness.borrow().trouble.clone();
                let why = trouble.unwrap_or_else(|| "it does not answer".into());
                Err(format!("{}: {why}", self.settings.path.display()).into())
            }
        }
    }

    /// Who gives orders to the hosts, in the name of the user of this process.
    pub fn operator(&self) -> Result<Operator, Box<dyn Error>> {
        match &self.settings.registry {
            RegistrySettings::Etcd(etcd) => {
                Ok(Operator::new(open_store(etcd, seed())?, Keys::new(&*etcd.prefix), &by()))
            }
            RegistrySettings::Hosts(_) => Err(format!(
                "{} lists the hosts of this fleet, which take no orders through it: run `ringshard drain` at the host, or \
                 set `maintenance = true` in the file",
                self.settings.path.display()
            )
            .into()),
        }
    }
}

/// An order that is given now.
pub fn occasion(reason: &str) -> Occasion {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Occasion { at_ms: now.as_millis() as u64, random: seed(), reason: reason.to_owned() }
}

/// A random number.
pub fn seed() -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = random_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The user of this process and the machine, as the audit names them.
fn by() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", user.unwrap_or_else(|| "unknown".into()), machine.trim())
}

/// For how long a host's server runs, by the clocks of the two machines. None: nobody knows.
pub fn uptime_s(host: &Host) -> Option<f64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_millis() as u64;
    (host.started_at_ms > 0).then(|| now.saturating_sub(host.started_at_ms) as f64 / 1e3)
}
