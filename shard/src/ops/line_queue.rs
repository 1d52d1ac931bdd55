//! Lines that a thread of its own writes to standard error. Whoever adds a line never waits for the reader: lines that find
//! the queue full are dropped and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const QUEUE_LINES_MAX: usize = 1024;
/// How long the last lines may take to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Time between two tries to find room for the request to end.
const FLUSH_RETRY: Duration = Duration::from_millis(1);

enum Entry {
    Line(Vec<u8>),
    /// Write no more.
    End,
}

/// The queue. Its clones are the same queue.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// Writes the waiting lines when it is dropped, for up to a second. Keep it until the process ends.
#[derive(Debug)]
pub struct FlushGuard {
    entries: SyncSender<Entry>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl LineQueue {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn start(mut to: impl Write + Send + 'static) -> io::Result<(LineQueue, FlushGuard)> {
        let (entries, queue) = sync_channel(QUEUE_LINES_MAX);
        let (running, ended) = sync_channel::<()>(0);
        let write = move || {
            let _running = running;
            while let Ok(Entry::Line(line)) = queue.recv() {
                // Nobody could be told that the log cannot be written.
                let _ = to.write_all(&line);
            }
            let _ = to.flush();
        };
        std::thread::Builder::new().name("log".into()).spawn(write)?;
        let lines = LineQueue { entries: entries.clone(), dropped: Arc::default() };
        Ok((lines, FlushGuard { entries, ended }))
    }

    /// Lines that were dropped because the reader did not keep up.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Write for LineQueue {
    /// Adds a line. Each call is given a whole one.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.entries.try_send(Entry::Line(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LineQueue {
    type Writer = LineQueue;

    fn make_writer(&self) -> LineQueue {
        self.clone()
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        while let Err(TrySendError::Full(_)) = self.entries.try_send(Entry::End) {
            if Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(FLUSH_RETRY);
        }
        // The thread sends nothing: it closes the channel when it ends.
        let _ = self.ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn all_lines_are_written_before_the_guard_is_gone() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (mut lines, guard) = LineQueue::start(writer).unwrap();
        (0..500).for_each(|number| lines.write_all(format!("line {number}\n").as_bytes()).unwrap());
        drop(guard);
        drop(lines);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, (0..500).map(|number| format!("line {number}\n")).collect::<String>());
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted_and_nobody_waits() {
        let (reader, writer) = io::pipe().unwrap();
        let (mut lines, guard) = LineQueue::start(writer).unwrap();
        let (line, began) = ([b'x'; 1024], Instant::now());
        (0..4 * QUEUE_LINES_MAX).for_each(|_| assert_eq!(lines.write(&line).unwrap(), line.len()));
        assert!(lines.dropped() >= 2 * QUEUE_LINES_MAX as u64, "{}", lines.dropped());
        drop(guard);
        assert!(began.elapsed() < FLUSH_TIMEOUT * 10, "the end waits for {FLUSH_TIMEOUT:?} at most");
        drop(reader);
    }
}
