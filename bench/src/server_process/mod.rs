//! Server processes that a run starts and stops.

mod temporary_folder;

pub use self::temporary_folder::TemporaryFolder;

use crate::scenario::{Rate, Scenario, option_name};
use crate::system::interrupt;
use crate::system::usage::{Usage, usage};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::crypto::PublicKey;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start and to stop.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many ports are tried before the kernel's error is taken for an answer.
const PORTS_TO_TRY: u32 = 1_000;
/// Removes the limits on what a connection may send.
const UNLIMITED: &[(&str, &str)] =
    &[("RINGSHARD_CONNECTION_MESSAGES_PER_SECOND", "0"), ("RINGSHARD_CONNECTION_BYTES_PER_SECOND", "0")];

/// A server process of our own. It ends with this process, unless SIGKILL ends this one.
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts it in a process group of its own: a terminal sends Ctrl-C to a whole group, and the server must run until
    /// its last report has been read.
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

    /// Its standard input and output, if they are pipes.
    pub fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.0.stdin.take().zip(self.0.stdout.take())
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        if let Some(pid) = Pid::from_raw(self.0.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Its exit status, if it has ended.
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

/// A `ringshard serve` of our own.
pub struct Server {
    process: ServerProcess,
    folder: TemporaryFolder,
    pub address: SocketAddr,
    pub key: PublicKey,
    admin_client: AdminClient,
}

impl Server {
    /// Starts an echo server for the scenario that accepts handshakes at full speed, and waits until it answers.
    pub fn start(scenario: &Scenario) -> Result<Self, String> {
        Self::start_with(scenario, &["--handshakes-per-second".to_owned(), "1000000".to_owned()])
    }

    /// Starts a server with more options.
    pub fn start_with(scenario: &Scenario, options: &[String]) -> Result<Self, String> {
        let binary = binary()?;
        let folder = TemporaryFolder::new()?;
        let key_file = folder.path().join("server.key");
        let key = ringshard::config::key_files::generate(&key_file).map_err(|error| error.to_string())?;
        let (address, admin) = free_ports()?;
        let log = std::fs::File::create(folder.path().join("log"))
            .map_err(|error| format!("cannot create the log: {error}"))?;
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
            // The address hash spreads relay flows unevenly over the cores, so each gets spare room.
            .args(["--max-connections", &(scenario.clients * 2).clamp(16_384, 65_536).to_string()])
            .args(options)
            .args(scenario.settings.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]))
            // At full speed clients exceed the limits of real players. `--set` overrides these.
            .envs(UNLIMITED.iter().copied().filter(|_| scenario.rate == Rate::Max))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = ServerProcess::start(&mut command)?;
        let mut server = Server { process, folder, address, key, admin_client: AdminClient::new(admin) };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.process.ended() {
                return Err(format!("the server ended at startup ({status}):\n{}", self.log()));
            }
            match self.report() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its own report.
    pub fn report(&self) -> Result<ServerReport, String> {
        self.admin_client.get("/stats").map_err(|error| format!("{error}\n{}", self.log()))
    }

    /// Its usage according to the kernel.
    pub fn usage(&self) -> Usage {
        usage(self.process.id())
    }

    /// Stops it as an operator does. It must exit by itself, with success.
    pub fn stop(mut self) -> Result<(), String> {
        self.process.terminate();
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.process.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the server ended with {status}:\n{}", self.log())),
                _ if Instant::now() > deadline => return Err("the server did not stop within 10 s".into()),
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// A UDP and a TCP address of loopback that are free now.
pub fn free_ports() -> Result<(SocketAddr, SocketAddr), String> {
    Ok((free_address()?, free_address()?))
}

/// The kernel gives ports from 32768 on to other sockets at any time, so the port is lower.
fn free_address() -> Result<SocketAddr, String> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(61);
    let mut why = String::new();
    for _ in 0..PORTS_TO_TRY {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (number % 22_768) as u16));
        match (UdpSocket::bind(address), TcpListener::bind(address)) {
            (Ok(_), Ok(_)) => return Ok(address),
            (Err(error), _) | (_, Err(error)) => why = format!("no free port on loopback: {error}"),
        }
    }
    Err(why)
}

/// The server binary beside this one.
fn binary() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find this program's path: {error}"))?;
    let binary = own.with_file_name("ringshard");
    match binary.is_file() {
        true => Ok(binary),
        false => Err(format!("there is no {}: build it with `cargo build --release`", binary.display())),
    }
}
