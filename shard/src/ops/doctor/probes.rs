//! What `/proc` and `/sys` do not say: whether a ring can be opened, and what ethtool reports.

use super::Host;
use ringshard_link::uring::Ring;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Where ethtool may be. The second is not in the search path of every user.
const ETHTOOL: [&str; 2] = ["ethtool", "/usr/sbin/ethtool"];

/// The results.
#[derive(Clone, Debug)]
pub struct Probes {
    /// Whether a ring can be opened, or why not.
    pub uring: Result<(), String>,
    /// What ethtool reports, by network interface; empty if it is not installed.
    pub ethtool: BTreeMap<String, Ethtool>,
}

/// What ethtool printed about a network interface; empty if it refused.
#[derive(Clone, Default, Debug)]
pub struct Ethtool {
    /// `ethtool -k`: its offloads.
    pub features: String,
    /// `ethtool -l`: its queues.
    pub channels: String,
}

impl Probes {
    /// Probes this machine, whatever the root of `host` is.
    pub fn take(host: &Host) -> Self {
        let ask = |nic: &String| {
            let ethtool = Ethtool { features: ethtool("-k", nic)?, channels: ethtool("-l", nic)? };
            Some((nic.clone(), ethtool))
        };
        Probes {
            uring: Ring::open().map(drop).map_err(|error| error.to_string()),
            ethtool: host.nics().iter().filter_map(ask).collect(),
        }
    }
}

/// What ethtool prints; None if it is not installed.
fn ethtool(option: &str, nic: &str) -> Option<String> {
    let run = |program| Command::new(program).args([option, nic]).stderr(Stdio::null()).output().ok();
    ETHTOOL.into_iter().find_map(run).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Ethtool {
    /// Whether a feature is on; None if ethtool does not list it.
    pub(super) fn has(&self, feature: &str) -> Option<bool> {
        let state = |line: &str| Some(line.trim().strip_prefix(feature)?.strip_prefix(':')?.trim().starts_with("on"));
        self.features.lines().find_map(state)
    }

    /// The highest possible number of queues.
    pub(super) fn queues_max(&self) -> Option<usize> {
        self.channels.lines().find_map(|line| line.strip_prefix("Combined:")?.trim().parse().ok())
    }
}
