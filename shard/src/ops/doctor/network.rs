//! The path from the NIC to the cores: queues, interrupts, steering and offloads.

use super::{CpuSet, Finding, Host, Probes};

/// Parts of the names of interrupts that end in a number but serve no queue.
const NO_QUEUE: [&str; 10] = ["async", "mgmnt", "ctrl", "control", "config", "event", "misc", "cmd", "pages", "fdir"];

impl Host {
    /// The folders of the queues in one direction, `rx` or `tx`.
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
                    format!("{nic}: {queues} for {cores} CPUs, as many as the NIC has")
                }
                _ => format!("{nic}: {queues} for {cores} CPUs"),
            });
            if queues < cores && most.is_none_or(|most| most > queues) {
                let wanted = most.unwrap_or(cores).min(cores);
                return Finding::warn(CHECK, found.join(", "), format!("ethtool -L {nic} combined {wanted}")).tuned();
            }
        }
        if self.nics().is_empty() {
            return Finding::warn(
                CHECK,
                "unknown: no NIC is behind the default route or the given interface",
                "ringshard doctor --nic NAME (ip -br link)",
            );
        }
        Finding::ok(CHECK, found.join(", "))
    }

    /// The CPUs of each interrupt of the NIC's queues. The interrupts of a virtio device are listed at its PCI device.
    fn interrupts(&self, nic: &str) -> Vec<CpuSet> {
        let folders = ["msi_irqs", "../msi_irqs"].map(|at| format!("sys/class/net/{nic}/device/{at}"));
        let irqs = folders.iter().map(|folder| self.names(folder)).find(|irqs| !irqs.is_empty()).unwrap_or_default();
        let serves_a_queue = |irq: &&String| {
            let name = self.read(&format!("sys/kernel/irq/{irq}/actions")).unwrap_or_default();
            let name = name.split('@').next().unwrap_or_default();
            name.ends_with(|last: char| last.is_ascii_digit()) && !NO_QUEUE.iter().any(|part| name.contains(part))
        };
        let placed = |irq: &String| {
            let cpus = |file| self.cpu_list(&format!("proc/irq/{irq}/{file}"));
            Some(cpus("effective_affinity_list"))
                .filter(|cpus| !cpus.is_empty())
                .unwrap_or_else(|| cpus("smp_affinity_list"))
        };
        irqs.iter().filter(serves_a_queue).map(placed).collect()
    }

    /// The interrupts should be on CPUs of the server, and spread over all of them.
    pub(super) fn nic_interrupts(&self) -> Finding {
        const CHECK: &str = "NIC interrupts";
        let mut all = CpuSet::default();
        for nic in self.nics() {
            let interrupts = self.interrupts(nic);
            let on: CpuSet = interrupts.iter().flat_map(CpuSet::iter).collect();
            let queues = self.queues(nic, "rx").len().min(interrupts.len());
            let astray = on.without(self.cpus());
            let found = if !astray.is_empty() {
                format!("{nic}: on CPUs {on}, but the server has {}", self.cpus())
            } else if on.len() < queues.min(self.cpus().len()) {
                format!("{nic}: all {queues} queues on CPUs {on}, but the server has {}", self.cpus())
            } else {
                all.extend(on.iter());
                continue;
            };
            return Finding::warn(CHECK, found, self.tune_command()).tuned();
        }
        match all.is_empty() {
            true => Finding::ok(CHECK, "none per queue"),
            false => Finding::ok(CHECK, format!("on CPUs {all}")),
        }
    }

    /// If there are fewer queues than CPUs, the kernel must spread datagrams; if not, it must not.
    pub(super) fn receive_steering(&self) -> Finding {
        const CHECK: &str = "receive steering";
        let mut spread = false;
        for nic in self.nics() {
            let queues = self.queues(nic, "rx");
            let masks = queues.iter().filter_map(|queue| CpuSet::from_mask(&self.read(&format!("{queue}/rps_cpus"))?));
            let to: CpuSet = masks.flat_map(|mask| mask.iter().collect::<Vec<_>>()).collect();
            let is_short = queues.len() < self.cpus().len();
            if is_short && to.is_empty() {
                let found = format!("{nic}: no RPS, so only {} of {} CPUs receive", queues.len(), self.cpus().len());
                return Finding::warn(CHECK, found, self.tune_command()).tuned();
            }
            if !is_short && !to.is_empty() {
                let found = format!("{nic}: RPS moves datagrams to CPUs {to}, although the queues spread them already");
                let fix = format!("echo 0 | tee /sys/class/net/{nic}/queues/rx-*/rps_cpus");
                return Finding::warn(CHECK, found, fix).tuned();
            }
            spread |= is_short;
        }
        Finding::ok(CHECK, if spread { "by RPS" } else { "by queue" })
    }

    /// If there are several queues, each CPU should have one to send through.
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
            // With a single queue, or without XPS in the kernel, there is nothing to read.
            if masks.len() > 1 && !lack.is_empty() {
                let found = format!("{nic}: no XPS for CPUs {lack}, so they send through arbitrary queues");
                return Finding::warn(CHECK, found, self.tune_command()).tuned();
            }
        }
        Finding::ok(CHECK, "by queue")
    }

    /// GRO and GSO collect and split batches of datagrams in the kernel if the NIC does not.
    pub(super) fn offloads(&self, probes: &Probes) -> Finding {
        const CHECK: &str = "GRO and GSO";
        let mut found = "on";
        for nic in self.nics() {
            let Some(ethtool) = probes.ethtool.get(nic) else {
                return Finding::warn(CHECK, "unknown: ethtool is not installed", "apt-get install ethtool");
            };
            for (feature, short) in [("generic-receive-offload", "gro"), ("generic-segmentation-offload", "gso")] {
                if ethtool.has(feature) == Some(false) {
                    let found = format!("{nic}: {feature} is off, so datagrams are handled one by one");
                    return Finding::warn(CHECK, found, format!("ethtool -K {nic} {short} on")).tuned();
                }
            }
            if ethtool.has("tx-udp-segmentation") == Some(true) {
                found = "on; the NIC segments batches itself";
            }
        }
        Finding::ok(CHECK, if self.nics().is_empty() { "no NIC" } else { found })
    }
}
