//! Orders to hosts, and the policy, as they are kept: in the registry, or in files.

use crate::balancer::Policy;
use crate::model::Name;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where orders and the policy are kept.
#[derive(Debug)]
pub(super) enum Fleet {
    /// The hosts are in a file, which operators edit. So is the policy, which may be replaced.
    File {
        /// The policy's file.
        policy: Option<PathBuf>,
    },
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
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum OrderFault {
    /// The fleet keeps no orders.
    #[error("{0}")]
    NotKept(&'static str),
    /// It cannot be written.
    #[error("{0}")]
    Failed(String),
}

impl Fleet {
    /// Orders something.
    pub(super) async fn order(
        &self,
        _host: &Name,
        _order: HostOrder,
        _by: &str,
        _reason: &str,
    ) -> Result<(), OrderFault> {
        match self {
            Fleet::File { .. } => Err(OrderFault::NotKept(
                "the hosts of this fleet are in a file, which every balancer reads again when it changes: edit the file",
            )),
        }
    }

    /// Keeps a policy, so that this instance has it again when it starts.
    pub(super) async fn keep_policy(&self, policy: &Policy) -> Result<(), OrderFault> {
        match self {
            Fleet::File { policy: None } => {
                Err(OrderFault::NotKept("this balancer has no file for its policy: set `policy`, and start it again"))
            }
            Fleet::File { policy: Some(path) } => write_policy(path, policy)
                .map_err(|error| OrderFault::Failed(format!("cannot write {}: {error}", path.display()))),
        }
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

/// What a file was when it was looked at. None: there is no file.
pub(super) type Stamp = Option<(SystemTime, u64)>;

pub(super) fn stamp(path: &Path) -> Stamp {
    let status = std::fs::metadata(path).ok()?;
    Some((status.modified().ok()?, status.len()))
}
