//! CPU time and memory of a process, from /proc.

use std::time::Duration;

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    /// Time that its threads were runnable and waited for a CPU, summed.
    pub waited: Duration,
    pub resident_bytes: u64,
}

/// The kernel reports CPU times in this fraction of a second, on every architecture that runs Ringshard.
const CPU_TICKS_PER_SECOND: u64 = 100;

/// Current usage of a process; zeros if it has ended.
pub fn usage(pid: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything, so fields are counted after it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let cpu_ticks = field(11) + field(12);
    Usage {
        cpu: Duration::from_nanos(cpu_ticks * 1_000_000_000 / CPU_TICKS_PER_SECOND),
        waited: waited(pid),
        resident_bytes: resident_bytes(pid),
    }
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// Zero if the kernel does not say.
pub fn waited(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(nanos).sum())
}
