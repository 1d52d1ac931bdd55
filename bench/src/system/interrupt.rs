//! Ctrl-C and the other signals that ask a process to end.
//!
//! The first signal ends the run early and reports what was measured. The second ends the process at once. In both
//! cases the servers and folders of the run are removed.

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of an interrupted process, as shells report Ctrl-C.
pub const EXIT_CODE: u8 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

static LEFTOVERS: Mutex<Leftovers> = Mutex::new(Leftovers { servers: Vec::new(), folders: Vec::new() });

/// What must not outlive this process.
struct Leftovers {
    servers: Vec<u32>,
    folders: Vec<PathBuf>,
}

/// Whether the run is to end early.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// The error of a run that was interrupted before there was anything to report.
pub fn too_early(step: &str) -> String {
    format!("interrupted while {step}: there is nothing to report yet")
}

/// Handles signals from now on.
pub fn listen() -> Result<(), String> {
    let ignored = ignored_signals();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_in(ignored, signal));
    let mut signals = Signals::new(wanted).map_err(|error| format!("cannot handle signals: {error}"))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if REQUESTED.swap(true, Ordering::Relaxed) {
                clear_up();
                std::process::exit(EXIT_CODE.into());
            }
            eprintln!("\nringshard-bench: stopping early, the report follows. Another signal stops at once");
        }
    });
    Ok(())
}

/// Signals that were ignored when this process started, as under `nohup`. They stay ignored.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).unwrap_or(0)
}

fn is_in(mask: u64, signal: i32) -> bool {
    mask >> (signal - 1) & 1 == 1
}

/// Registers a server to kill if this process ends at once.
pub fn guard_server(pid: u32) {
    with_leftovers(|leftovers| leftovers.servers.push(pid));
}

/// The server has ended: its process id may be reused.
pub fn release_server(pid: u32) {
    with_leftovers(|leftovers| leftovers.servers.retain(|&other| other != pid));
}

/// Registers a folder to remove if this process ends at once.
pub fn guard_folder(path: &Path) {
    with_leftovers(|leftovers| leftovers.folders.push(path.to_owned()));
}

/// The folder is removed.
pub fn release_folder(path: &Path) {
    with_leftovers(|leftovers| leftovers.folders.retain(|other| other != path));
}

fn with_leftovers(change: impl FnOnce(&mut Leftovers)) {
    change(&mut LEFTOVERS.lock().expect("no thread panics while it holds the lock"));
}

fn clear_up() {
    with_leftovers(|leftovers| {
        for pid in &leftovers.servers {
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        for folder in &leftovers.folders {
            let _ = std::fs::remove_dir_all(folder);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_found_in_the_mask() {
        // SIGHUP is 1, SIGINT 2, SIGTERM 15: as under nohup in the background of a script.
        let mask = 0b11;
        assert!(is_in(mask, SIGHUP) && is_in(mask, SIGINT) && !is_in(mask, SIGTERM));
    }
}
