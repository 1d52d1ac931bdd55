//! The processors of a server: how fast they are, and who else has them.

use super::{CpuSet, Finding, Host};

/// Clocks that are read without a system call.
const FAST_CLOCKS: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

impl Host {
    pub(super) fn governor(&self) -> Finding {
        const CHECK: &str = "frequency governor";
        let of = |cpu| self.read(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
        let governors: Vec<_> = self.cpus().iter().filter_map(of).collect();
        match governors.iter().find(|governor| *governor != "performance") {
            None if governors.is_empty() => Finding::ok(CHECK, "none: the frequency is the machine's below"),
            None => Finding::ok(CHECK, "performance"),
            Some(other) => Finding::warn(
                CHECK,
                other,
                "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            )
            .tuned(),
        }
    }

    /// The processors that are threads of the same core as this one, with itself.
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
                format!("processors {} are one core: two cores of the server would share it", self.siblings(cpu)),
                format!("ringshard serve --cpus {one_each}"),
            ),
            None if self.cpus().iter().any(|cpu| self.siblings(cpu).len() > 1) => {
                Finding::ok(CHECK, "on; one of each core is the server's")
            }
            None => Finding::ok(CHECK, "off"),
        }
    }

    pub(super) fn isolation(&self) -> Finding {
        const CHECK: &str = "isolated processors";
        let isolated = self.isolated();
        let tickless = self.cpu_list("sys/devices/system/cpu/nohz_full");
        if self.online().len() == 1 {
            return Finding::ok(CHECK, "none: there is one processor, for everything");
        }
        let found = match (self.cpus().without(&isolated), self.cpus().without(&tickless)) {
            (shared, _) if shared == *self.cpus() => {
                "none: the scheduler may put other work on the server's".to_owned()
            }
            (shared, _) if !shared.is_empty() => format!("{isolated}: but {shared} are the server's, too"),
            (_, ticking) if !ticking.is_empty() => format!("{isolated}: but the timer's tick interrupts {ticking}"),
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

    /// The server's, but for a core that is left to everything else.
    fn processors_to_isolate(&self) -> CpuSet {
        let spared = self.online().without(self.cpus());
        match self.online().iter().next() {
            Some(first) if spared.is_empty() => self.cpus().without(&self.siblings(first)),
            _ => self.cpus().clone(),
        }
    }

    /// Memory nodes of a machine with several: the server's processors should be on the one that the NIC is on.
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
                let found = format!("{nic} is on node {number}, processors {far} of the server are on another");
                return Finding::warn(CHECK, found, format!("ringshard serve --cpus {near}"));
            }
        }
        match nodes.iter().filter(|(_, cpus)| !cpus.within(self.cpus()).is_empty()).collect::<Vec<_>>().as_slice() {
            [(_, first), _, ..] => Finding::warn(
                CHECK,
                "the server is on several: memory of another one is slower",
                format!("ringshard serve --cpus {first}"),
            ),
            _ => Finding::ok(CHECK, format!("{}, the server on one", nodes.len())),
        }
    }

    pub(super) fn clock_source(&self) -> Finding {
        const CHECK: &str = "clock source";
        const FOLDER: &str = "sys/devices/system/clocksource/clocksource0";
        let Some(current) = self.read(&format!("{FOLDER}/current_clocksource")) else {
            return Finding::ok(CHECK, "not told");
        };
        if FAST_CLOCKS.contains(&current.as_str()) {
            return Finding::ok(CHECK, current);
        }
        let available = self.read(&format!("{FOLDER}/available_clocksource")).unwrap_or_default();
        let fix = match FAST_CLOCKS.iter().find(|clock| available.split_whitespace().any(|other| other == **clock)) {
            Some(clock) => format!("echo {clock} > /{FOLDER}/current_clocksource"),
            None => "journalctl -k --grep clocksource says why the kernel trusts no faster one".to_owned(),
        };
        Finding::warn(CHECK, format!("{current}: a system call each time the clock is read"), fix)
    }
}
