//! The doctor examines hosts that are made of files.

use ringshard::ops::doctor::{CpuSet, Ethtool, Finding, Host, Plan, PlanError, Probes, Verdict};
use std::path::PathBuf;

/// A host in a folder of its own, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("ringshard-doctor-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Folder(root)
    }

    fn host(&self, plan: &Plan) -> Result<Host, PlanError> {
        Host::at(&self.0, plan)
    }

    fn examine(&self, plan: &Plan, probes: &Probes) -> Vec<Finding> {
        self.host(plan).unwrap().examine(probes)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LIMITS: &str = "Limit Soft Limit Hard Limit Units\n\
                      Max open files            65536                524288               files     \n\
                      Max locked memory         unlimited            unlimited            bytes     \n";
const FEATURES: &str = "Features for eth0:\n\
                        generic-segmentation-offload: on\n\
                        generic-receive-offload: on\n\
                        tx-udp-segmentation: off [fixed]\n";
const CHANNELS: &str = "Channel parameters for eth0:\nPre-set maximums:\nRX:\t\tn/a\nCombined:\t8\n\
                        Current hardware settings:\nRX:\t\tn/a\nCombined:\t2\n";

/// A host without faults: four CPUs, two of them for a server, and a NIC with a queue for each of these.
const FIT: &[(&str, &str)] = &[
    ("proc/sys/kernel/osrelease", "6.12.5-amd64\n"),
    ("proc/self/limits", LIMITS),
    ("proc/self/status", "Name:\tx\nSeccomp:\t0\n"),
    ("proc/sys/net/core/rmem_max", "33554432\n"),
    ("proc/sys/net/core/wmem_max", "67108864\n"),
    ("proc/sys/net/netfilter/nf_conntrack_count", "7\n"),
    ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
    ("proc/net/route", "Iface\tDestination\tGateway\nbond0\t00000000\t010200C0\nbond0\t000200C0\t00000000\n"),
    ("proc/17/comm", "chronyd\n"),
    ("proc/irq/40/smp_affinity_list", "0-3\n"),
    ("proc/irq/41/smp_affinity_list", "2\n"),
    ("proc/irq/42/smp_affinity_list", "2-3\n"),
    ("proc/irq/42/effective_affinity_list", "3\n"),
    ("sys/kernel/irq/40/actions", "mlx5_async0@pci:0000:01:00.0\n"),
    ("sys/kernel/irq/41/actions", "mlx5_comp0@pci:0000:01:00.0\n"),
    ("sys/kernel/irq/42/actions", "mlx5_comp1@pci:0000:01:00.0\n"),
    ("sys/fs/cgroup/cpu.max", "max 100000\n"),
    ("sys/devices/system/cpu/online", "0-3\n"),
    ("sys/devices/system/cpu/isolated", "2-3\n"),
    ("sys/devices/system/cpu/nohz_full", "2-3\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
    ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n"),
    ("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3\n"),
    ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n"),
    ("sys/devices/system/node/node0/cpulist", "0-3\n"),
    ("sys/class/net/bond0/lower_eth0/ifindex", "2\n"),
    ("sys/class/net/eth0/device/numa_node", "0\n"),
    ("sys/class/net/eth0/device/msi_irqs/40", "msix\n"),
    ("sys/class/net/eth0/device/msi_irqs/41", "msix\n"),
    ("sys/class/net/eth0/device/msi_irqs/42", "msix\n"),
    ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
    ("sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n"),
    ("sys/class/net/eth0/queues/tx-0/xps_cpus", "4\n"),
    ("sys/class/net/eth0/queues/tx-1/xps_cpus", "8\n"),
    ("sys/class/net/lo/queues/rx-0/rps_cpus", "0\n"),
];

fn with(name: &str, changed: &[(&str, &str)]) -> Folder {
    let kept = FIT.iter().filter(|(path, _)| changed.iter().all(|(other, _)| other != path));
    Folder::new(name, &kept.chain(changed).copied().collect::<Vec<_>>())
}

/// Probes without faults.
fn probes() -> Probes {
    let ethtool = Ethtool { features: FEATURES.into(), channels: CHANNELS.into() };
    Probes { uring: Ok(()), ethtool: [("eth0".to_owned(), ethtool)].into() }
}

fn cpus(list: &str) -> Plan {
    Plan { cpus: CpuSet::from_list(list), nic: None }
}

fn find(check: &str, findings: Vec<Finding>) -> Finding {
    findings.into_iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("there is no check {check}"))
}

#[test]
fn a_host_without_faults_has_no_findings() {
    for finding in with("fit", &[]).examine(&Plan::default(), &probes()) {
        assert_eq!((finding.verdict, finding.fix.as_str()), (Verdict::Ok, ""), "{finding:?}");
    }
}

/// Each fault is found by its own check and by no other, with a fix and whether `tune-host.sh` applies it.
#[test]
fn each_fault_is_found_by_its_check_and_has_a_fix() {
    let few_files = LIMITS.replace("65536 ", "256 ");
    let little_memory = LIMITS.replace("unlimited", "65536");
    const TUNE: &str = "scripts/tune-host.sh --nic eth0 --cpus 2-3";
    /// The check that finds it, the changed files, a part of the fix, and whether `tune-host.sh` applies it.
    type Fault<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, bool);
    let faults: [Fault; 24] = [
        ("kernel", &[("proc/sys/kernel/osrelease", "5.15.0-91-generic")], "6.1", false),
        ("open files", &[("proc/self/limits", &few_files)], "LimitNOFILE", false),
        ("locked memory", &[("proc/self/limits", &little_memory)], "LimitMEMLOCK", false),
        ("receive buffer", &[("proc/sys/net/core/rmem_max", "212992")], "net.core.rmem_max=33554432", true),
        ("send buffer", &[("proc/sys/net/core/wmem_max", "212992")], "net.core.wmem_max=33554432", true),
        (
            "frequency governor",
            &[("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "schedutil")],
            "echo performance | tee",
            true,
        ),
        (
            "hyper-threads",
            &[("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2-3")],
            "ringshard serve --cpus 2",
            false,
        ),
        (
            "isolated processors",
            &[("sys/devices/system/cpu/nohz_full", " (null)\n")],
            "isolcpus=2-3 nohz_full=2-3",
            false,
        ),
        ("NIC interrupts", &[("proc/irq/41/smp_affinity_list", "0")], TUNE, true),
        ("NIC interrupts", &[("proc/irq/41/smp_affinity_list", "3")], TUNE, true),
        ("irqbalance", &[("proc/9/comm", "irqbalance")], "systemctl disable --now irqbalance", true),
        ("receive steering", &[("sys/class/net/eth0/queues/rx-1/rps_cpus", "f")], "echo 0 | tee", true),
        ("send steering", &[("sys/class/net/eth0/queues/tx-1/xps_cpus", "0")], TUNE, true),
        (
            "memory nodes",
            &[("sys/devices/system/node/node0/cpulist", "0,2"), ("sys/devices/system/node/node1/cpulist", "1,3")],
            "ringshard serve --cpus 0,2",
            false,
        ),
        (
            "memory nodes",
            &[
                ("sys/class/net/eth0/device/numa_node", "-1"),
                ("sys/devices/system/node/node0/cpulist", "0-2"),
                ("sys/devices/system/node/node1/cpulist", "3"),
            ],
            "ringshard serve --cpus 0-2",
            false,
        ),
        ("connection tracking", &[("proc/sys/net/netfilter/nf_conntrack_max", "65536")], "notrack", false),
        (
            "clock source",
            &[("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")],
            "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
            false,
        ),
        ("time", &[("proc/17/comm", "cron")], "apt-get install chrony", false),
        ("system calls", &[("proc/self/status", "Seccomp:\t2")], "io_uring_setup", false),
        ("container", &[(".dockerenv", "")], "--network host", false),
        ("container", &[("run/.containerenv", "")], "--network host", false),
        ("container", &[("run/systemd/container", "lxc\n")], "--network host", false),
        ("container", &[("sys/fs/cgroup/cpu.max", "150000 100000\n")], "--cpuset-cpus", false),
        ("isolated processors", &[("sys/devices/system/cpu/nohz_full", "2\n")], "nohz_full=2-3", false),
    ];
    for (number, (check, changed, fix, tune_host)) in faults.into_iter().enumerate() {
        let findings = with(&number.to_string(), changed).examine(&Plan::default(), &probes());
        let faulty: Vec<_> = findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
        let is_it = faulty.len() == 1 && faulty[0].check == check && faulty[0].fix.contains(fix);
        assert!(is_it && faulty[0].tune_host == tune_host, "{number}, {check}: {faulty:#?}");
    }
}

#[test]
fn without_io_uring_the_fix_addresses_the_cause() {
    let causes: [(&[(&str, &str)], &str); 4] = [
        (&[("proc/sys/kernel/io_uring_disabled", "2\n")], "sysctl -w kernel.io_uring_disabled=0"),
        (&[("proc/self/status", "Seccomp:\t2\n")], "seccomp profile"),
        (&[("proc/sys/kernel/osrelease", "5.19.0")], "install kernel 6.1"),
        (&[], "ulimit -l unlimited"),
    ];
    for (number, (changed, fix)) in causes.into_iter().enumerate() {
        let refused = Probes { uring: Err("not permitted".into()), ..probes() };
        let finding = find("io_uring", with(&format!("uring-{number}"), changed).examine(&Plan::default(), &refused));
        assert!(finding.verdict == Verdict::Warn && finding.found.starts_with("not permitted"), "{finding:?}");
        assert!(finding.fix.contains(fix), "{finding:?}");
    }
}

#[test]
fn a_nic_gets_a_queue_per_cpu_up_to_its_maximum() {
    let host = with("queues", &[]);
    let queues = |channels: &str| {
        let mut probes = probes();
        probes.ethtool.get_mut("eth0").unwrap().channels = channels.to_owned();
        find("NIC queues", host.examine(&cpus("0-3"), &probes))
    };
    assert_eq!(queues(CHANNELS).fix, "ethtool -L eth0 combined 4");
    assert_eq!(queues(&CHANNELS.replace('8', "3")).fix, "ethtool -L eth0 combined 3");
    assert_eq!(queues(&CHANNELS.replace('8', "2")).verdict, Verdict::Ok);
    // Without a known maximum, the fix asks for a queue per CPU.
    assert_eq!(queues("").fix, "ethtool -L eth0 combined 4");
}

#[test]
fn one_queue_for_several_cpus_needs_steering() {
    let host = with("steering", &[]);
    let steering = || find("receive steering", host.examine(&cpus("1-3"), &probes()));
    assert_eq!(steering().verdict, Verdict::Warn);
    assert_eq!(steering().fix, "scripts/tune-host.sh --nic eth0 --cpus 1-3");
    std::fs::write(host.0.join("sys/class/net/eth0/queues/rx-0/rps_cpus"), "00000000,0000000e").unwrap();
    assert_eq!((steering().verdict, steering().found.as_str()), (Verdict::Ok, "by RPS"));
}

#[test]
fn gro_and_gso_must_be_on() {
    let host = with("offloads", &[]);
    let mut probes = probes();
    probes.ethtool.get_mut("eth0").unwrap().features =
        FEATURES.replace("generic-receive-offload: on", "generic-receive-offload: off [requested on]");
    let finding = find("GRO and GSO", host.examine(&Plan::default(), &probes));
    assert_eq!((finding.fix.as_str(), finding.tune_host), ("ethtool -K eth0 gro on", true));
    probes.ethtool.clear();
    let finding = find("GRO and GSO", host.examine(&Plan::default(), &probes));
    assert_eq!((finding.verdict, finding.fix.as_str()), (Verdict::Warn, "apt-get install ethtool"));
}

/// Without isolated CPUs, one core with all of its threads is left to other programs.
#[test]
fn isolation_leaves_a_core_to_other_programs() {
    let host = with(
        "isolation",
        &[
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n"),
        ],
    );
    let finding = find("isolated processors", host.examine(&Plan::default(), &probes()));
    assert!(finding.found.starts_with("none") && finding.fix.contains("isolcpus=1,3 nohz_full=1,3"), "{finding:?}");
    std::fs::create_dir_all(host.0.join("etc/default")).unwrap();
    std::fs::write(host.0.join("etc/default/grub"), "").unwrap();
    let finding = find("isolated processors", host.examine(&Plan::default(), &probes()));
    assert!(finding.fix.starts_with("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=1,3 "), "{finding:?}");
    // A server that leaves CPUs to other programs gets the CPUs that it asked for.
    let finding = find("isolated processors", host.examine(&cpus("1-2"), &probes()));
    assert!(finding.fix.contains("isolcpus=1-2 "), "{finding:?}");
}

/// A machine booted from a container image has the marks of a container, but is none.
#[test]
fn a_host_with_kernel_threads_is_no_container() {
    let findings = with("image", &[(".dockerenv", ""), ("proc/2/comm", "kthreadd\n")]);
    assert_eq!(find("container", findings.examine(&Plan::default(), &probes())).verdict, Verdict::Ok);
}

#[test]
fn a_plan_must_fit_the_host() {
    let host = with("plan", &[("usr/sbin/ringshard-tune-host", "")]);
    assert_eq!(
        host.host(&cpus("3-5")).err().unwrap().to_string(),
        "CPUs 4-5 are not online; the CPUs of this host are 0-3",
    );
    let plan = |nic: &str| Plan { nic: Some(nic.into()), ..Plan::default() };
    assert_eq!(
        host.host(&plan("eth1")).err().unwrap().to_string(),
        "there is no network interface eth1; this host has: bond0 eth0 lo",
    );
    assert_eq!(host.host(&plan("bond0")).unwrap().tune_command(), "ringshard-tune-host --nic eth0 --cpus 2-3");
    assert_eq!(host.host(&plan("lo")).unwrap().tune_command(), "ringshard-tune-host --cpus 2-3");
}

#[test]
fn a_kernel_without_udp_segmentation_fails() {
    let findings = with("old", &[("proc/sys/kernel/osrelease", "4.14.2")]).examine(&Plan::default(), &probes());
    assert_eq!(findings.iter().map(|finding| finding.verdict).max(), Some(Verdict::Fail));
}

/// A host without readable files, as in a sandbox: every check still has a result.
#[test]
fn a_host_without_readable_files_is_examined() {
    let findings = Folder::new("nothing", &[("proc/version", "")]).examine(&Plan::default(), &probes());
    assert!(findings.iter().all(|finding| !finding.found.is_empty()), "{findings:#?}");
    assert!(findings.iter().all(|finding| (finding.verdict == Verdict::Ok) == finding.fix.is_empty()), "{findings:#?}");
}

#[test]
fn a_gateway_is_examined_for_the_files_and_buffers_that_it_needs() {
    let host = with("gateway", &[]);
    let examine = |files, bytes| host.host(&Plan::default()).unwrap().examine_for_gateway(files, bytes);
    for finding in examine(65_536, 4 << 20) {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
    let files = find("open files", examine(65_537, 4 << 20));
    assert!(files.verdict == Verdict::Warn && files.fix.contains("LimitNOFILE=131072"), "{files:?}");
    let buffer = find("receive buffer", examine(65_536, 64 << 20));
    assert!(buffer.tune_host && buffer.fix == "sysctl -w net.core.rmem_max=67108864", "{buffer:?}");
}
