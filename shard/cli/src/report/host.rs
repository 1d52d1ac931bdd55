//! The figures of the host: a few files of `/proc`, and the findings of `ringshard doctor`.

use super::archive::Archive;
use ringshard::ops::doctor::{CpuSet, Host, Plan, Probes};
use std::collections::BTreeMap;
use std::path::Path;

/// A file with counters of the kernel.
struct Counters {
    path: &'static str,
    /// Its names in the archive, for the first and the second sample.
    names: [&'static str; 2],
    about: &'static str,
    /// Which lines to keep.
    keep: fn(&str) -> bool,
}

const COUNTERS: [Counters; 3] = [
    Counters {
        path: "/proc/net/snmp",
        names: ["host/udp.txt", "host/udp-later.txt"],
        about: "UDP counters of the kernel",
        keep: |line| line.starts_with("Udp:"),
    },
    Counters {
        path: "/proc/net/softnet_stat",
        names: ["host/softnet_stat.txt", "host/softnet_stat-later.txt"],
        about: "packets received, dropped and deferred, by CPU (hexadecimal)",
        keep: |_| true,
    },
    Counters {
        path: "/proc/stat",
        names: ["host/cpu-time.txt", "host/cpu-time-later.txt"],
        about: "how each CPU spent its time",
        keep: |line| line.starts_with("cpu"),
    },
];

/// Adds what does not change, and the first sample of the counters.
pub fn first_sample(archive: &mut Archive) {
    archive.add("host/kernel.txt", "the kernel's version", read("/proc/version"));
    archive.add("host/processors.txt", "models and number of CPUs", read("/proc/cpuinfo").map(|it| models(&it)));
    archive.add("host/memory.txt", "the host's memory", read("/proc/meminfo"));
    add_counters(0, archive);
}

/// Adds the second sample of the counters.
pub fn second_sample(archive: &mut Archive) {
    add_counters(1, archive);
}

fn add_counters(sample: usize, archive: &mut Archive) {
    let about = |about: &str| if sample == 0 { about.to_owned() } else { "the same, in the second sample".into() };
    for Counters { path, names, about: what, keep } in &COUNTERS {
        let lines =
            |text: String| text.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect::<String>();
        archive.add(names[sample], about(what), read(path).map(lines));
    }
}

/// Adds the findings of `ringshard doctor`, for these CPUs.
pub fn examine(cpus: Option<CpuSet>, archive: &mut Archive) {
    let host = Host::at(Path::new("/"), &Plan { cpus, nic: None }).map_err(|error| error.to_string());
    let findings = host.map(|host| host.examine(&Probes::take(&host)));
    let text = findings.and_then(|findings| serde_json::to_string_pretty(&findings).map_err(|error| error.to_string()));
    archive.add(
        "doctor.json",
        "findings of `ringshard doctor`: what slows the server down, and the command that fixes it",
        text,
    );
}

/// Adds the figures of the server's process on this host.
pub fn process(pid: u32, archive: &mut Archive) {
    // Through a tunnel or inside a container, the process id may belong to another process or to none.
    let name = read(&format!("/proc/{pid}/comm")).map(|name| name.trim().to_owned());
    let is_it = match name.as_deref() {
        Ok("ringshard") => Ok(()),
        Ok(other) => Err(format!(
            "process {pid} is `{other}` on this host: the server seems to run on another host or in a container"
        )),
        Err(error) => Err(format!(
            "this host has no process {pid} ({error}): the server seems to run on another host or in a container"
        )),
    };
    for (file, about) in [
        ("limits", "limits of the server's process"),
        ("status", "the server's process: memory, threads, allowed CPUs"),
    ] {
        let text = is_it.clone().and_then(|()| read(&format!("/proc/{pid}/{file}")));
        archive.add(format!("host/server-{file}.txt"), about, text);
    }
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// A line for each model of CPU, with their number.
fn models(cpuinfo: &str) -> String {
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for processor in cpuinfo.split("\n\n").filter(|text| text.contains("processor")) {
        let field = |name: &str| {
            let fields = processor.lines().filter_map(|line| line.split_once(':'));
            fields.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        // Not every architecture names its models.
        let unnamed = || Some(format!("implementer {} part {}", field("CPU implementer")?, field("CPU part")?));
        let model = field("model name").map(str::to_owned).or_else(unnamed);
        *models.entry(model.unwrap_or_else(|| "of unknown model".into())).or_default() += 1;
    }
    models.into_iter().map(|(model, count)| format!("{count} x {model}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_by_model_on_every_architecture() {
        let x86 = "processor\t: 0\nmodel name\t: A 1\n\nprocessor\t: 1\nmodel name\t: A 1\n\n";
        assert_eq!(models(x86), "2 x A 1\n");
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n\n";
        assert_eq!(models(arm), "1 x implementer 0x41 part 0xd4f\n");
        assert_eq!(models("processor : 0\n"), "1 x of unknown model\n");
    }
}
