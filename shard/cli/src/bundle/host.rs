//! What the host says of itself: a few files of `/proc`, and what the doctor finds.

use super::archive::Archive;
use ringshard::ops::doctor::{CpuSet, Host, Plan, Probes};
use std::collections::BTreeMap;
use std::path::Path;

/// A file in which the kernel counts.
struct Counters {
    path: &'static str,
    /// Under which names it goes into the archive.
    names: [&'static str; 2],
    about: &'static str,
    /// The lines that are wanted.
    wanted: fn(&str) -> bool,
}

const COUNTERS: [Counters; 3] = [
    Counters {
        path: "/proc/net/snmp",
        names: ["host/udp.txt", "host/udp-later.txt"],
        about: "the kernel's counters of UDP",
        wanted: |line| line.starts_with("Udp:"),
    },
    Counters {
        path: "/proc/net/softnet_stat",
        names: ["host/softnet_stat.txt", "host/softnet_stat-later.txt"],
        about: "packets taken in, dropped and put off, by processor (hexadecimal)",
        wanted: |_| true,
    },
    Counters {
        path: "/proc/stat",
        names: ["host/cpu-time.txt", "host/cpu-time-later.txt"],
        about: "where the time of each processor went",
        wanted: |line| line.starts_with("cpu"),
    },
];

/// What does not change.
pub fn first_look(archive: &mut Archive) {
    archive.add("host/kernel.txt", "the kernel's version", read("/proc/version"));
    archive.add(
        "host/processors.txt",
        "models of the processors, and how many",
        read("/proc/cpuinfo").map(|it| models(&it)),
    );
    archive.add("host/memory.txt", "the host's memory", read("/proc/meminfo"));
    look(0, archive);
}

/// What has changed.
pub fn second_look(archive: &mut Archive) {
    look(1, archive);
}

fn look(time: usize, archive: &mut Archive) {
    let about = |about: &str| if time == 0 { about.to_owned() } else { "the same, at the second look".into() };
    for Counters { path, names, about: what, wanted } in &COUNTERS {
        let lines =
            |text: String| text.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect::<String>();
        archive.add(names[time], about(what), read(path).map(lines));
    }
}

/// What the doctor finds, of the processors that a server is to run on.
pub fn examine(cpus: Option<CpuSet>, archive: &mut Archive) {
    let host = Host::at(Path::new("/"), &Plan { cpus, nic: None }).map_err(|error| error.to_string());
    let findings = host.map(|host| host.examine(&Probes::take(&host)));
    let text = findings.and_then(|findings| serde_json::to_string_pretty(&findings).map_err(|error| error.to_string()));
    archive.add("doctor.json", "whether the host is fit to serve, and what mends it", text);
}

/// Of the process of the server on this host.
pub fn process(pid: u32, archive: &mut Archive) {
    // Through a tunnel, or from inside a container, the number is another process's, or nobody's.
    let name = read(&format!("/proc/{pid}/comm")).map(|name| name.trim().to_owned());
    let is_it = match name.as_deref() {
        Ok("ringshard") => Ok(()),
        Ok(other) => Err(format!("process {pid} is `{other}` here: the server seems to run elsewhere")),
        Err(error) => Err(format!("no process {pid} is seen from here ({error}): the server seems to run elsewhere")),
    };
    for (file, about) in [
        ("limits", "what the server's process may use"),
        ("status", "the server's process: memory, threads, processors it may run on"),
    ] {
        let text = is_it.clone().and_then(|()| read(&format!("/proc/{pid}/{file}")));
        archive.add(format!("host/server-{file}.txt"), about, text);
    }
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// A line for each model: how many processors are of it.
fn models(cpuinfo: &str) -> String {
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for processor in cpuinfo.split("\n\n").filter(|text| text.contains("processor")) {
        let field = |name: &str| {
            let fields = processor.lines().filter_map(|line| line.split_once(':'));
            fields.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        // Not every architecture has names for them.
        let unnamed = || Some(format!("implementer {} part {}", field("CPU implementer")?, field("CPU part")?));
        let model = field("model name").map(str::to_owned).or_else(unnamed);
        *models.entry(model.unwrap_or_else(|| "of a model that is not told".into())).or_default() += 1;
    }
    models.into_iter().map(|(model, count)| format!("{count} x {model}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_by_model_on_every_architecture() {
        let x86 = "processor\t: 0\nmodel name\t: A 1\n\nprocessor\t: 1\nmodel name\t: A 1\n\n";
        assert_eq!(models(x86), "2 x A 1\n");
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n\n";
        assert_eq!(models(arm), "1 x implementer 0x41 part 0xd4f\n");
        assert_eq!(models("processor : 0\n"), "1 x of a model that is not told\n");
    }
}
