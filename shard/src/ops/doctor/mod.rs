//! Whether a host is fit to serve (O5): what the kernel allows, what it is set to, and the command that mends it.
//!
//! Everything is read from `/proc`, `/sys` and `/run` below a root that tests can make, and nothing is changed:
//! `scripts/tune-host.sh` changes what [`Finding::tune_host`] marks. What no file tells, [`Probes`] has asked.

mod cpus;
mod host;
mod kernel;
mod limits;
mod network;
mod probes;
mod processors;
mod services;

pub use cpus::CpuSet;
pub use host::{Host, Plan, PlanError};
pub use probes::{Ethtool, Probes};

use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It serves, but not as well as it could.
    Warn,
    /// It does not serve, or not as this build is meant to.
    Fail,
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// The command, or the setting, that mends it; empty where nothing is to be done.
    pub fix: String,
    /// Whether `tune-host.sh` mends it.
    pub tune_host: bool,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Ok, found: found.into(), fix: String::new(), tune_host: false }
    }

    fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { check, verdict: Verdict::Warn, found: found.into(), fix: fix.into(), tune_host: false }
    }

    fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Fail, ..Self::warn(check, found, fix) }
    }

    /// One that `tune-host.sh` mends, too.
    fn tuned(self) -> Self {
        Finding { tune_host: true, ..self }
    }
}

impl Host {
    /// Looks at everything.
    pub fn examine(&self, probes: &Probes) -> Vec<Finding> {
        vec![
            self.kernel(),
            self.io_uring(&probes.uring),
            self.system_calls(),
            self.container(),
            self.locked_memory(),
            self.open_files(),
            self.socket_buffer("receive buffer", "rmem_max"),
            self.socket_buffer("send buffer", "wmem_max"),
            self.governor(),
            self.hyper_threads(),
            self.isolation(),
            self.memory_nodes(),
            self.nic_queues(probes),
            self.nic_interrupts(),
            self.irqbalance(),
            self.receive_steering(),
            self.send_steering(),
            self.offloads(probes),
            self.connection_tracking(),
            self.clock_source(),
            self.time(),
        ]
    }
}
