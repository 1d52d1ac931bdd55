//! Two servers of the demonstration, and a thread that moves a player between them, as the processes of a fleet do.

use crate::server;
use ringshard::runtime::fleet::{FleetEnd, FromCore, OwnZones, ToCore, between};
use ringshard::runtime::server::Server;
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_world::messages::ChangeServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Reports that a player is outside, two a second, after which it moves: it plays at each server for a while.
const REPORTS: usize = 4;

/// The servers, with a key of their own each, and the thread.
pub struct Fleet {
    servers: Vec<Server>,
    is_over: Arc<AtomicBool>,
    courier: JoinHandle<()>,
}

impl Fleet {
    /// Starts both. The first player that enters the first server moves so often.
    pub fn start(moves: usize) -> Self {
        let (ports, ends) = between(2);
        let secrets = [[7; 32], [8; 32]];
        let servers: Vec<_> =
            secrets.into_iter().zip(ports).map(|(secret, port)| server::start_with(secret, port)).collect();
        let address_of =
            |server: &Server| ChangeServer { core: 0, key: *server.public_key().as_bytes(), address: server.listen() };
        let addresses = servers.iter().map(address_of).collect();
        let is_over = Arc::<AtomicBool>::default();
        let mut courier = Courier { ends, addresses, is_over: is_over.clone() };
        let courier = std::thread::spawn(move || {
            courier.report_everybody();
            let mut moves = (0..moves).map(|at| (at % 2, (at + 1) % 2));
            // Ends early if the program has ended.
            let _ = moves.try_for_each(|(from, to)| courier.move_player(from, to));
        });
        Fleet { servers, is_over, courier }
    }

    /// The server that players enter.
    pub fn first(&self) -> &Server {
        &self.servers[0]
    }

    /// Stops all.
    pub fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.courier.join().expect("the courier does not panic");
        self.servers.into_iter().for_each(server::stop);
    }
}

struct Courier {
    ends: Vec<FleetEnd>,
    addresses: Vec<ChangeServer>,
    is_over: Arc<AtomicBool>,
}

impl Courier {
    /// No server has a zone, so each reports all of its players.
    fn report_everybody(&mut self) {
        for end in &mut self.ends {
            end.say(ToCore::Own(Arc::new(OwnZones::default()))).expect("there is room");
        }
    }

    /// Moves the player of a server to the other one. None if the program ended meanwhile.
    fn move_player(&mut self, from: usize, to: usize) -> Option<()> {
        for _ in 1..REPORTS {
            self.hear(from, |letter| matches!(letter, FromCore::Outside { .. }).then_some(()))?;
        }
        let (player, key) = loop {
            let player = self.hear(from, |letter| match letter {
                FromCore::Outside { player, .. } => Some(player),
                _ => None,
            })?;
            // None: its client is not connected at this moment.
            if let Some(key) = self.offer(from, player)? {
                break (player, key);
            }
        };
        let token = key.token;
        self.say(to, ToCore::Expect { key });
        // The core takes letters in order: once it answers this one, of no player, it expects the session. A client that came
        // before would be a stranger there, and stay.
        self.offer(to, u64::MAX)?;
        self.say(from, ToCore::Send { player, to: self.addresses[to] });
        self.hear(to, |letter| matches!(letter, FromCore::Awaited { .. }).then_some(()))?;
        self.say(from, ToCore::Take { token });
        let player = self.hear(from, |letter| match letter {
            FromCore::Taken { player, .. } => Some(player.expect("it is in the world")),
            _ => None,
        })?;
        self.say(to, ToCore::Give { token, player, is_own: false });
        self.hear(to, |letter| match letter {
            FromCore::Given { player, .. } => {
                assert!(player.is_some(), "the other server takes it");
                Some(())
            }
            _ => None,
        })
    }

    /// The key of a player's session.
    fn offer(&mut self, core: usize, player: u64) -> Option<Option<ResumeKey>> {
        self.say(core, ToCore::Offer { player });
        self.hear(core, |letter| match letter {
            FromCore::Key { player: of, key, .. } if of == player => Some(key),
            _ => None,
        })
    }

    fn say(&mut self, core: usize, letter: ToCore) {
        self.ends[core].say(letter).expect("there is room");
    }

    /// The next letter of a core that `wanted` takes. None if the program has ended.
    fn hear<T>(&mut self, core: usize, wanted: impl Fn(FromCore) -> Option<T>) -> Option<T> {
        while !self.is_over.load(Ordering::Relaxed) {
            match self.ends[core].take().map(&wanted) {
                Some(Some(heard)) => return Some(heard),
                Some(None) => {}
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        None
    }
}
