//! Orders to hosts, and the policy, as they are kept: orders in the registry, the policy in a file.

use super::clock::now_ms;
use crate::balancer::Policy;
use crate::model::Name;
use crate::registry::{Keys, Occasion, Operator, OrderError};
use crate::store::Store;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A registry that keeps orders.
#[derive(Clone)]
pub struct Registry {
    /// Where its records are kept.
    pub store: Store,
    /// The keys of the fleet.
    pub keys: Keys,
}

/// Where orders and the policy are kept.
pub(super) struct Fleet {
    /// None: the hosts are in a file, which operators edit.
    pub(super) registry: Option<Registry>,
    /// The policy's file. None: the policy is the usual one.
    pub(super) policy: Option<PathBuf>,
}

/// What an operator orders a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HostOrder {
    /// Keep newcomers away.
    MaintenanceOn,
    /// Take newcomers again.
    MaintenanceOff,
    /// Let players leave, and end.
    Drain,
}

impl HostOrder {
    pub(super) fn name(self) -> &'static str {
        match self {
            HostOrder::MaintenanceOn => "maintenance on",
            HostOrder::MaintenanceOff => "maintenance off",
            HostOrder::Drain => "drain",
        }
    }
}

/// An order that was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderFault {
    /// The fleet keeps no orders.
    #[error("{0}")]
    NotKept(&'static str),
    /// The registry does not take it.
    #[error(transparent)]
    Registry(#[from] OrderError),
    /// A file cannot be written.
    #[error("{0}")]
    File(String),
}

impl OrderFault {
    /// The status of HTTP that says so.
    pub(super) fn status(&self) -> u16 {
        match self {
            OrderFault::NotKept(_) | OrderFault::Registry(OrderError::Contended(_)) => 409,
            OrderFault::Registry(OrderError::NoHost(_)) => 404,
            OrderFault::Registry(_) | OrderFault::File(_) => 503,
        }
    }
}

impl Fleet {
    /// Orders something. The registry has the order and its audit. `random` keeps apart what is written in the same millisecond.
    pub(super) async fn order(
        &self,
        host: &Name,
        order: HostOrder,
        by: &str,
        reason: &str,
        random: u64,
    ) -> Result<(), OrderFault> {
        let Some(Registry { store, keys }) = self.registry.clone() else {
            return Err(OrderFault::NotKept(
                "the hosts of this fleet are in a file, which every balancer reads again when it changes: edit the file",
            ));
        };
        let operator = Operator::new(store, keys, &format!("{by} by ringshard balance"));
        let occasion = Occasion { at_ms: now_ms(), random, reason: reason.to_owned() };
        match order {
            HostOrder::MaintenanceOn => operator.set_maintenance(host, true, &occasion).await.map(drop)?,
            HostOrder::MaintenanceOff => operator.set_maintenance(host, false, &occasion).await.map(drop)?,
            HostOrder::Drain => operator.drain(host, &occasion).await.map(drop)?,
        }
        Ok(())
    }

    /// Keeps a policy, so that this instance has it again when it starts.
    pub(super) fn keep_policy(&self, policy: &Policy) -> Result<(), OrderFault> {
        let Some(path) = &self.policy else {
            let why = "this balancer has no file for its policy: set `policy`, and start it again";
            return Err(OrderFault::NotKept(why));
        };
        write_policy(path, policy)
            .map_err(|error| OrderFault::File(format!("cannot write {}: {error}", path.display())))
    }
}

/// Reads a policy in TOML.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub(super) fn read_policy(path: &Path) -> Result<Policy, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.trim().is_empty() {
        // An editor may be about to write it.
        return Err(format!("{} is empty: a policy has at least one setting", path.display()));
    }
    let policy: Policy = toml::from_str(&text).map_err(|error| format!("{} is no policy: {error}", path.display()))?;
    match policy.faults() {
        faults if faults.is_empty() => Ok(policy),
        faults => Err(format!("{} has settings that are wrong:\n  {}", path.display(), faults.join("\n  "))),
    }
}

/// Replaces the file at once: a reader sees the old policy or the new one.
fn write_policy(path: &Path, policy: &Policy) -> std::io::Result<()> {
    let text = toml::to_string_pretty(policy).map_err(std::io::Error::other)?;
    let begun = path.with_extension("new");
    std::fs::write(&begun, text)?;
    std::fs::rename(begun, path)
}

/// What a file was when it was looked at: its number, and when it was changed last. Other than the time at which it was
/// written, that time also says that its permissions have changed. None: there is no file.
pub(super) type Stamp = Option<(u64, i64, i64)>;

pub(super) fn stamp(path: &Path) -> Stamp {
    let status = std::fs::metadata(path).ok()?;
    Some((status.ino(), status.ctime(), status.ctime_nsec()))
}
