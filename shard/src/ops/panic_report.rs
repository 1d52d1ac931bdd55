//! The panic report: what a core that panics leaves behind in a file.

use crate::ops::process::write_briefly;
use crate::ops::report::CoreSnapshot;
use crate::runtime::flight_recorder::{self, Phase};
use serde::Serialize;
use std::backtrace::Backtrace;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long what is said of a panic may take to be read before the process ends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// What is written when a core panics.
#[derive(Serialize)]
struct PanicReport {
    panic: String,
    thread: String,
    phase: Option<Phase>,
    /// Up to a second old.
    core: Option<CoreSnapshot>,
    backtrace: String,
}

/// From now on a panic, on any thread, is told loudly, leaves a file in `folder`, and ends the process: half a server is
/// worse than none.
pub fn end_process_on_panic(folder: PathBuf) {
    std::panic::set_hook(Box::new(move |info| {
        let report = panic_report(info);
        // The file first: that nobody may read what is said would be a panic of its own.
        let written = match write(&folder, &report) {
            Ok(path) => format!("what it had done is in {}; please report it", path.display()),
            Err(error) => format!("what it had done cannot be written to {}: {error}", folder.display()),
        };
        let PanicReport { thread, panic, backtrace, .. } = &report;
        let said = format!("ringshard: thread {thread} panicked: {panic}\n{backtrace}\nringshard: {written}\n");
        write_briefly(std::io::stderr(), said, WRITE_TIMEOUT);
        std::process::abort();
    }));
}

fn panic_report(info: &PanicHookInfo<'_>) -> PanicReport {
    PanicReport {
        panic: info.to_string(),
        thread: std::thread::current().name().unwrap_or("without a name").to_owned(),
        phase: flight_recorder::phase(),
        core: flight_recorder::latest(CoreSnapshot::new),
        backtrace: Backtrace::force_capture().to_string(),
    }
}

fn write(folder: &Path, report: &PanicReport) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("ringshard-panic-{}.json", std::process::id()));
    write_private(&path, serde_json::to_string_pretty(report)?.as_bytes())?;
    Ok(path)
}

/// Writes a file that was not there, for its owner alone: it tells of players.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
