//! The panic report: the file that a panic leaves behind.

use crate::ops::private_file::write_private;
use crate::ops::process::write_with_timeout;
use crate::ops::report::CoreSnapshot;
use crate::runtime::flight_recorder::{self, Phase};
use serde::Serialize;
use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the message about a panic may take to be written before the process ends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// The content of the file.
#[derive(Serialize)]
struct PanicReport {
    /// The message and its place in the source.
    panic: String,
    thread: String,
    /// What the core was doing; none on other threads.
    phase: Option<Phase>,
    /// What the game was working on that a player had sent, if it was.
    work: Option<String>,
    /// The core's latest figures, up to a second old; none on other threads.
    core: Option<CoreSnapshot>,
    backtrace: String,
}

/// From now on, a panic on any thread writes a panic report into `folder`, prints a message, and ends the process: half a
/// server is worse than none.
pub fn end_process_on_panic(folder: PathBuf) {
    std::panic::set_hook(Box::new(move |info| {
        let report = panic_report(info);
        // The file first: writing to standard error may fail.
        let written = match write(&folder, &report) {
            Ok(path) => format!("the panic report is in {}: please attach it to a bug report", path.display()),
            Err(error) => format!("cannot write a panic report to {}: {error}", folder.display()),
        };
        let PanicReport { thread, panic, backtrace, work, .. } = &report;
        let work = work.as_ref().map(|work| format!("ringshard: the game was working on {work}\n")).unwrap_or_default();
        let message =
            format!("ringshard: thread {thread} panicked: {panic}\n{work}{backtrace}\nringshard: {written}\n");
        write_with_timeout(std::io::stderr(), message, WRITE_TIMEOUT);
        std::process::abort();
    }));
}

fn panic_report(info: &PanicHookInfo<'_>) -> PanicReport {
    PanicReport {
        panic: info.to_string(),
        thread: std::thread::current().name().unwrap_or("(unnamed)").to_owned(),
        phase: flight_recorder::phase(),
        work: flight_recorder::work(),
        core: flight_recorder::latest(CoreSnapshot::new),
        backtrace: Backtrace::force_capture().to_string(),
    }
}

fn write(folder: &Path, report: &PanicReport) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("ringshard-panic-{}.json", std::process::id()));
    write_private(&path, serde_json::to_string_pretty(report)?.as_bytes())?;
    Ok(path)
}
