//! The measured process: how it is started and asked, its CPU time and its memory.

use crate::Outcome;
use crate::options::{Options, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks per second in `/proc/PID/stat`, the same on all Linux systems.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;
/// For the process to end by itself. A profiler writes its file then.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the process says when it serves.
#[derive(Serialize, Deserialize)]
pub struct Ready {
    pub listen: SocketAddr,
}

/// A process that serves. It ends when this is dropped.
pub struct Process {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    folder: PathBuf,
}

/// CPU time of a process, in seconds.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cpu {
    pub user: f64,
    pub system: f64,
}

impl Cpu {
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    pub fn since(self, before: Cpu) -> Cpu {
        Cpu { user: self.user - before.user, system: self.system - before.system }
    }
}

impl Process {
    /// Starts this program again in this role, before a server at `target`.
    pub fn start(role: Role, options: &Options, target: Option<SocketAddr>) -> Outcome<Process> {
        let folder = std::env::temp_dir().join(format!("gateway-load-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut child = under(&options.runner, command(role, options, target, &folder)?).spawn()?;
        let questions = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().ok_or("the process has no output")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let ready: Ready =
            serde_json::from_str(&line).map_err(|error| format!("the server does not start: {error}"))?;
        Ok(Process { child, questions, answers, address: ready.listen, folder })
    }

    /// The gateway's counters; a bare echo has none.
    pub fn counters(&mut self) -> Outcome<BTreeMap<String, u64>> {
        self.questions.as_mut().ok_or("the process ends")?.write_all(b"counters\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// The certificate that clients trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("short-lived.pem")
    }

    pub fn cpu(&self) -> Outcome<Cpu> {
        cpu_of(&self.child.id().to_string())
    }

    /// Resident bytes.
    pub fn memory(&self) -> Outcome<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        let pages = text.split(' ').nth(1).ok_or("statm has no second field")?;
        Ok(pages.parse::<u64>()? * PAGE_BYTES)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends with its input; if it does not, it is killed.
        self.questions = None;
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// This program in another role.
pub fn command(role: Role, options: &Options, target: Option<SocketAddr>, folder: &Path) -> Outcome<Command> {
    let role = clap::ValueEnum::to_possible_value(&role).ok_or("a role has a name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--role", role.get_name()]).arg("--folder").arg(folder);
    command.args(["--server-cpu", &options.server_cpu.to_string(), "--load-cpu", &options.load_cpu.to_string()]);
    if let Some(target) = target {
        command.args(["--target", &target.to_string()]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

/// The command as an argument of another one, if there is one.
fn under(runner: &str, plain: Command) -> Command {
    let mut words = runner.split_whitespace();
    let Some(program) = words.next() else { return plain };
    let mut command = Command::new(program);
    command.args(words).arg(plain.get_program()).args(plain.get_args());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// CPU time of this process.
pub fn own_cpu() -> Outcome<Cpu> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Outcome<Cpu> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold spaces.
    let fields: Vec<&str> = text.rsplit_once(')').ok_or("stat has no name")?.1.split_whitespace().collect();
    let seconds = |field: usize| -> Outcome<f64> {
        Ok(fields.get(field).ok_or("stat is short")?.parse::<f64>()? / TICKS_PER_SECOND)
    };
    Ok(Cpu { user: seconds(11)?, system: seconds(12)? })
}
