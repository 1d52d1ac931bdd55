//! What this process uses and may use, as the system sees it; and its last output.

#[cfg(feature = "ops")]
use procfs::process::{LimitValue, Process};
#[cfg(feature = "ops")]
use procfs::{ProcError, page_size, ticks_per_second};
use std::io::Write;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// What this process uses.
#[cfg(feature = "ops")]
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Usage {
    /// Seconds of CPU time of all threads, in the program and in the kernel.
    pub cpu_s: f64,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// Address space, in bytes.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files, including sockets.
    pub files: u64,
    /// Limit of open files; None for no limit.
    pub files_max: Option<u64>,
}

#[cfg(feature = "ops")]
impl Usage {
    /// What this process uses now.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn now() -> Result<Usage, ProcError> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let files_max = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(count) => Some(count),
            LimitValue::Unlimited => None,
        };
        Ok(Usage {
            cpu_s: (stat.utime + stat.stime) as f64 / ticks_per_second() as f64,
            resident_bytes: stat.rss * page_size(),
            virtual_bytes: stat.vsize,
            threads: stat.num_threads.unsigned_abs(),
            files: process.fd_count()? as u64,
            files_max,
        })
    }
}

/// Writes a text to standard output or standard error. Waits for the reader, but no longer than `timeout`: a process that is
/// about to end must end.
pub fn write_with_timeout(mut to: impl Write + Send + 'static, text: String, timeout: Duration) {
    let (done, written) = sync_channel(1);
    let write = move || {
        // A closed output is no error here: the process ends anyway.
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("final-output".into()).spawn(write).is_ok() {
        let _ = written.recv_timeout(timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::time::Instant;

    #[cfg(feature = "ops")]
    #[test]
    fn this_process_uses_something() {
        let usage = Usage::now().unwrap();
        assert!(usage.resident_bytes > 1 << 20 && usage.virtual_bytes >= usage.resident_bytes, "{usage:?}");
        assert!(usage.threads >= 1 && usage.files >= 3, "{usage:?}");
    }

    #[test]
    fn a_reader_that_does_not_read_is_not_waited_for_long() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let began = Instant::now();
        write_with_timeout(writer, "x".repeat(1 << 20), Duration::from_millis(100));
        assert!((100..10_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), 1 << 20, "a late reader gets everything");
    }
}
