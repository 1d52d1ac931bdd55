//! The server of a library, as a child process.

use crate::libraries::{Library, ServeOptions};
use clap::ValueEnum;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// A server process. It ends when this is dropped, and when this process ends.
pub struct ServerProcess {
    child: Child,
    /// The server ends when this closes.
    _stdin: ChildStdin,
    /// What it printed when it was ready.
    pub credential: Vec<u8>,
}

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: CpuTime,
    pub resident_bytes: u64,
}

/// CPU time of threads, the kernel's work for them included.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    pub used: Duration,
    /// Time that they were ready to run, but something else used their CPU.
    pub waited: Duration,
}

impl CpuTime {
    /// The calling thread's since it started; zero if the kernel does not say.
    pub fn of_this_thread() -> Self {
        CpuTime::read(Path::new("/proc/thread-self/schedstat")).unwrap_or_default()
    }

    /// What was added since `before`.
    pub fn since(self, before: CpuTime) -> Self {
        CpuTime { used: self.used.saturating_sub(before.used), waited: self.waited.saturating_sub(before.waited) }
    }

    fn read(file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let mut nanos = text.split_whitespace().map(|field| field.parse().ok().map(Duration::from_nanos));
        Some(CpuTime { used: nanos.next()??, waited: nanos.next()?? })
    }
}

impl ServerProcess {
    /// Starts this program again as a server, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(library: Library, options: &ServeOptions) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program's path: {error}"))?;
        let name = |value: clap::builder::PossibleValue| value.get_name().to_owned();
        let mut child = Command::new(own)
            .args(["serve", "--library", &library.to_possible_value().map(name).unwrap_or_default()])
            .args(["--task", &options.task.to_possible_value().map(name).unwrap_or_default()])
            .args(["--listen", &options.listen.to_string()])
            .args(["--cpu", &options.cpu.to_string()])
            .args(["--clients", &options.clients.to_string()])
            .args(options.on_tick.then_some("--on-tick"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the server: {error}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no pipes".into());
        };
        let mut server = ServerProcess { child, _stdin: stdin, credential: Vec::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| format!("cannot read from the server: {error}"))?;
        let hex = line.trim_end().strip_prefix("ready ").or_else(|| line.trim_end().strip_prefix("ready"));
        server.credential = hex.and_then(from_hex).ok_or_else(|| format!("the server did not start: {line:?}"))?;
        Ok(server)
    }

    /// Its CPU time and memory since it started.
    pub fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Usage of a process, of all its threads.
fn usage(pid: u32) -> Usage {
    let mut cpu = CpuTime::default();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let thread = CpuTime::read(&task.path().join("schedstat")).unwrap_or_default();
        cpu.used += thread.used;
        cpu.waited += thread.waited;
    }
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    Usage { cpu, resident_bytes: pages.unwrap_or(0) * rustix::param::page_size() as u64 }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

/// A UDP port of loopback that is free now.
///
/// # Errors
/// The kernel's error.
pub fn free_port() -> Result<SocketAddr, String> {
    UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .map_err(|error| format!("no free port on loopback: {error}"))
}

/// Ends this process when its standard input closes, which its parent's end does.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        for _ in std::io::stdin().lock().lines() {}
        std::process::exit(0);
    });
}
