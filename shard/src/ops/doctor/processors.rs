//! The CPUs of a server: how fast they are, and what else uses them.

use super::{CpuSet, Finding, Host};

/// Clocks that need no system call.
const FAST_CLOCKS: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

impl Host {
    pub(super) fn governor(&self) -> Finding {
        const CHECK: &str = "frequency governor";
        let of = |cpu| self.read(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
        let governors: Vec<_> = self.cpus().iter().filter_map(of).collect();
        match governors.iter().find(|governor| *governor != "performance") {
            None if governors.is_empty() => Finding::ok(CHECK, "none: the hypervisor or firmware sets the frequency"),
            None => Finding::ok(CHECK, "performance"),
            Some(other) => Finding::warn(
                CHECK,
                other,
                "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            )
            .tuned(),
        }
    }

    /// The hyper-threads of the physical core of this CPU, including itself.
    fn siblings(&self, cpu: usize) -> CpuSet {
        let mut siblings = self.cpu_list(&format!("sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"));
        siblings.extend([cpu]);
        siblings
    }

    pub(super) fn hyper_threads(&self) -> Finding {
        const CHECK: &str = "hyper-threads";
        let one_each: CpuSet = self
            .cpus()
            .iter()
            .filter(|&cpu| self.siblings(cpu).within(self.cpus()).iter().next() == Some(cpu))
            .collect();
        let shared = self.cpus().iter().find(|&cpu| self.siblings(cpu).within(self.cpus()).len() > 1);
        match shared {
            Some(cpu) => Finding::warn(
                CHECK,
                format!(
                    "CPUs {} are hyper-threads of one physical core, which two cores of the server would share",
                    self.siblings(cpu)
                ),
                format!("ringshard serve --cpus {one_each}"),
            ),
            None if self.cpus().iter().any(|cpu| self.siblings(cpu).len() > 1) => {
                Finding::ok(CHECK, "on; the server uses one per physical core")
            }
            None => Finding::ok(CHECK, "off"),
        }
    }

    pub(super) fn isolation(&self) -> Finding {
        const CHECK: &str = "isolated processors";
        let isolated = self.isolated();
        let tickless = self.cpu_list("sys/devices/system/cpu/nohz_full");
        if self.online().len() == 1 {
            return Finding::ok(CHECK, "none: there is only one CPU");
        }
        let found = match (self.cpus().without(&isolated), self.cpus().without(&tickless)) {
            (shared, _) if shared == *self.cpus() => {
                "none: the scheduler may run other work on the server's CPUs".to_owned()
            }
            (shared, _) if !shared.is_empty() => format!("{isolated}, but not the server's CPUs {shared}"),
            (_, ticking) if !ticking.is_empty() => {
                format!("{isolated}, but the timer tick still interrupts CPUs {ticking}")
            }
            _ => return Finding::ok(CHECK, isolated.to_string()),
        };
        let server = self.processors_to_isolate();
        let parameters = format!("isolcpus={server} nohz_full={server} rcu_nocbs={server}");
        let fix = match self.exists("etc/default/grub") {
            true => format!(
                "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{parameters} /' /etc/default/grub && update-grub && reboot; \
                 ringshard serve --cpus {server}"
            ),
            false => format!("boot the kernel with {parameters}; ringshard serve --cpus {server}"),
        };
        Finding::warn(CHECK, found, fix)
    }

    /// The CPUs of the server, except one physical core that is left to everything else.
    fn processors_to_isolate(&self) -> CpuSet {
        let spared = self.online().without(self.cpus());
        match self.online().iter().next() {
            Some(first) if spared.is_empty() => self.cpus().without(&self.siblings(first)),
            _ => self.cpus().clone(),
        }
    }

    /// On a machine with several memory nodes, the CPUs of the server should be on the node of the NIC.
    pub(super) fn memory_nodes(&self) -> Finding {
        const CHECK: &str = "memory nodes";
        let node = |name: &String| {
            let number: u64 = name.strip_prefix("node")?.parse().ok()?;
            Some((number, self.cpu_list(&format!("sys/devices/system/node/{name}/cpulist"))))
        };
        let nodes: Vec<_> = self.names("sys/devices/system/node").iter().filter_map(node).collect();
        if nodes.len() < 2 {
            return Finding::ok(CHECK, "1");
        }
        for nic in self.nics() {
            let of_nic = self.number(&format!("sys/class/net/{nic}/device/numa_node"));
            let Some((number, near)) = nodes.iter().find(|(node, _)| of_nic == Some(*node)) else { continue };
            let far = self.cpus().without(near);
            if !far.is_empty() {
                let found = format!("{nic} is on node {number}, but the server's CPUs {far} are on another");
                return Finding::warn(CHECK, found, format!("ringshard serve --cpus {near}"));
            }
        }
        match nodes.iter().filter(|(_, cpus)| !cpus.within(self.cpus()).is_empty()).collect::<Vec<_>>().as_slice() {
            [(_, first), _, ..] => Finding::warn(
                CHECK,
                "the server uses several, and memory of another node is slower",
                format!("ringshard serve --cpus {first}"),
            ),
            _ => Finding::ok(CHECK, format!("{}; the server uses one", nodes.len())),
        }
    }

    pub(super) fn clock_source(&self) -> Finding {
        const CHECK: &str = "clock source";
        const FOLDER: &str = "sys/devices/system/clocksource/clocksource0";
        let Some(current) = self.read(&format!("{FOLDER}/current_clocksource")) else {
            return Finding::ok(CHECK, "unknown");
        };
        if FAST_CLOCKS.contains(&current.as_str()) {
            return Finding::ok(CHECK, current);
        }
        let available = self.read(&format!("{FOLDER}/available_clocksource")).unwrap_or_default();
        let fix = match FAST_CLOCKS.iter().find(|clock| available.split_whitespace().any(|other| other == **clock)) {
            Some(clock) => format!("echo {clock} > /{FOLDER}/current_clocksource"),
            None => "journalctl -k --grep clocksource shows why the kernel rejects faster ones".to_owned(),
        };
        Finding::warn(CHECK, format!("{current}: each reading of the clock is a system call"), fix)
    }
}
