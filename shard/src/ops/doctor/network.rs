//! The way from the NIC to the cores: queues, their interrupts, and what spreads or gathers datagrams on it.

use super::{CpuSet, Finding, Host, Probes};

/// Parts of the names of interrupts that serve no queue, though a number ends them.
const NO_QUEUE: [&str; 10] = ["async", "mgmnt", "ctrl", "control", "config", "event", "misc", "cmd", "pages", "fdir"];

impl Host {
    /// The queues of one direction, `rx` or `tx`, as folders.
    fn queues(&self, nic: &str, direction: &str) -> Vec<String> {
        let folder = format!("sys/class/net/{nic}/queues");
        let mut queues = self.names(&folder);
        queues.retain(|queue| queue.split('-').next() == Some(direction));
        queues.iter().map(|queue| format!("{folder}/{queue}")).collect()
    }

    pub(super) fn nic_queues(&self, probes: &Probes) -> Finding {
        const CHECK: &str = "NIC queues";
        let cores = self.cpus().len();
        let mut found = Vec::new();
        for nic in self.nics() {
            let queues = self.queues(nic, "rx").len();
            let most = probes.ethtool.get(nic).and_then(|ethtool| ethtool.queues_max());
            found.push(match most {
                Some(most) if queues < cores && most <= queues => {
                    format!("{nic}: {queues} for {cores} processors, as many as it can have")
                }
                _ => format!("{nic}: {queues} for {cores} processors"),
            });
            if queues < cores && most.is_none_or(|most| most > queues) {
                let wanted = most.unwrap_or(cores).min(cores);
                return Finding::warn(CHECK, found.join(", "), format!("ethtool -L {nic} combined {wanted}")).tuned();
            }
        }
        if self.nics().is_empty() {
            return Finding::warn(
                CHECK,
                "none: no hardware is behind the default route, or the interface named",
                "ringshard doctor --nic NAME (ip -br link)",
            );
        }
        Finding::ok(CHECK, found.join(", "))
    }

    /// The processors that interrupts of a NIC's queues go to, one set for each. A virtio device has its interrupts at the
    /// PCI device that it is on.
    fn interrupts(&self, nic: &str) -> Vec<CpuSet> {
        let folders = ["msi_irqs", "../msi_irqs"].map(|at| format!("sys/class/net/{nic}/device/{at}"));
        let irqs = folders.iter().map(|folder| self.names(folder)).find(|irqs| !irqs.is_empty()).unwrap_or_default();
        let serves_a_queue = |irq: &&String| {
            let name = self.read(&format!("sys/kernel/irq/{irq}/actions")).unwrap_or_default();
            let name = name.split('@').next().unwrap_or_default();
            name.ends_with(|last: char| last.is_ascii_digit()) && !NO_QUEUE.iter().any(|part| name.contains(part))
        };
        let placed = |irq: &String| {
            let told = |file| self.cpu_list(&format!("proc/irq/{irq}/{file}"));
            Some(told("effective_affinity_list"))
                .filter(|cpus| !cpus.is_empty())
                .unwrap_or_else(|| told("smp_affinity_list"))
        };
        irqs.iter().filter(serves_a_queue).map(placed).collect()
    }

    /// Each queue's interrupt should be on a processor of the server, and the queues on as many as there are.
    pub(super) fn nic_interrupts(&self) -> Finding {
        const CHECK: &str = "NIC interrupts";
        let mut all = CpuSet::default();
        for nic in self.nics() {
            let interrupts = self.interrupts(nic);
            let on: CpuSet = interrupts.iter().flat_map(CpuSet::iter).collect();
            let queues = self.queues(nic, "rx").len().min(interrupts.len());
            let astray = on.without(self.cpus());
            let found = if !astray.is_empty() {
                format!("{nic}: on {on}, the server's processors are {}", self.cpus())
            } else if on.len() < queues.min(self.cpus().len()) {
                format!("{nic}: {queues} queues on {on} alone, of the server's processors {}", self.cpus())
            } else {
                all.extend(on.iter());
                continue;
            };
            return Finding::warn(CHECK, found, self.tune_command()).tuned();
        }
        match all.is_empty() {
            true => Finding::ok(CHECK, "none by queue"),
            false => Finding::ok(CHECK, format!("on processors {all}")),
        }
    }

    /// Fewer queues than processors: then the kernel must spread what comes. As many: then it must not.
    pub(super) fn receive_steering(&self) -> Finding {
        const CHECK: &str = "receive steering";
        let mut spread = false;
        for nic in self.nics() {
            let queues = self.queues(nic, "rx");
            let masks = queues.iter().filter_map(|queue| CpuSet::from_mask(&self.read(&format!("{queue}/rps_cpus"))?));
            let to: CpuSet = masks.flat_map(|mask| mask.iter().collect::<Vec<_>>()).collect();
            let is_short = queues.len() < self.cpus().len();
            if is_short && to.is_empty() {
                let found =
                    format!("{nic}: no RPS, so {} of {} processors take what comes", queues.len(), self.cpus().len());
                return Finding::warn(CHECK, found, self.tune_command()).tuned();
            }
            if !is_short && !to.is_empty() {
                let found = format!("{nic}: RPS spreads again, to {to}, what the queues have spread");
                let fix = format!("echo 0 | tee /sys/class/net/{nic}/queues/rx-*/rps_cpus");
                return Finding::warn(CHECK, found, fix).tuned();
            }
            spread |= is_short;
        }
        Finding::ok(CHECK, if spread { "by RPS" } else { "by queue" })
    }

    /// Several queues: then each processor should have one to send through.
    pub(super) fn send_steering(&self) -> Finding {
        const CHECK: &str = "send steering";
        for nic in self.nics() {
            let queues = self.queues(nic, "tx");
            let masks: Vec<_> = queues
                .iter()
                .filter_map(|queue| CpuSet::from_mask(&self.read(&format!("{queue}/xps_cpus"))?))
                .collect();
            let have: CpuSet = masks.iter().flat_map(CpuSet::iter).collect();
            let lack = self.cpus().without(&have);
            // With an only queue, or without XPS in the kernel, there is nothing to read.
            if masks.len() > 1 && !lack.is_empty() {
                let found = format!("{nic}: no XPS for processors {lack}: they send through queues by chance");
                return Finding::warn(CHECK, found, self.tune_command()).tuned();
            }
        }
        Finding::ok(CHECK, "by queue")
    }

    /// Runs of datagrams: the kernel gathers and cuts them where the NIC does not.
    pub(super) fn offloads(&self, probes: &Probes) -> Finding {
        const CHECK: &str = "GRO and GSO";
        let mut found = "on";
        for nic in self.nics() {
            let Some(ethtool) = probes.ethtool.get(nic) else {
                return Finding::warn(CHECK, "not known: ethtool is not installed", "apt-get install ethtool");
            };
            for (feature, short) in [("generic-receive-offload", "gro"), ("generic-segmentation-offload", "gso")] {
                if ethtool.has(feature) == Some(false) {
                    let found = format!("{nic}: {feature} is off: datagrams come and go one by one");
                    return Finding::warn(CHECK, found, format!("ethtool -K {nic} {short} on")).tuned();
                }
            }
            if ethtool.has("tx-udp-segmentation") == Some(true) {
                found = "on; the NIC cuts runs itself";
            }
        }
        Finding::ok(CHECK, if self.nics().is_empty() { "no hardware" } else { found })
    }
}
