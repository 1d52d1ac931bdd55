//! A server of its own for each test, and players driven by hand.

use ringshard::ops::admin::AdminClient;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant as Clock};

/// How long anything here may take on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server of its own, with a folder for its files.
pub struct Server {
    pub child: Child,
    pub log: BufReader<ChildStderr>,
    pub folder: PathBuf,
    pub admin: SocketAddr,
    pub listen: SocketAddr,
    pub key: PublicKey,
}

impl Server {
    pub fn start(name: &str, settings: &str, flags: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-operation-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("settings.toml"), settings).unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .current_dir(&folder)
            .args(["serve", "--config", "settings.toml", "--listen", "127.0.0.1:0", "--cpus", "0"])
            .args(["--admin", &admin.to_string()])
            .args(flags)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let serving = wait_for(&mut log, "serving");
        let word = |name: &str| serving.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let (listen, key) = (word("listen=").parse().unwrap(), PublicKey::from_hex(&word("public_key=")).unwrap());
        Server { child, log, folder, admin, listen, key }
    }

    pub fn asker(&self) -> AdminClient {
        AdminClient::new(self.admin)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    pub fn said(&mut self, what: &str) -> String {
        wait_for(&mut self.log, what)
    }

    pub fn ends(&mut self) -> std::process::ExitStatus {
        let give_up = Clock::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Clock::now() < give_up, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn wait_for(log: &mut BufReader<ChildStderr>, what: &str) -> String {
    let mut line = String::new();
    while !line.contains(what) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended before it said `{what}`");
    }
    line
}

/// A player, driven by hand.
pub struct Player {
    pub client: Client,
    pub socket: UdpSocket,
    pub began: Clock,
    pub heard: Vec<Vec<u8>>,
    pub closed: Option<CloseReason>,
}

impl Player {
    pub fn new(server: &Server) -> Self {
        Self::of(server.listen, server.key)
    }

    pub fn of(listen: SocketAddr, key: PublicKey) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(listen).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let config = ClientConfig::new(key);
        let client = Client::new(config, Instant::ZERO, ringshard::runtime::entropy::random_bytes()).unwrap();
        Player { client, socket, began: Clock::now(), heard: Vec::new(), closed: None }
    }

    pub fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    pub fn step(&mut self) {
        let (mut buffer, now) = ([0; DATAGRAM_BYTES_MAX], self.now());
        self.client.advance(now);
        while let Some(len) = self.client.poll_transmit(now, &mut buffer) {
            let _ = self.socket.send(&buffer[..len]);
        }
        if let Ok(len) = self.socket.recv(&mut buffer) {
            let now = self.now();
            for message in self.client.receive(now, &mut buffer[..len]).into_iter().flatten() {
                self.heard.push(message.bytes.to_vec());
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
    }

    pub fn until(&mut self, what: &str, happened: impl Fn(&Self) -> bool) {
        let give_up = Clock::now() + PATIENCE;
        while !happened(self) {
            assert!(Clock::now() < give_up, "{what}");
            self.step();
        }
    }

    pub fn connected(server: &Server) -> Self {
        let mut player = Player::new(server);
        player.until("it connects", |player| player.client.is_connected());
        player.echo(b"hello");
        player
    }

    pub fn echo(&mut self, text: &[u8]) {
        self.client.send(self.now(), Channel::RELIABLE_ORDERED, text).unwrap();
        self.until("the echo comes", |player| player.heard.iter().any(|heard| heard == text));
    }
}

/// What a plain request gets.
pub fn raw(admin: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What a plain request over a Unix socket gets.
pub fn raw_socket(path: PathBuf, request: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A request without a body, over a connection of its own.
pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n")
}
