//! The kernel, and what limits its use.

use super::{Finding, Host};

/// Oldest kernel with everything that the io_uring link uses (deferred task work, ring-mapped buffers, multishot receive).
const KERNEL_MIN: (u32, u32) = (6, 1);
/// Oldest kernel with GSO and GRO for UDP (UDP_SEGMENT, UDP_GRO). The server does not run without them.
const KERNEL_REQUIRED: (u32, u32) = (5, 0);
/// The system calls that a seccomp filter must allow.
const URING_CALLS: &str = "io_uring_setup, io_uring_enter and io_uring_register";

impl Host {
    pub(super) fn kernel(&self) -> Finding {
        const CHECK: &str = "kernel";
        let release = self.read("proc/sys/kernel/osrelease").unwrap_or_default();
        let fix = format!("install kernel {}.{} or later", KERNEL_MIN.0, KERNEL_MIN.1);
        match version(&release) {
            Some(version) if version >= KERNEL_MIN => Finding::ok(CHECK, release),
            Some(version) if version < KERNEL_REQUIRED => {
                Finding::fail(CHECK, format!("{release}: too old for GSO and GRO of UDP, which the server needs"), fix)
            }
            Some(_) => {
                let found = format!(
                    "{release}: too old for the io_uring datapath; the server uses recvmmsg and sendmmsg instead"
                );
                Finding::warn(CHECK, found, fix)
            }
            None => Finding::warn(CHECK, format!("unknown release {release:?}"), fix),
        }
    }

    /// A gateway uses GSO and GRO where the kernel has them, and no ring.
    pub(super) fn kernel_of_gateway(&self) -> Finding {
        const CHECK: &str = "kernel";
        let release = self.read("proc/sys/kernel/osrelease").unwrap_or_default();
        match version(&release) {
            Some(version) if version >= KERNEL_REQUIRED => Finding::ok(CHECK, release),
            _ => Finding::warn(
                CHECK,
                format!("{release}: too old for GSO and GRO of UDP; each datagram costs a system call"),
                format!("install kernel {}.{} or later", KERNEL_MIN.0, KERNEL_MIN.1),
            ),
        }
    }

    /// The kernel does not say why it refuses a ring; its settings do.
    pub(super) fn io_uring(&self, probed: &Result<(), String>) -> Finding {
        const CHECK: &str = "io_uring";
        let Err(error) = probed else { return Finding::ok(CHECK, "available") };
        let is_old = version(&self.read("proc/sys/kernel/osrelease").unwrap_or_default())
            .is_some_and(|version| version < KERNEL_MIN);
        let fix = match self.number("proc/sys/kernel/io_uring_disabled") {
            Some(1..) => "sysctl -w kernel.io_uring_disabled=0".to_owned(),
            _ if self.filters_system_calls() => format!("use a seccomp profile that allows {URING_CALLS}"),
            _ if is_old => format!("install kernel {}.{} or later", KERNEL_MIN.0, KERNEL_MIN.1),
            _ => "ulimit -l unlimited; in the service's unit: LimitMEMLOCK=infinity".to_owned(),
        };
        Finding::warn(CHECK, format!("{error}; the server uses recvmmsg and sendmmsg instead"), fix)
    }

    fn filters_system_calls(&self) -> bool {
        self.field("proc/self/status", "Seccomp:").as_deref() == Some("2")
    }

    pub(super) fn system_calls(&self) -> Finding {
        const CHECK: &str = "system calls";
        if !self.filters_system_calls() {
            return Finding::ok(CHECK, "not filtered");
        }
        let fix = format!(
            "docker run --security-opt seccomp=PROFILE.json, with a profile that allows {URING_CALLS}; in a unit: \
             SystemCallFilter=@system-service"
        );
        Finding::warn(CHECK, "filtered by seccomp; container runtimes refuse io_uring by default", fix)
    }

    /// The files of a container describe the container, but most of what makes a host fast is outside.
    pub(super) fn container(&self) -> Finding {
        const CHECK: &str = "container";
        let quota = self.read("sys/fs/cgroup/cpu.max").filter(|quota| !quota.starts_with("max"));
        // A virtual machine made from a container image looks like a container, but has kernel threads.
        let runtime = if self.read("proc/2/comm").as_deref() == Some("kthreadd") {
            None
        } else if self.exists(".dockerenv") {
            Some("Docker".to_owned())
        } else if self.exists("run/.containerenv") {
            Some("Podman".to_owned())
        } else {
            self.read("run/systemd/container").filter(|runtime| !runtime.is_empty())
        };
        match (quota, runtime) {
            (Some(quota), _) => Finding::warn(
                CHECK,
                format!("a quota takes the CPUs away for part of the time (cpu.max is `{quota}`)"),
                "docker run --cpuset-cpus LIST instead of --cpus N; in a unit: no CPUQuota=",
            ),
            (None, Some(runtime)) => Finding::warn(
                CHECK,
                format!("{runtime}: NIC, interrupts and sysctls are those of the host"),
                "docker run --network host --ulimit memlock=-1 --ulimit nofile=65536, and tune-host.sh on the host",
            ),
            (None, None) => Finding::ok(CHECK, "none"),
        }
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(['.', '-']).map_while(|part| part.parse().ok());
    parts.next().zip(parts.next())
}
