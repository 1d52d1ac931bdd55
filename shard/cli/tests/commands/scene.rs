//! A server with a connected player and a sender of invalid packets: what the commands that look at a server show.

use crate::shared::{Folder, Player, Server, TIMEOUT};
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many packets [`INVALID_PACKET`] the server has to drop.
pub const INVALID_PACKETS: u64 = 3;
/// A packet of a connection that never existed, on core 0. It is longer than a header, so the kernel passes it on and the
/// core notes its sender.
const INVALID_PACKET: [u8; 64] = {
    let mut bytes = [0x55; 64];
    bytes[0] = 0;
    bytes
};
/// The secret of the admin port.
pub const TOKEN: &str = "a-secret-that-is-in-no-report";

/// A server with a player, and the address of a sender of invalid packets.
pub struct Scene {
    pub folder: Folder,
    pub server: Server,
    pub player: SocketAddr,
    /// Sent [`INVALID_PACKETS`].
    pub invalid_sender: SocketAddr,
    over: Arc<AtomicBool>,
    playing: Option<JoinHandle<()>>,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let token = folder.secret("token", TOKEN);
        let key = folder.file("server.key");
        ringshard::config::key_files::generate(key.as_ref()).unwrap();
        let server = Server::start(name, "", &["--key", &key, "--admin-token-file", &token]);
        let (over, mut player) = (Arc::new(AtomicBool::new(false)), Player::new(&server));
        let address = player.socket.local_addr().unwrap();
        let playing = std::thread::spawn({
            let over = over.clone();
            move || {
                while !over.load(Ordering::Relaxed) {
                    player.step();
                }
            }
        });
        let invalid_sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..INVALID_PACKETS {
            invalid_sender.send_to(&INVALID_PACKET, server.listen).unwrap();
        }
        let invalid_sender = invalid_sender.local_addr().unwrap();
        let scene = Scene { folder, server, player: address, invalid_sender, over, playing: Some(playing) };
        scene.wait_until_counted();
        scene
    }

    /// Waits until the server has counted the player and the invalid packets.
    fn wait_until_counted(&self) {
        let token = self.folder.0.join("token");
        let client = AdminClient::with_token_file(self.server.admin, Some(&token)).unwrap();
        let give_up = std::time::Instant::now() + TIMEOUT;
        loop {
            let report: ServerReport = client.get("/stats").unwrap();
            if report.total("joined") == 1 && report.drops().values().sum::<u64>() >= INVALID_PACKETS {
                return;
            }
            assert!(std::time::Instant::now() < give_up, "the server has not counted all of it: {report:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs a command that looks at the server.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary was built")
    }

    /// A command that looks at the server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringshard"));
        let admin = self.server.admin.to_string();
        command.args(arguments).args(["--admin", &admin, "--admin-token-file", &self.folder.file("token")]);
        command
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.playing.take().map(JoinHandle::join);
    }
}
