//! The doctor looks at hosts that are made up of files.

use ringshard::doctor::{Finding, Host, Verdict};
use std::path::PathBuf;

/// A host in a folder of its own, gone with it.
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

    fn examine(&self, uring: Result<(), String>) -> Vec<Finding> {
        Host::at(&self.0).examine(uring)
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

/// Everything as it should be.
const FIT: &[(&str, &str)] = &[
    ("proc/sys/kernel/osrelease", "6.12.5-amd64\n"),
    ("proc/self/limits", LIMITS),
    ("proc/self/status", "Name:\tx\nSeccomp:\t0\n"),
    ("proc/sys/net/core/rmem_max", "33554432\n"),
    ("proc/sys/net/core/wmem_max", "67108864\n"),
    ("proc/17/comm", "chronyd\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/smt/active", "0\n"),
    ("sys/devices/system/cpu/isolated", "1\n"),
    ("sys/devices/system/node/node0/cpulist", "0-1\n"),
    ("sys/class/net/eth0/device/vendor", "0x8086\n"),
    ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
    ("sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n"),
    ("sys/class/net/lo/queues/rx-0/rps_cpus", "0\n"),
];

fn with(name: &str, changed: &[(&str, &str)]) -> Folder {
    let kept = FIT.iter().filter(|(path, _)| changed.iter().all(|(other, _)| other != path));
    Folder::new(name, &kept.chain(changed).copied().collect::<Vec<_>>())
}

#[test]
fn a_fit_host_has_nothing_to_mend() {
    for finding in with("fit", &[]).examine(Ok(())) {
        assert_eq!((finding.verdict, finding.fix.as_str()), (Verdict::Ok, ""), "{finding:?}");
    }
}

/// Each fault, alone, is found by its own check, and by no other.
#[test]
fn each_fault_is_found_and_can_be_mended() {
    let few_files = LIMITS.replace("65536 ", "256 ");
    let little_memory = LIMITS.replace("unlimited", "65536");
    /// The check that finds it, what is otherwise, and part of what mends it.
    type Fault<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let faults: [Fault; 12] = [
        ("kernel", &[("proc/sys/kernel/osrelease", "5.15.0-91-generic")], "6.1"),
        ("open files", &[("proc/self/limits", &few_files)], "LimitNOFILE"),
        ("locked memory", &[("proc/self/limits", &little_memory)], "LimitMEMLOCK"),
        ("receive buffer", &[("proc/sys/net/core/rmem_max", "212992")], "net.core.rmem_max=33554432"),
        ("send buffer", &[("proc/sys/net/core/wmem_max", "212992")], "net.core.wmem_max=33554432"),
        (
            "frequency governor",
            &[("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave")],
            "cpupower frequency-set -g performance",
        ),
        ("hyper-threads", &[("sys/devices/system/cpu/smt/active", "1")], "--cpus"),
        ("isolated processors", &[("sys/devices/system/cpu/isolated", "\n")], "isolcpus"),
        ("NIC queues", &[("sys/devices/system/cpu/cpu2/online", "1")], "ethtool -L eth0 combined 3"),
        ("interrupts", &[("proc/9/comm", "irqbalance")], "systemctl disable --now irqbalance"),
        ("memory nodes", &[("sys/devices/system/node/node1/cpulist", "2-3")], "--cpus"),
        ("sandbox", &[("proc/self/status", "Seccomp:\t2")], "io_uring_setup"),
    ];
    for (number, (check, changed, fix)) in faults.into_iter().enumerate() {
        let findings = with(&number.to_string(), changed).examine(Ok(()));
        let faulty: Vec<_> = findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
        assert!(faulty.len() == 1 && faulty[0].check == check && faulty[0].fix.contains(fix), "{check}: {faulty:?}");
    }
    let refused = with("refused", &[]).examine(Err("not permitted".into()));
    let refused = refused.iter().find(|finding| finding.check == "io_uring").unwrap();
    assert!(refused.verdict == Verdict::Warn && refused.found.starts_with("not permitted"));
}

#[test]
fn one_queue_for_several_processors_wants_steering() {
    let host = Folder::new(
        "steering",
        &[
            ("sys/class/net/eth0/device/vendor", "0"),
            ("sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000000"),
            ("sys/devices/system/cpu/cpu0/online", "1"),
            ("sys/devices/system/cpu/cpu1/online", "1"),
        ],
    );
    let steering = |findings: Vec<Finding>| findings.into_iter().find(|it| it.check == "receive steering").unwrap();
    assert_eq!(steering(host.examine(Ok(()))).verdict, Verdict::Warn);
    std::fs::write(host.0.join("sys/class/net/eth0/queues/rx-0/rps_cpus"), "00000000,00000003").unwrap();
    assert_eq!(steering(host.examine(Ok(()))).verdict, Verdict::Ok);
}

#[test]
fn a_kernel_without_runs_of_datagrams_fails() {
    let findings = with("old", &[("proc/sys/kernel/osrelease", "4.14.2")]).examine(Ok(()));
    assert_eq!(findings.iter().map(|finding| finding.verdict).max(), Some(Verdict::Fail));
}
