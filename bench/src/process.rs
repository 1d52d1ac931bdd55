//! The server as a process of its own, and what the system says of processes.

use crate::interrupt;
use crate::scenario::{Rate, Scenario, option_name};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// No limit to what a connection may send.
const UNLIMITED: &[(&str, &str)] =
    &[("RINGSHARD_CONNECTION_MESSAGES_PER_SECOND", "0"), ("RINGSHARD_CONNECTION_BYTES_PER_SECOND", "0")];

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    /// Time that its threads were ready to run and waited for a processor, all together.
    pub waited: Duration,
    pub resident_bytes: u64,
}

/// What the system says of a process right now; zeros when it is gone.
pub fn usage(pid: u32) -> Usage {
    let ticks = rustix::param::clock_ticks_per_second();
    let page = rustix::param::page_size() as u64;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let cpu_ticks = field(11) + field(12);
    Usage {
        cpu: Duration::from_nanos(cpu_ticks * 1_000_000_000 / ticks),
        waited: waited(pid),
        resident_bytes: field(21) * page,
    }
}

/// Zero where the kernel does not say.
fn waited(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(nanos).sum())
}

/// A server process of our own. It ends with this process, whatever ends that, SIGKILL aside.
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts it.
    ///
    /// It is in a process group of its own: a terminal sends Ctrl-C to a whole group, and the server is to go on until
    /// this process has looked at it.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let child = command
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
        interrupt::guard_server(child.id());
        Ok(ServerProcess(child))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its standard input and output, where they are pipes.
    pub fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.0.stdin.take().zip(self.0.stdout.take())
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        if let Some(pid) = Pid::from_raw(self.0.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        interrupt::release_server(self.0.id());
    }
}

/// A folder for the files of a server. It goes when its owner does.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one that nobody else has.
    pub fn new() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let path = std::env::temp_dir().join(format!("ringshard-bench-{}-{number}-{nanos}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        interrupt::guard_folder(&path);
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        interrupt::release_folder(&self.0);
    }
}

/// A `ringshard serve` of our own.
pub struct Server {
    process: ServerProcess,
    folder: Folder,
    pub address: SocketAddr,
    pub key: PublicKey,
    asker: AdminClient,
}

impl Server {
    /// Starts one that echoes, for the scenario, lets clients in as fast as it can, and waits until it answers.
    pub fn start(scenario: &Scenario) -> Result<Self, String> {
        Self::start_with(scenario, &["--handshakes-per-second".to_owned(), "1000000".to_owned()])
    }

    /// Starts one with more options.
    pub fn start_with(scenario: &Scenario, options: &[String]) -> Result<Self, String> {
        let binary = binary()?;
        let folder = Folder::new()?;
        let key_file = folder.path().join("server.key");
        let key = ringshard::config::key_files::generate(&key_file).map_err(|error| error.to_string())?;
        let (address, admin) = free_ports()?;
        let log =
            std::fs::File::create(folder.path().join("log")).map_err(|error| format!("cannot write a log: {error}"))?;
        let cpus: Vec<String> = scenario.server_cpus.iter().map(usize::to_string).collect();
        let mut command = Command::new(&binary);
        command
            .arg("serve")
            .args(["--listen", &address.to_string(), "--admin", &admin.to_string()])
            .args(["--cpus", &cpus.join(","), "--key"])
            .arg(&key_file)
            .args(["--cipher", &option_name(scenario.cipher), "--datapath", &option_name(scenario.datapath)])
            .args(["--idle", &option_name(scenario.idle)])
            .args(["--arrival-stamps", &scenario.arrival_stamps.to_string()])
            // Relay flows fall on cores by address hash: leave room for an uneven hand.
            .args(["--max-connections", &(scenario.clients * 2).clamp(16_384, 65_536).to_string()])
            .args(options)
            .args(scenario.settings.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]))
            // As fast as it goes is faster than any player may be. Settings that were asked for win over these.
            .envs(UNLIMITED.iter().copied().filter(|_| scenario.rate == Rate::Max))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = ServerProcess::start(&mut command)?;
        let mut server = Server { process, folder, address, key, asker: AdminClient::new(admin) };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.ended() {
                return Err(format!("the server ended at once ({status}):\n{}", self.log()));
            }
            match self.report() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > give_up => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What it says of itself.
    pub fn report(&self) -> Result<ServerReport, String> {
        self.asker.get("/stats").map_err(|error| format!("{error}\n{}", self.log()))
    }

    /// What the system says of it.
    pub fn usage(&self) -> Usage {
        usage(self.process.id())
    }

    /// Stops it as an operator would; it must end by itself, with success.
    pub fn stop(mut self) -> Result<(), String> {
        self.process.terminate();
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.process.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the server ended with {status}:\n{}", self.log())),
                _ if Instant::now() > give_up => return Err("the server did not stop within 10 s".into()),
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// A UDP and a TCP port of loopback that are free right now.
pub fn free_ports() -> Result<(SocketAddr, SocketAddr), String> {
    let failed = |error: std::io::Error| format!("loopback has no free port: {error}");
    let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).map_err(failed)?;
    let tcp = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).map_err(failed)?;
    Ok((udp, tcp))
}

/// The server binary that was built together with this one.
fn binary() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
    let binary = own.with_file_name("ringshard");
    match binary.is_file() {
        true => Ok(binary),
        false => Err(format!("there is no {}: build it with `cargo build --release`", binary.display())),
    }
}
