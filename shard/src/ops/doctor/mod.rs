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
pub use ringshard_operation::{Finding, Verdict};

impl Host {
    /// Runs all checks.
    pub fn examine(&self, probes: &Probes) -> Vec<Finding> {
        vec![
            self.kernel(),
            self.io_uring(&probes.uring),
            self.system_calls(),
            self.container(),
            self.locked_memory(),
            self.open_files(limits::OPEN_FILES_MIN),
            self.socket_buffer("receive buffer", "rmem_max", limits::SOCKET_BUFFER_BYTES),
            self.socket_buffer("send buffer", "wmem_max", limits::SOCKET_BUFFER_BYTES),
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

    /// Runs the checks that matter to a gateway, which may have this many files open and asks for socket buffers of this size.
    pub fn examine_for_gateway(&self, open_files: u64, socket_buffer_bytes: u64) -> Vec<Finding> {
        vec![
            self.kernel_of_gateway(),
            self.container(),
            self.open_files(open_files),
            self.socket_buffer("receive buffer", "rmem_max", socket_buffer_bytes),
            self.socket_buffer("send buffer", "wmem_max", socket_buffer_bytes),
            self.connection_tracking(),
            self.clock_source(),
            self.time(),
        ]
    }
}
