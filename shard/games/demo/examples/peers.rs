//! Two players of a running demonstration who find each other over its server, and then talk directly (PROTOCOL.md#peers).
//!
//! ```text
//! ringshard keygen --out server.key
//! ringshard serve --key server.key --game demo
//! cargo run -p ringshard-demo --example peers -- 127.0.0.1:3565 $(ringshard keygen --public server.key) [STUN]
//! ```
//! STUN is the address of a STUN server, such as the port of `ringshard gateway --peers`: without it, players behind NATs do not
//! find each other. Here both players run in one program; in a game, each is a program of its own.
//!
//! Exit codes: 0: each has heard the other directly. 1: it did not happen within 20 seconds, or the server does not answer.

use ringshard_client::{ClientConfig, News, PublicKey, Udp};
use ringshard_demo_rules::{DemoRules, Input};
use ringshard_peer::{MeshEvent, PeerId, PeerSocket};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What players of one mesh share. A game makes it for each match, and tells its players.
const MESH: [u8; 16] = *b"example of peers";
const PATIENCE: Duration = Duration::from_secs(20);
/// A frame.
const FRAME: Duration = Duration::from_millis(5);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, key, stun @ ..] = arguments.as_slice() else {
        return Err("usage: peers SERVER KEY [STUN]".into());
    };
    let key = PublicKey::from_hex(key)?;
    let stun = stun.iter().map(|address| address.parse()).collect::<Result<Vec<SocketAddr>, _>>()?;
    let mut players = [Player::connect("ann", server, key, stun.clone())?, Player::connect("ben", server, key, stun)?];
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        for number in 0..players.len() {
            // In a game, the server names the players of the match in an event with the bodies of its players.
            let other = players[1 - number].body();
            players[number].frame(other)?;
        }
        if players.iter().all(|player| player.has_heard) {
            return Ok(());
        }
        players[0].udp.wait(FRAME);
    }
    Err("the players did not hear each other: run a game server whose Game::may_introduce allows it".into())
}

/// A client of the server, and a mesh with other players.
struct Player {
    name: &'static str,
    udp: Udp<DemoRules>,
    mesh: PeerSocket,
    peer: Option<PeerId>,
    has_heard: bool,
}

impl Player {
    fn connect(
        name: &'static str,
        server: &str,
        key: PublicKey,
        stun: Vec<SocketAddr>,
    ) -> Result<Player, Box<dyn Error>> {
        let udp = Udp::connect(server, DemoRules::default(), ClientConfig::new(key), name.as_bytes())?;
        Ok(Player { name, udp, mesh: PeerSocket::open(MESH, stun, None)?, peer: None, has_heard: false })
    }

    /// The entity that is this player in the world. The server vouches for who controls it.
    fn body(&self) -> Option<EntityId> {
        self.udp.client().view().owner().body
    }

    fn frame(&mut self, other: Option<EntityId>) -> Result<(), Box<dyn Error>> {
        self.udp.poll(|_| Input::default());
        while let Some(news) = self.udp.news() {
            match news {
                News::Closed(reason) => return Err(reason.into()),
                News::WrongSchema(part) => return Err(format!("the server has another {part}").into()),
                _ => {}
            }
        }
        if let (None, Some(_), Some(other)) = (self.peer, self.body(), other) {
            self.peer = Some(self.mesh.join(other)?);
        }
        self.carry_introductions();
        self.mesh.poll();
        while let Some(event) = self.mesh.event() {
            self.take(event)?;
        }
        self.mesh.flush();
        Ok(())
    }

    /// Between the mesh and the server.
    fn carry_introductions(&mut self) {
        let client = self.udp.client_mut();
        while let Some((from, bytes)) = client.introduction() {
            self.mesh.introduced(from, &bytes);
        }
        while let Some((to, bytes)) = self.mesh.introduction() {
            // The mesh repeats what the server does not take.
            client.introduce(to, &bytes);
        }
    }

    fn take(&mut self, event: MeshEvent) -> Result<(), Box<dyn Error>> {
        match event {
            MeshEvent::Connected { peer, took, .. } => {
                println!("{}: connected after {} ms", self.name, took.as_millis());
                self.mesh.send(peer, Channel::RELIABLE_ORDERED, format!("hello from {}", self.name).as_bytes())?;
            }
            MeshEvent::Path(_, path) => println!("{}: path {} {}", self.name, path.kind.name(), path.address),
            MeshEvent::Message(_, _, bytes) => {
                println!("{}: heard \"{}\"", self.name, String::from_utf8_lossy(&bytes));
                self.has_heard = true;
            }
            _ => {}
        }
        Ok(())
    }
}
