//! What makes this host slow or unable to serve, and the command that fixes it.
//!
//! Everything is read from `/proc`, `/sys` and `/run`, below a root that tests can replace. Nothing is changed:
//! `scripts/tune-host.sh` fixes what [`Finding::tune_host`] marks. [`Probes`] has what no file says.

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

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to do.
    Ok,
    /// The server runs, but not as well as it could.
    Warn,
    /// The server cannot run.
    Fail,
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// Its result.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// The command or setting that fixes it; empty if there is nothing to do.
    pub fix: String,
    /// Whether `tune-host.sh` fixes it.
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
        let finding = Self::warn(check, found, fix);
        assert!(!finding.fix.is_empty(), "{check}: a failed check says how to fix it");
        Finding { verdict: Verdict::Fail, ..finding }
    }

    /// A finding that `tune-host.sh` also fixes.
    fn tuned(self) -> Self {
        Finding { tune_host: true, ..self }
    }
}

impl Host {
    /// Runs all checks.
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
