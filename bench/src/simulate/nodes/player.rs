//! A player: a client, its link, its path to the server, and its traffic.

use super::link::ObservedLink;
use crate::random::Random;
use crate::simulate::draw::path_state::{Kind, PathState};
use crate::simulate::draw::plan::{Plan, PlayerPlan};
use crate::simulate::draw::traffic::Traffic;
use crate::simulate::model::audit::Audit;
use crate::simulate::model::session::{End, Side};
use ringshard_link::sim::Network;
use ringshard_protocol::Client;
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::limits::{RECEIVE_DATAGRAMS_PER_TURN, RELIABLE_WINDOW_BYTES, SEND_QUEUE_BYTES_MAX};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::DisconnectReason;
use std::net::SocketAddr;

/// How soon a client is served again after its link had no room or its deadline was in the past.
const AGAIN: Duration = Duration::from_millis(1);
/// Message memory of a client: what both of its queues may hold.
const CLIENT_MESSAGE_BYTES_MAX: usize = 2 * (SEND_QUEUE_BYTES_MAX + RELIABLE_WINDOW_BYTES);
/// More datagrams than a client's windows allow at once.
const TURN_DATAGRAMS_MAX: usize = 20_000;

#[derive(Debug)]
pub struct Player {
    pub index: usize,
    pub plan: PlayerPlan,
    random: Random,
    server: SocketAddr,
    /// Addresses it has had.
    addresses: u16,
    /// None between two clients.
    pub running: Option<(Client, ObservedLink)>,
    /// When the next client starts, while there is none.
    pub back_at: Instant,
    pub session: Option<usize>,
    pub path_state: PathState,
    /// When the state of its path changes.
    pub path_until: Instant,
    pub traffic: Traffic,
    /// When it sends next.
    pub sends_at: Instant,
    /// When the next fault is injected.
    pub fault_at: Instant,
    /// When it asks for new keys.
    pub rekeys_at: Instant,
    /// When keys last changed, and how often they have at the client and at the server.
    pub keys_changed_at: Instant,
    pub key_changes: (u64, u64),
    /// When its client is due.
    due_at: Instant,
    buffer: Vec<u8>,
}

impl Player {
    /// A player whose client has not started.
    pub fn new(index: usize, server: SocketAddr, plan: &Plan, random: &mut Random) -> Self {
        let mut random = random.fork();
        let player = PlayerPlan::draw(&mut random);
        Player {
            index,
            plan: player,
            server,
            addresses: 0,
            running: None,
            back_at: Instant::ZERO,
            session: None,
            path_state: PathState::clear(player.delay),
            path_until: Instant::ZERO,
            traffic: Traffic::draw(&mut random, plan.traffic_per_mille),
            sends_at: Instant::ZERO,
            fault_at: Instant::ZERO,
            rekeys_at: Instant::ZERO,
            keys_changed_at: Instant::ZERO,
            key_changes: (0, 0),
            due_at: Instant::ZERO,
            buffer: Vec::new(),
            random,
        }
    }

    /// A fresh address. Every other player uses IPv6.
    fn draw_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let (index, port) = (self.index as u16, 40_000 + self.addresses);
        match self.index % 2 {
            0 => SocketAddr::from(([10, 1, (self.addresses / 256) as u8, index as u8], port)),
            _ => SocketAddr::from(([0x2001, 0xDB8, 0, 0, 0, 0, self.addresses, index], port)),
        }
    }

    /// Starts a client at a fresh address.
    pub fn start(&mut self, now: Instant, network: &Network, plan: &Plan) {
        let config = plan.client(&mut self.random, &self.plan);
        let client = Client::new(config, now, self.random.seed()).expect("the server's key is valid");
        let address = self.draw_address();
        let link = ObservedLink::new(network.clone(), address, self.random.fork());
        self.running = Some((client, link));
        self.back_at = Instant::NEVER;
        self.session = None;
        self.traffic = Traffic::draw(&mut self.random, plan.traffic_per_mille);
        self.due_at = now;
        self.apply_path_state(network);
    }

    /// Kills its client.
    pub fn kill(&mut self, now: Instant, back_after: Duration, audit: &mut Audit) {
        if let Some((_, link)) = self.running.take() {
            audit.totals.datagrams += link.datagrams;
        }
        if let Some(session) = self.session.take() {
            audit.client_lost(now, session, true);
        }
        self.back_at = now + back_after;
    }

    /// Moves to a fresh address. `is_aware`: the client knows.
    pub fn change_address(&mut self, now: Instant, network: &Network, is_aware: bool) {
        let address = self.draw_address();
        let Some((client, link)) = &mut self.running else { return };
        link.rebind(address);
        if is_aware {
            client.address_changed(now);
        }
        self.due_at = now;
        self.apply_path_state(network);
    }

    /// Changes the state of its path.
    pub fn set_path_state(&mut self, now: Instant, path_state: PathState, network: &Network) {
        self.path_state = path_state;
        self.path_until = now + path_state.lasts;
        self.apply_path_state(network);
    }

    fn apply_path_state(&self, network: &Network) {
        let Some((_, link)) = &self.running else { return };
        network.set_conditions_between(link.local(), self.server, self.path_state.there);
        network.set_conditions_between(self.server, link.local(), self.path_state.back);
    }

    pub fn has_clear_path(&self) -> bool {
        self.path_state.kind == Kind::Clear
    }

    /// When its client is due.
    pub fn deadline(&self) -> Instant {
        self.due_at
    }

    /// Its client has something new to do.
    pub fn wake(&mut self, now: Instant) {
        self.due_at = self.due_at.min(now);
    }

    /// Receives, advances and sends.
    pub fn turn(&mut self, now: Instant, audit: &mut Audit) {
        let received = self.receive(now, audit);
        if received == 0 && now < self.due_at {
            return;
        }
        let Some((client, _)) = &mut self.running else { return };
        client.advance(now);
        self.events(now, audit);
        let was_blocked = self.transmit(now, audit);
        self.events(now, audit);
        let Some((client, _)) = &self.running else { return };
        self.due_at = match client.deadline() {
            _ if was_blocked => now + AGAIN,
            passed if passed <= now => {
                audit.totals.late_deadlines += 1;
                now + AGAIN
            }
            deadline => deadline,
        };
    }

    /// Checks what must always hold of its client.
    pub fn look(&mut self, now: Instant, audit: &mut Audit) {
        let Some((client, _)) = &self.running else { return };
        audit.check_drops(now, "client", client.drops());
        if client.message_bytes() > CLIENT_MESSAGE_BYTES_MAX {
            audit.report_violation(
                now,
                format!("player {}: keeps {} bytes of messages", self.index, client.message_bytes()),
            );
        }
    }

    fn receive(&mut self, now: Instant, audit: &mut Audit) -> usize {
        let Player { running: Some((client, link)), buffer, session, .. } = self else { return 0 };
        link.receive(RECEIVE_DATAGRAMS_PER_TURN, |arrival| {
            for datagram in arrival.datagrams() {
                let Some(messages) = client.receive(now, datagram) else { continue };
                let Some(session) = *session else {
                    audit.report_violation(now, "a client that was never connected receives messages");
                    continue;
                };
                audit.sessions[session].client_heard = now;
                for message in messages {
                    audit.arrived(now, session, false, message.channel, message.bytes);
                }
                while let Some(channel) = client.read(buffer) {
                    audit.arrived(now, session, false, channel, buffer);
                }
            }
        })
    }

    /// Sends what is queued. Returns whether the link had no room.
    fn transmit(&mut self, now: Instant, audit: &mut Audit) -> bool {
        let Some((client, link)) = &mut self.running else { return false };
        let path = Path::new(0, self.server);
        let (mut was_blocked, mut sent) = (false, 0);
        while let Some(len) = client.transmit_len(now) {
            sent += 1;
            if sent > TURN_DATAGRAMS_MAX {
                audit.report_violation(now, format!("player {}: it never stops sending", self.index));
                break;
            }
            let Some(room) = link.reserve(path, len) else {
                was_blocked = true;
                break;
            };
            client.transmit(now, room);
        }
        link.submit();
        if let Some(what) = link.take_fault() {
            audit.report_violation(now, format!("player {} sent {what}", self.index));
        }
        was_blocked
    }

    fn events(&mut self, now: Instant, audit: &mut Audit) {
        while let Some((client, _)) = &mut self.running
            && let Some(event) = client.poll_event()
        {
            self.on_event(now, event, audit);
        }
    }

    fn on_event(&mut self, now: Instant, event: ClientEvent, audit: &mut Audit) {
        match event {
            ClientEvent::Connected { id, resumed } => {
                let Some((_, link)) = &mut self.running else { return };
                link.forget_all_numbers();
                let former = self.session;
                self.session = Some(audit.connected(now, self.index, former, link.local(), id, resumed));
            }
            ClientEvent::Moved { .. } => {}
            ClientEvent::Reconnecting(reason) => {
                audit.log_event(now, || format!("player {}: reconnects: {reason}", self.index));
                let for_good = reason == CloseReason::Disconnected(DisconnectReason::NotResumable);
                self.ended(now, reason, for_good, audit);
            }
            ClientEvent::Closed(reason) => {
                audit.log_event(now, || format!("player {}: closed: {reason}", self.index));
                self.ended(now, reason, true, audit);
                let back_after = self.random.millis(10, 3_000);
                self.kill(now, back_after, audit);
            }
        }
    }

    /// The client's connection is gone, or could not be made.
    fn ended(&mut self, now: Instant, reason: CloseReason, for_good: bool, audit: &mut Audit) {
        let was_live = self.session.is_some_and(|session| audit.sessions[session].client == End::Live);
        match (reason, self.session) {
            (CloseReason::Disconnected(reason), Some(session)) if was_live => {
                audit.totals.end(format!("client: {reason}"));
                if reason == DisconnectReason::TimedOut {
                    audit.check_timeout(now, session, Side::Client);
                }
                audit.check_reason(now, session, reason);
            }
            (CloseReason::Silent, Some(session)) if was_live => {
                audit.totals.end(format!("client: {reason}"));
                audit.check_reconnect_attempt(now, session);
            }
            (reason, _) => {
                let text = match reason {
                    CloseReason::Unreachable(_) => "client: unreachable".to_owned(),
                    reason => format!("client: {reason}"),
                };
                audit.totals.end(text);
                audit.check_refusal(now, self.index, reason);
            }
        }
        if let Some(session) = self.session {
            audit.client_lost(now, session, for_good);
        }
        if for_good {
            self.session = None;
        }
    }
}

impl Audit {
    /// Checks that a client was refused for a valid reason.
    fn check_refusal(&mut self, now: Instant, player: usize, reason: CloseReason) {
        let clear = now.since(self.clear_since[player]);
        match reason {
            CloseReason::WrongKey => {
                self.report_violation(now, format!("player {player}: the client rejects the server's own key"))
            }
            CloseReason::Unreachable(_) if clear > Duration::from_secs(11) && self.server_is_up(now) => {
                self.report_violation(
                    now,
                    format!("player {player}: {reason} over a path that was clear for {clear:?}"),
                );
            }
            _ => {}
        }
    }
}
