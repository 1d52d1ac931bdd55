//! A server with a player on it, and the commands that look at it from outside.

// Each test file is a program of its own, and none needs all of this.
#![allow(dead_code, reason = "each test file uses its part of it")]

use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::{Client, ClientConfig};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Datagrams that are sent of [`NONSENSE`]: what the server has to drop.
pub const NONSENSE_COUNT: u64 = 3;
/// A packet of a connection that was never made, on the core that there is: the kernel passes on nothing shorter than a
/// header, and of who sends it its core takes note.
const NONSENSE: [u8; 64] = {
    let mut bytes = [0x55; 64];
    bytes[0] = 0;
    bytes
};
/// How long something that happens at once on an idle machine may take on a busy one.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What questions of the server with players must bear.
pub const TOKEN: &str = "a-secret-that-is-in-no-report";

pub fn ringshard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringshard")).args(arguments).output().expect("the binary was built")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn assert_has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing from:\n{text}");
    }
}

/// A folder of its own for each test, removed with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringshard-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with a player on it, and somebody who sends nonsense.
pub struct Scene {
    pub folder: Folder,
    server: Child,
    pub admin: String,
    pub listen: SocketAddr,
    pub player: SocketAddr,
    pub stranger: SocketAddr,
    over: Arc<AtomicBool>,
    playing: Option<JoinHandle<()>>,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        Scene::with(name, &[])
    }

    /// With these options of the server.
    pub fn with(name: &str, options: &[&str]) -> Self {
        let folder = Folder::new(name);
        let key = ringshard::config::key_files::generate(&folder.0.join("server.key")).unwrap();
        std::fs::write(folder.file("token"), TOKEN).unwrap();
        std::fs::set_permissions(folder.file("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let (server, admin) = serve(&folder, options);
        let asker = AdminClient::with_token_file(admin.parse().unwrap(), Some(&folder.0.join("token"))).unwrap();
        let listen = asker.get::<ServerReport>("/stats").unwrap().listen;
        let (over, socket) = (Arc::new(AtomicBool::new(false)), socket());
        let player = socket.local_addr().unwrap();
        let playing = std::thread::spawn({
            let over = over.clone();
            move || play(&socket, listen, key, &over)
        });
        let stranger = self::socket();
        for _ in 0..NONSENSE_COUNT {
            stranger.send_to(&NONSENSE, listen).unwrap();
        }
        let stranger = stranger.local_addr().unwrap();
        let playing = Some(playing);
        let scene = Scene { folder, server, admin, listen, player, stranger, over, playing };
        scene.wait_until(&asker, |report| {
            report.total("joined") == 1 && report.drops().values().sum::<u64>() >= NONSENSE_COUNT
        });
        scene
    }

    fn wait_until(&self, asker: &AdminClient, so: impl Fn(&ServerReport) -> bool) {
        let give_up = std::time::Instant::now() + PATIENCE;
        loop {
            let report: ServerReport = asker.get("/stats").unwrap();
            if so(&report) {
                return;
            }
            assert!(std::time::Instant::now() < give_up, "what the server should have seen: {report:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a command that looks at the server says.
    pub fn asked(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary was built")
    }

    /// A command that looks at the server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        command.args(arguments).args(["--admin", &self.admin, "--admin-token-file", &self.folder.file("token")]);
        command
    }

    /// Who asks the server.
    pub fn asker(&self) -> AdminClient {
        AdminClient::with_token_file(self.admin.parse().unwrap(), Some(&self.folder.0.join("token"))).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.playing.take().map(JoinHandle::join);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A server that serves, and where it answers questions.
fn serve(folder: &Folder, options: &[&str]) -> (Child, String) {
    loop {
        let admin = free_admin();
        let mut server = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .args(["serve", "--listen", "127.0.0.1:0", "--cpus", "0", "--key", &folder.file("server.key")])
            .args(["--admin", &admin, "--admin-token-file", &folder.file("token")])
            .args(options)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("serving") && log.read_line(&mut said).unwrap() > 0 {}
        if said.contains("serving") {
            // Nobody reads on, and nothing is to wait for a reader.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return (server, admin);
        }
        server.wait().unwrap();
        // Somebody else can have taken the port since it was found to be free.
        assert!(said.contains("in use"), "the server ended early: {said}");
    }
}

pub fn free_admin() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    socket
}

/// Connects, and stays.
fn play(socket: &UdpSocket, server: SocketAddr, key: PublicKey, over: &AtomicBool) {
    let mut client =
        Client::new(ClientConfig::new(key), Instant::ZERO, ringshard::runtime::entropy::random_bytes()).unwrap();
    let started = std::time::Instant::now();
    let now = || Instant::ZERO + started.elapsed();
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    while !over.load(Ordering::Relaxed) {
        client.advance(now());
        while let Some(len) = client.poll_transmit(now(), &mut buffer) {
            socket.send_to(&buffer[..len], server).unwrap();
        }
        while let Ok((len, _)) = socket.recv_from(&mut buffer) {
            let _ = client.receive(now(), &mut buffer[..len]);
            let mut message = Vec::new();
            while client.read(&mut message).is_some() {}
        }
    }
}
