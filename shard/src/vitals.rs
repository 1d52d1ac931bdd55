//! What a core that panics leaves behind: where in its turn it was, and what it had done a moment ago.
//!
//! Each core keeps both in its own thread, where the panic hook finds them: a core that has panicked answers no questions.

use crate::process::write_briefly;
use crate::report::CoreSnapshot;
use crate::stages::CoreReport;
use serde::Serialize;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long what is said of a panic may take to be read before the process ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where in its turn a core is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Taking datagrams in.
    Reap,
    /// Taking in what other cores passed on.
    Exchange,
    /// The tick.
    Step,
    /// Telling clients what is due.
    Replicate,
    /// Sealing, and handing to the kernel.
    Transmit,
    /// Answering questions, and waiting.
    Park,
}

thread_local! {
    static PHASE: Cell<Option<Phase>> = const { Cell::new(None) };
    static LATEST: RefCell<Option<(usize, Box<CoreReport>)>> = const { RefCell::new(None) };
}

/// Notes where this thread's core is.
#[inline]
pub fn enter(phase: Phase) {
    PHASE.set(Some(phase));
}

/// Gives this thread's core its place, before it turns for the first time.
pub fn begin(core: usize) {
    LATEST.set(Some((core, Box::default())));
}

/// Has this thread's core note what it has done so far; nothing is done where [`begin`] was not called.
pub fn note(fill: impl FnOnce(&mut CoreReport)) {
    LATEST.with_borrow_mut(|latest| {
        if let Some((_, report)) = latest {
            fill(report);
        }
    });
}

/// What is written when a core panics.
#[derive(Serialize)]
struct LastWords {
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
        let words = last_words(info);
        // The file first: that nobody may read what is said would be a panic of its own.
        let written = match write(&folder, &words) {
            Ok(path) => format!("what it had done is in {}; please report it", path.display()),
            Err(error) => format!("what it had done cannot be written to {}: {error}", folder.display()),
        };
        let LastWords { thread, panic, backtrace, .. } = &words;
        let said = format!("ringshard: thread {thread} panicked: {panic}\n{backtrace}\nringshard: {written}\n");
        write_briefly(std::io::stderr(), said, LAST_WORDS);
        std::process::abort();
    }));
}

fn last_words(info: &PanicHookInfo<'_>) -> LastWords {
    // The panic may have struck while the report was being written: then there is none.
    let core = LATEST.try_with(|latest| {
        let latest = latest.try_borrow().ok()?;
        latest.as_ref().map(|(core, report)| CoreSnapshot::new(*core, report))
    });
    LastWords {
        panic: info.to_string(),
        thread: std::thread::current().name().unwrap_or("without a name").to_owned(),
        phase: PHASE.get(),
        core: core.ok().flatten(),
        backtrace: Backtrace::force_capture().to_string(),
    }
}

fn write(folder: &Path, words: &LastWords) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("ringshard-panic-{}.json", std::process::id()));
    write_private(&path, serde_json::to_string_pretty(words)?.as_bytes())?;
    Ok(path)
}

/// Writes a file that was not there, for its owner alone: it tells of players.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
