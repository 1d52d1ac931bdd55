use super::*;
use crate::load::fleet::member::Connected;
use crate::load::fleet::shared::Shared;
use crate::load::fleet::workload::Workload;
use ringshard_protocol::client::ClientEvent;
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::link::{Arrival, LinkStats};
use ringshard_protocol::wire::Channel;

const CLIENTS: usize = 12;
const TURNS: usize = 4;
/// Datagrams that the link has room for in a round: few, but enough for all clients over all rounds.
const ROOM: usize = CLIENTS / TURNS;

/// A client that only connects.
struct Silent;

impl Workload for Silent {
    fn on_message(&mut self, _channel: Channel, _message: &[u8]) {}
    fn advance(&mut self, _now: Instant, _client: &mut Client) {}
    fn deadline(&self) -> Instant {
        Instant::NEVER
    }
    fn on_event(&mut self, _event: ClientEvent) {}
}

/// A link with little room, and a server that does not answer.
struct NarrowLink {
    now: Instant,
    room: usize,
    turns: usize,
    shared: Arc<Shared>,
    /// Datagrams by socket.
    sent: [usize; CLIENTS],
    budgets: Vec<usize>,
    buffer: [u8; 2048],
}

impl Link for NarrowLink {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn receive(&mut self, budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        self.budgets.push(budget);
        0
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        self.room = self.room.checked_sub(1)?;
        self.sent[path.socket as usize] += 1;
        Some(&mut self.buffer[..len])
    }

    fn submit(&mut self) {}

    /// Long enough that every client retries in the next round.
    fn park(&mut self, _wait: Wait) {
        self.now = self.now + Duration::from_millis(1_100);
        self.turns += 1;
        self.room = ROOM;
        if self.turns == TURNS {
            self.room = 0;
            self.shared.stop.store(true, Ordering::Relaxed);
        }
    }

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}

fn driver(clients: usize) -> Driver<NarrowLink, Connected<Silent>> {
    let shared = Arc::new(Shared::default());
    let link = NarrowLink {
        now: Instant::ZERO,
        room: ROOM,
        turns: 0,
        shared: shared.clone(),
        sent: [0; CLIENTS],
        budgets: Vec::new(),
        buffer: [0; 2048],
    };
    let share = Share {
        cpu: 0,
        server: ([127, 0, 0, 1], 9).into(),
        config: ClientConfig::new(SecretKey::from_bytes([7; 32]).public()),
        network: None,
        sockets: CLIENTS,
        per_socket: 1,
        shared,
    };
    Driver::new(link, share, (0..clients).map(|_| Connected::new(Silent)).collect())
}

#[test]
fn clients_share_a_link_with_too_little_room() {
    let (_, link) = driver(CLIENTS).run();
    assert_eq!(link.sent, [1; CLIENTS], "every client got exactly one turn");
}

#[test]
fn the_receive_budget_grows_with_the_clients_served() {
    let mut driver = driver(0);
    driver.served = RECEIVE_BUDGET;
    driver.receive(Instant::ZERO, false);
    assert_eq!(driver.link.budgets, [RECEIVED_PER_SERVED * RECEIVE_BUDGET]);
}
