//! What clients do at random, and what must be true right after it.

#![allow(clippy::match_overlapping_arm, reason = "a number takes the first arm whose bound exceeds it")]

use super::frames::Frames;
use super::game::LARGE_REQUEST;
use super::player::{ClientState, EXCUSED_AFTER_SILENCE, Key};
use super::simulator::Simulator;
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, DisconnectReason};
use ringshard_world::messages::kinds;

/// All reasons that a server can give.
const REASONS: [DisconnectReason; 11] = [
    DisconnectReason::Closed,
    DisconnectReason::ShuttingDown,
    DisconnectReason::TimedOut,
    DisconnectReason::KeyExhausted,
    DisconnectReason::ProtocolViolation,
    DisconnectReason::Overflow,
    DisconnectReason::BadCompression,
    DisconnectReason::ShortOfMemory,
    DisconnectReason::IntegrityFailed,
    DisconnectReason::NotResumable,
    DisconnectReason::Denied,
];

impl Simulator {
    /// One client acts.
    pub(super) fn act(&mut self) {
        let number = self.random.next() as usize % self.players.len();
        let player = &self.players[number];
        let is_cut_off = player.is_cut_off();
        match &player.end {
            ClientState::Away => self.act_away(number),
            _ if is_cut_off => self.act_cut_off(number),
            ClientState::Conforming(client) if client.is_connected() => self.act_connected(number),
            ClientState::Conforming(_) => self.act_connecting(number),
            ClientState::Raw(_) => self.act_raw(number),
            ClientState::Handshaking(_) => self.players[number].vanish(),
        }
    }

    fn act_away(&mut self, number: usize) {
        let moves = self.random.chance(300);
        let server = self.random.next() as usize % self.server_cores.len();
        let keys = self.players[number].keys.len();
        let player = &mut self.players[number];
        player.server = server;
        player.connect_network(&self.network, moves);
        player.excused_until = Instant::ZERO;
        match self.random.next() % 100 {
            0..50 => self.arrive(number),
            50..70 if keys > 0 => {
                let key = self.players[number].keys[keys - 1];
                self.resume(number, key, true);
            }
            70..85 if keys > 0 => {
                let key = self.players[number].keys[self.random.next() as usize % keys];
                self.resume(number, key, true);
            }
            85..93 if keys > 0 => {
                let key = self.players[number].keys[self.random.next() as usize % keys];
                self.resume(number, key, false);
            }
            93..96 => self.handshake_anew(number),
            _ => self.arrive(number),
        }
    }

    fn act_cut_off(&mut self, number: usize) {
        let now = self.now();
        if now < self.players[number].silent_until && !self.random.chance(20) {
            return;
        }
        let moves = self.random.chance(400);
        self.action_counts.returns += 1;
        let player = &mut self.players[number];
        player.connect_network(&self.network, moves);
        player.excused_until = now + EXCUSED_AFTER_SILENCE;
        if moves && let ClientState::Conforming(client) = &mut player.end {
            client.address_changed(now);
        }
    }

    fn act_connecting(&mut self, number: usize) {
        match self.random.next() % 100 {
            0..4 => self.disconnect(number),
            4..8 => self.vanish(number),
            8..12 => self.cut_off(number),
            _ => {}
        }
    }

    fn act_connected(&mut self, number: usize) {
        match self.random.next() % 1000 {
            0..260 => self.enter(number),
            260..560 => self.send_input(number),
            560..660 => self.send_message(number),
            660..700 => self.change_keys(number),
            700..780 => self.migrate(number),
            780..810 => self.disconnect(number),
            810..860 => self.disconnect_raw(number),
            860..890 => self.cut_off(number),
            890..910 => self.vanish(number),
            910..950 => _ = self.players[number].turn_raw() && self.excuse(number),
            950..980 => self.resume_elsewhere(number),
            _ => self.kick(number),
        }
    }

    fn act_raw(&mut self, number: usize) {
        let server = self.address(self.players[number].server);
        let random = &mut self.random;
        let mut hoards = false;
        let frames = match random.next() % 1000 {
            0..250 => Frames::nonsense(random),
            250..300 => Frames::weak_key(random),
            300..380 => Frames::key_flood(random),
            380..560 => Frames::large_message(random),
            560..600 => Frames::false_ack(random),
            600..640 => {
                hoards = self.memory_is_scarce;
                Frames::request_large_answer()
            }
            640..750 => Frames::enter(),
            750..800 => Frames::ping(),
            800..880 => return self.disconnect_raw(number),
            880..930 => return self.vanish(number),
            930..980 => return self.resume_elsewhere(number),
            _ => return self.kick(number),
        };
        let copies = if hoards || self.random.chance(50) { 30 } else { 1 };
        self.action_counts.hostile_datagrams += copies;
        for _ in 0..copies {
            self.players[number].send_raw(server, frames.as_bytes());
        }
    }

    fn excuse(&mut self, number: usize) -> bool {
        self.players[number].excused_until = Instant::NEVER;
        true
    }

    fn arrive(&mut self, number: usize) {
        self.action_counts.arrivals += 1;
        let (now, seed, reconnect) = (self.now(), self.random.seed(), self.random.chance(800));
        self.players[number].arrive(now, &self.key, reconnect, seed);
    }

    fn enter(&mut self, number: usize) {
        self.action_counts.enters += 1;
        self.send(number, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
    }

    fn send_input(&mut self, number: usize) {
        self.action_counts.inputs += 1;
        let now = self.now();
        self.players[number].send_input(now);
    }

    /// A message of the game's own, on any channel, mostly small.
    fn send_message(&mut self, number: usize) {
        self.action_counts.messages += 1;
        let channel = Channel::new((self.random.next() % 16) as u8).expect("there are sixteen channels");
        let bytes = if self.random.chance(100) { self.random.magnitude(1_000, 40_000) } else { 20 };
        let mut content = vec![kinds::GAME; bytes as usize];
        content[0] = if self.random.chance(20) { LARGE_REQUEST } else { kinds::GAME };
        self.send(number, channel, &content);
    }

    fn send(&mut self, number: usize, channel: Channel, message: &[u8]) {
        let now = self.now();
        if let ClientState::Conforming(client) = &mut self.players[number].end {
            // A message that is not accepted was never sent.
            let _ = client.send(now, channel, message);
        }
    }

    fn change_keys(&mut self, number: usize) {
        self.action_counts.key_changes_asked += 1;
        let now = self.now();
        if let ClientState::Conforming(client) = &mut self.players[number].end {
            client.rekey(now);
        }
    }

    /// It changes its address. Half of the clients know; the others are behind a NAT.
    fn migrate(&mut self, number: usize) {
        self.action_counts.moves += 1;
        let (now, knows) = (self.now(), self.random.chance(500));
        let player = &mut self.players[number];
        player.connect_network(&self.network, true);
        if knows && let ClientState::Conforming(client) = &mut player.end {
            client.address_changed(now);
        }
    }

    pub(super) fn disconnect(&mut self, number: usize) {
        let (now, session) = (self.now(), self.session_of(number));
        let player = &mut self.players[number];
        let is_cut_off = player.is_cut_off();
        let ClientState::Conforming(client) = &mut player.end else { return };
        client.disconnect();
        player.excused_until = Instant::NEVER;
        self.action_counts.hang_ups += 1;
        let server = self.address(self.players[number].server);
        self.players[number].transmit(now, server);
        if !is_cut_off {
            self.run_until_quiet();
            self.expect_session_over(session, "the client has disconnected");
        }
    }

    /// Disconnects with a random reason byte. Whatever it is, the session is over.
    pub(super) fn disconnect_raw(&mut self, number: usize) {
        let session = self.session_of(number);
        if !self.players[number].turn_raw() {
            return;
        }
        self.action_counts.hang_ups += 1;
        let reason = self.random.next() as u8;
        let server = self.address(self.players[number].server);
        let frames = Frames::disconnect(reason);
        let is_cut_off = self.players[number].is_cut_off();
        self.players[number].send_raw(server, frames.as_bytes());
        self.remember(number);
        self.players[number].vanish();
        if !is_cut_off {
            self.run_until_quiet();
            self.expect_session_over(session, &format!("the client has disconnected with reason {reason}"));
        }
    }

    fn expect_session_over(&mut self, session: Option<(u8, SessionId)>, why: &str) {
        if let Some(session) = session
            && self.is_alive(session)
        {
            self.report_violation(format!("{why}, but its session {session:?} is not over"));
        }
    }

    /// Its network is cut: for less than the timeout, less than the resumption period, or longer.
    fn cut_off(&mut self, number: usize) {
        self.action_counts.silences += 1;
        let seconds = self.random.pick(&[2, 8, 14, 18, 40, 74, 78, 120]);
        let until = self.now() + Duration::from_secs(seconds);
        let player = &mut self.players[number];
        player.cut_off();
        player.silent_until = until;
        player.excused_until = Instant::NEVER;
    }

    /// It disappears silently, and remembers how to resume its session.
    fn vanish(&mut self, number: usize) {
        self.action_counts.vanished += 1;
        self.remember(number);
        self.players[number].vanish();
    }

    fn session_of(&self, number: usize) -> Option<(u8, SessionId)> {
        self.locate(self.players[number].live_session()?.id())
    }

    /// Remembers how to resume its session, also if the server no longer or not yet has it.
    fn remember(&mut self, number: usize) {
        let found = self.session_of(number);
        let player = &mut self.players[number];
        if let Some((core, session)) = found.or(player.session)
            && let Some(live) = player.live_session()
        {
            let key = live.resume_key();
            player.remember(Key { core, session, key, is_known: found.is_some() });
        }
    }

    /// The client connects from elsewhere while the server still has its connection. What it then sends over the former
    /// connection must have no effect.
    fn resume_elsewhere(&mut self, number: usize) {
        self.action_counts.vanished += 1;
        self.remember(number);
        if !self.players[number].turn_raw() {
            return;
        }
        let moves = self.random.chance(700);
        let player = &mut self.players[number];
        let ghost = std::mem::replace(&mut player.end, ClientState::Away);
        player.vanish();
        player.connect_network(&self.network, moves);
        let Some(&key) = player.keys.back() else { return };
        let proves = self.random.chance(900);
        self.resume(number, key, proves);
        let Some(session) = self.session_of(number) else { return };
        let reason = self.random.next() as u8;
        let server = self.address(self.players[number].server);
        let player = &mut self.players[number];
        let end = std::mem::replace(&mut player.end, ghost);
        player.send_raw(server, Frames::enter().as_bytes());
        player.send_raw(server, Frames::disconnect(reason).as_bytes());
        player.end = end;
        self.action_counts.ghosts += 1;
        self.run_until_quiet();
        if !self.is_alive(session) {
            self.report_violation(format!("a former connection of session {session:?} disconnected and ended it"));
        }
    }

    /// Resumes a session in a manual handshake, and proves the keys or does not.
    fn resume(&mut self, number: usize, key: Key, proves: bool) {
        let Key { core, session, key: resume_key, is_known } = key;
        let keys = &self.players[number].keys;
        let newest = keys.iter().rev().find(|it| (it.core, it.session) == (core, session));
        let is_newest = newest.is_some_and(|newest| newest.key.token == resume_key.token);
        self.action_counts.former_keys_used += u64::from(!is_newest);
        let was_alive = self.is_alive((core, session));
        let player = &mut self.players[number];
        player.excused_until = Instant::NEVER;
        player.begin_handshake(&self.key, Some((core, resume_key)));
        match self.finish_handshake(number) {
            None => {}
            Some(true) if !was_alive => self.report_violation("the server resumes a session that is over"),
            Some(false) if was_alive && is_newest && is_known => {
                self.report_violation(format!(
                    "session {session:?} on core {core} is not over, but its newest key does not resume it"
                ));
            }
            Some(resumed) if proves => {
                self.prove(number);
                self.action_counts.resumed_by_hand += u64::from(resumed);
                let found = self.session_of(number);
                self.players[number].session = found;
                if resumed && found != Some((core, session)) {
                    self.report_violation(format!("the key of session {session:?} on core {core} resumes {found:?}"));
                }
            }
            Some(_) => {
                self.action_counts.unproven += 1;
                self.players[number].vanish();
            }
        }
    }

    /// Begins a new session in a manual handshake.
    fn handshake_anew(&mut self, number: usize) {
        let player = &mut self.players[number];
        player.excused_until = Instant::NEVER;
        player.begin_handshake(&self.key, None);
        match self.finish_handshake(number) {
            Some(true) => self.report_violation("the server resumes a session that the client did not name"),
            Some(false) if self.random.chance(700) => self.prove(number),
            _ => self.players[number].vanish(),
        }
    }

    /// Completes a manual handshake. Returns whether the server resumes a session, if it accepts the client.
    fn finish_handshake(&mut self, number: usize) -> Option<bool> {
        self.action_counts.handshakes_by_hand += 1;
        self.run_until_quiet();
        let answered = self.players[number].answered.take();
        if answered.is_none() {
            self.action_counts.refused_by_hand += 1;
            self.players[number].vanish();
        }
        answered
    }

    fn prove(&mut self, number: usize) {
        let server = self.address(self.players[number].server);
        self.players[number].send_raw(server, Frames::ping().as_bytes());
        self.run_until_quiet();
    }

    /// The server disconnects the client, for any reason.
    fn kick(&mut self, number: usize) {
        let Some(id) = self.players[number].live_session().map(|session| session.id()) else { return };
        let Some(session) = self.locate(id) else { return };
        self.action_counts.kicks += 1;
        let endpoint = self.server_cores[usize::from(session.0)].endpoint();
        let is_where_the_server_thinks =
            endpoint.info(id).is_some_and(|info| info.path.peer == self.players[number].address());
        let reason = self.random.pick(&REASONS);
        self.players[number].excused_until = Instant::NEVER;
        self.server_cores[usize::from(session.0)].model.borrow_mut().kicks.push((id, reason));
        self.run_until_quiet();
        self.expect_session_over(Some(session), "the server has disconnected it");
        if is_where_the_server_thinks && self.players[number].is_conforming() {
            self.report_violation(format!(
                "the server disconnected the client with {reason:?}, but the client considers itself connected"
            ));
        }
        self.players[number].excused_until = self.now() + EXCUSED_AFTER_SILENCE;
    }
}
