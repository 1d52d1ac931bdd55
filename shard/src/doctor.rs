//! Whether a host is fit to serve (O5): what the kernel allows, what it is set to, and what to do about it.
//!
//! Everything is read from `/proc` and `/sys` below a root that tests can make; nothing is changed.

use ringshard_engine::link::uring::UringLink;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Oldest kernel with all that the io_uring link uses (deferred task work, ring-mapped buffers, multishot receive).
const KERNEL_MIN: (u32, u32) = (6, 1);
/// Oldest kernel that sends and receives runs of datagrams (UDP_SEGMENT, UDP_GRO): without, nothing is served.
const KERNEL_OLDEST: (u32, u32) = (5, 0);
/// Bytes of socket buffer that each core asks for.
const SOCKET_BUFFER_BYTES: u64 = 32 << 20;
/// Files that a server may need at least.
const OPEN_FILES_MIN: u64 = 1_024;
/// Bytes that may be locked at least, where they are accounted: the rings of a core.
const LOCKED_BYTES_MIN: u64 = 8 << 20;

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

/// A line of the table.
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
}

/// A host, as its files tell of it.
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// The host whose `/proc` and `/sys` stand below `root`: `/` for this one.
    pub fn at(root: &Path) -> Self {
        Host { root: root.to_owned() }
    }

    /// Looks at everything; `uring` is what a try to set up a ring said.
    pub fn examine(&self, uring: Result<(), String>) -> Vec<Finding> {
        vec![
            self.kernel(),
            io_uring(uring),
            self.limit("locked memory", "Max locked memory", LOCKED_BYTES_MIN, "LimitMEMLOCK=infinity"),
            self.limit("open files", "Max open files", OPEN_FILES_MIN, "LimitNOFILE=65536"),
            self.socket_buffer("receive buffer", "rmem_max"),
            self.socket_buffer("send buffer", "wmem_max"),
            self.governor(),
            self.smt(),
            self.isolation(),
            self.nic_queues(),
            self.packet_steering(),
            self.irq_balance(),
            self.numa(),
            self.clock(),
            self.sandbox(),
        ]
    }

    fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_owned())
    }

    /// Names in a folder, sorted; none where it is not there.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn kernel(&self) -> Finding {
        let release = self.read("proc/sys/kernel/osrelease").unwrap_or_default();
        let mut parts = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let (major, minor) = KERNEL_MIN;
        match parts.next().zip(parts.next()) {
            Some(version) if version >= KERNEL_MIN => ok("kernel", release),
            Some(version) if version < KERNEL_OLDEST => Finding {
                check: "kernel",
                verdict: Verdict::Fail,
                found: format!("{release}: it knows no runs of datagrams"),
                fix: format!("a kernel of {major}.{minor} or later"),
            },
            Some(_) => warn(
                "kernel",
                format!("{release}: no io_uring as it is used here; recvmmsg and sendmmsg serve instead"),
                format!("a kernel of {major}.{minor} or later"),
            ),
            None => warn("kernel", format!("a release that cannot be read: {release:?}"), String::new()),
        }
    }

    /// A limit of this process: the service's are what counts, which its unit sets.
    fn limit(&self, check: &'static str, name: &str, least: u64, unit: &str) -> Finding {
        let limits = self.read("proc/self/limits").unwrap_or_default();
        let soft =
            limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next().map(str::to_owned));
        match soft.as_deref().map(|soft| (soft, soft.parse::<u64>())) {
            Some(("unlimited", _)) => ok(check, "unlimited"),
            Some((_, Ok(most))) if most >= least => ok(check, most.to_string()),
            Some((soft, _)) => {
                warn(check, format!("{soft}, of at least {least}"), format!("in the service's unit: {unit}"))
            }
            None => warn(check, "not known", String::new()),
        }
    }

    fn socket_buffer(&self, check: &'static str, name: &str) -> Finding {
        let most = self.read(&format!("proc/sys/net/core/{name}")).and_then(|most| most.parse::<u64>().ok());
        match most {
            Some(most) if most >= SOCKET_BUFFER_BYTES => ok(check, format!("{most} bytes")),
            Some(most) => warn(
                check,
                format!("{most} bytes at most, of {SOCKET_BUFFER_BYTES} that a core asks for"),
                format!("sysctl -w net.core.{name}={SOCKET_BUFFER_BYTES}, or grant CAP_NET_ADMIN"),
            ),
            None => warn(check, "not known", String::new()),
        }
    }

    /// Processors, as the kernel numbers them.
    fn processors(&self) -> Vec<String> {
        let is_processor = |name: &String| name.strip_prefix("cpu").is_some_and(|rest| rest.parse::<u32>().is_ok());
        self.names("sys/devices/system/cpu").into_iter().filter(is_processor).collect()
    }

    fn governor(&self) -> Finding {
        let of = |cpu: &String| self.read(&format!("sys/devices/system/cpu/{cpu}/cpufreq/scaling_governor"));
        let governors: Vec<_> = self.processors().iter().filter_map(of).collect();
        match governors.iter().find(|governor| *governor != "performance") {
            None if governors.is_empty() => ok("frequency governor", "none: the frequency is the host's below"),
            None => ok("frequency governor", "performance"),
            Some(other) => warn("frequency governor", other, "cpupower frequency-set -g performance"),
        }
    }

    fn smt(&self) -> Finding {
        match self.read("sys/devices/system/cpu/smt/active").as_deref() {
            Some("1") => warn(
                "hyper-threads",
                "on: two cores of the server may share one of the processor",
                "--cpus with one thread of each core (lscpu -e), or echo off > /sys/devices/system/cpu/smt/control",
            ),
            _ => ok("hyper-threads", "off"),
        }
    }

    fn isolation(&self) -> Finding {
        match self.read("sys/devices/system/cpu/isolated").filter(|cpus| !cpus.is_empty()) {
            Some(cpus) => ok("isolated processors", cpus),
            None => warn(
                "isolated processors",
                "none: the scheduler may put other work on the server's",
                "kernel parameters isolcpus=LIST nohz_full=LIST rcu_nocbs=LIST, and the same list as --cpus",
            ),
        }
    }

    /// Network interfaces that are hardware.
    fn interfaces(&self) -> Vec<String> {
        let mut names = self.names("sys/class/net");
        names.retain(|name| self.root.join(format!("sys/class/net/{name}/device")).exists());
        names
    }

    fn receive_queues(&self, interface: &str) -> Vec<String> {
        let mut queues = self.names(&format!("sys/class/net/{interface}/queues"));
        queues.retain(|queue| queue.starts_with("rx-"));
        queues
    }

    fn nic_queues(&self) -> Finding {
        let interfaces = self.interfaces();
        let cores = self.processors().len().max(1);
        let queues = |interface: &String| self.receive_queues(interface).len();
        let counts: Vec<_> = interfaces.iter().map(|name| format!("{name}: {}", queues(name))).collect();
        let found = format!("{} for {cores} processors", counts.join(", "));
        match interfaces.iter().find(|interface| queues(interface) < cores) {
            _ if interfaces.is_empty() => warn("NIC queues", "no hardware interface here", String::new()),
            Some(few) => warn("NIC queues", found, format!("ethtool -L {few} combined {cores}, as far as it has them")),
            None => ok("NIC queues", found),
        }
    }

    /// One queue for several cores: then the kernel must spread what comes.
    fn packet_steering(&self) -> Finding {
        let is_off = |mask: &String| mask.chars().all(|digit| matches!(digit, '0' | ','));
        let unsteered = self.interfaces().into_iter().find(|interface| {
            let mask = |queue: &String| self.read(&format!("sys/class/net/{interface}/queues/{queue}/rps_cpus"));
            let queues = self.receive_queues(interface);
            queues.len() == 1 && self.processors().len() > 1 && queues.iter().filter_map(mask).all(|mask| is_off(&mask))
        });
        match unsteered {
            None => ok("receive steering", "by queue, or by RPS"),
            Some(interface) => warn(
                "receive steering",
                format!("{interface} has one queue and no RPS: one processor receives for all"),
                format!("echo ffffffff > /sys/class/net/{interface}/queues/rx-0/rps_cpus"),
            ),
        }
    }

    /// Whether a process of that name runs.
    fn runs(&self, wanted: &[&str]) -> Option<String> {
        let is_process = |name: &String| name.bytes().all(|digit| digit.is_ascii_digit());
        let processes = self.names("proc").into_iter().filter(is_process);
        let mut names = processes.filter_map(|process| self.read(&format!("proc/{process}/comm")));
        names.find(|name| wanted.contains(&name.as_str()))
    }

    fn irq_balance(&self) -> Finding {
        match self.runs(&["irqbalance"]) {
            None => ok("interrupts", "irqbalance does not run"),
            Some(_) => warn(
                "interrupts",
                "irqbalance moves them between processors",
                "systemctl disable --now irqbalance, and an affinity for each queue in /proc/irq/*/smp_affinity_list",
            ),
        }
    }

    fn numa(&self) -> Finding {
        let is_node = |name: &String| name.strip_prefix("node").is_some_and(|rest| rest.parse::<u32>().is_ok());
        match self.names("sys/devices/system/node").iter().filter(|name| is_node(name)).count() {
            0 | 1 => ok("memory nodes", "1"),
            nodes => warn(
                "memory nodes",
                format!("{nodes}: memory of another one is slower"),
                "--cpus of the node that the NIC is on (/sys/class/net/*/device/numa_node)",
            ),
        }
    }

    fn clock(&self) -> Finding {
        match self.runs(&["chronyd", "systemd-timesyn", "ntpd", "ptp4l"]) {
            Some(name) => ok("clock", name),
            None => warn(
                "clock",
                "nothing keeps it right; logs of several hosts will not fit together",
                "apt-get install chrony",
            ),
        }
    }

    fn sandbox(&self) -> Finding {
        let status = self.read("proc/self/status").unwrap_or_default();
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim);
        match mode {
            Some("2") => warn(
                "sandbox",
                "seccomp filters system calls; container runtimes refuse io_uring by default",
                "a profile that allows io_uring_setup, io_uring_enter and io_uring_register",
            ),
            _ => ok("sandbox", "no system call is filtered"),
        }
    }
}

/// Looks at this host.
pub fn examine() -> Vec<Finding> {
    Host::at(Path::new("/")).examine(UringLink::probe().map_err(|error| error.to_string()))
}

fn io_uring(probed: Result<(), String>) -> Finding {
    match probed {
        Ok(()) => ok("io_uring", "usable"),
        Err(error) => warn(
            "io_uring",
            format!("{error}; recvmmsg and sendmmsg serve instead"),
            "sysctl -w kernel.io_uring_disabled=0, and see `locked memory` and `sandbox`",
        ),
    }
}

fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Ok, found: found.into(), fix: String::new() }
}

fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Warn, found: found.into(), fix: fix.into() }
}
