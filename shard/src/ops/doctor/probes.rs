//! What no file of `/proc` and `/sys` tells, asked of the kernel and of ethtool.

use super::Host;
use ringshard_link::uring::Ring;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Where ethtool may be; the second is not in the search path of everybody.
const ETHTOOL: [&str; 2] = ["ethtool", "/usr/sbin/ethtool"];

/// What was asked.
#[derive(Clone, Debug)]
pub struct Probes {
    /// What a try to set up a ring said.
    pub uring: Result<(), String>,
    /// What ethtool said of each network interface that it was asked about; none where it is not installed.
    pub ethtool: BTreeMap<String, Ethtool>,
}

/// What ethtool printed about a network interface; empty where it refused.
#[derive(Clone, Default, Debug)]
pub struct Ethtool {
    /// By `ethtool -k`: what it does for the kernel.
    pub features: String,
    /// By `ethtool -l`: its queues.
    pub channels: String,
}

impl Probes {
    /// Asks this machine, whatever the root of `host`.
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

/// What it prints; nothing where it is not installed.
fn ethtool(option: &str, nic: &str) -> Option<String> {
    let run = |program| Command::new(program).args([option, nic]).stderr(Stdio::null()).output().ok();
    ETHTOOL.into_iter().find_map(run).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Ethtool {
    /// Whether a feature is on; nothing where it is not told.
    pub(super) fn has(&self, feature: &str) -> Option<bool> {
        let state = |line: &str| Some(line.trim().strip_prefix(feature)?.strip_prefix(':')?.trim().starts_with("on"));
        self.features.lines().find_map(state)
    }

    /// Queues that it can have at most.
    pub(super) fn queues_max(&self) -> Option<usize> {
        self.channels.lines().find_map(|line| line.strip_prefix("Combined:")?.trim().parse().ok())
    }
}
