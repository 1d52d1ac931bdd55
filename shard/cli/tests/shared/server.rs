//! A server that runs as a process of its own.

use super::{Folder, TIMEOUT};
use ringshard::ops::admin::AdminClient;
use ringshard_protocol::crypto::PublicKey;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant as Clock};

/// A server as a process of its own, on CPU 0 and a free port, killed when it is dropped. Its folder holds its settings
/// and is its working directory.
pub struct Server {
    pub child: Child,
    /// What it logs from now on.
    pub log: BufReader<ChildStderr>,
    pub folder: Folder,
    pub admin: SocketAddr,
    pub listen: SocketAddr,
    pub key: PublicKey,
    flags: Vec<String>,
}

impl Server {
    /// Starts a server with these lines in its settings file and these flags, and waits until it serves.
    pub fn start(name: &str, settings: &str, flags: &[&str]) -> Self {
        let folder = Folder::new(name);
        std::fs::write(folder.file("settings.toml"), settings).unwrap();
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let Launched { child, log, admin, listen, key } = Launched::new(&folder, "127.0.0.1:0", &flags);
        Server { child, log, folder, admin, listen, key, flags }
    }

    /// Kills the server, if it still runs, and starts it again in the same folder, at the same address. It has its former
    /// key if a flag names the file of the key.
    pub fn restart(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let Launched { child, log, admin, key, .. } =
            Launched::new(&self.folder, &self.listen.to_string(), &self.flags);
        (self.child, self.log, self.admin, self.key) = (child, log, admin, key);
    }

    pub fn admin_client(&self) -> AdminClient {
        AdminClient::new(self.admin)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for the next line of the log that has `words`.
    pub fn log_line(&mut self, words: &str) -> String {
        wait_for_line(&mut self.log, words)
    }

    /// Waits until the process has ended.
    pub fn ends(&mut self) -> ExitStatus {
        let give_up = Clock::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Clock::now() < give_up, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it printed to its standard output, once it has ended.
    pub fn stdout(&mut self) -> String {
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a log until a line has `words`.
pub fn wait_for_line(log: &mut BufReader<ChildStderr>, words: &str) -> String {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended before it logged `{words}`");
    }
    line
}

/// An address of this host that no program listens on. The kernel gives ports from 32768 on to other sockets at any time,
/// so its port is lower.
pub fn free_address() -> SocketAddr {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(61).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (number % 22_768) as u16));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// A process that serves.
struct Launched {
    child: Child,
    log: BufReader<ChildStderr>,
    admin: SocketAddr,
    listen: SocketAddr,
    key: PublicKey,
}

impl Launched {
    fn new(folder: &Folder, listen: &str, flags: &[String]) -> Self {
        loop {
            let admin = free_address();
            let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
                .current_dir(&folder.0)
                .args(["serve", "--config", "settings.toml", "--listen", listen, "--cpus", "0"])
                .args(["--admin", &admin.to_string()])
                .args(flags)
                .stderr(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut log = BufReader::new(child.stderr.take().unwrap());
            let (mut line, mut lines) = (String::new(), String::new());
            while !line.contains("serving") {
                line.clear();
                if log.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                lines.push_str(&line);
            }
            if line.is_empty() {
                child.wait().unwrap();
                // Another program can take the admin port after it was found to be free.
                assert!(lines.contains("in use"), "the server ended early: {lines}");
                continue;
            }
            let word = |name: &str| line.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
            let (listen, key) = (word("listen=").parse().unwrap(), PublicKey::from_hex(&word("public_key=")).unwrap());
            return Launched { child, log, admin, listen, key };
        }
    }
}
