//! Faults, and changes at bad moments.

use super::Simulator;
use crate::simulate::draw::path_state::{Kind, PathState};
use crate::simulate::draw::traffic::Outgoing;
use crate::simulate::model::session::{End, PROBE_CHANNEL, Side};
use ringshard_protocol::connection::ChannelQuality;
use ringshard_protocol::limits::{MESSAGE_BYTES_MAX, SEND_QUEUE_BYTES_MAX};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, DisconnectReason};

/// How often keys change.
const REKEY_EVERY: Duration = Duration::from_secs(60);

/// Faults of a player. Each is drawn by its weight.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Move,
    Rebind,
    Kill,
    ClientDisconnects,
    ServerDisconnects,
    Quality,
    Rate,
    Overflow,
    RoomLimit,
    Burst,
    Rekey,
}

const FAULT_WEIGHTS: [(Fault, u64); 11] = [
    (Fault::Move, 18),
    (Fault::Rebind, 18),
    (Fault::Kill, 4),
    (Fault::ClientDisconnects, 2),
    (Fault::ServerDisconnects, 2),
    (Fault::Quality, 18),
    (Fault::Rate, 8),
    (Fault::Overflow, 2),
    (Fault::RoomLimit, 12),
    (Fault::Burst, 12),
    (Fault::Rekey, 6),
];

impl Simulator {
    /// Draws a new state of a player's path.
    pub(super) fn change_path_state(&mut self, now: Instant, player: usize) {
        let delay = self.players[player].plan.delay;
        let path_state = PathState::draw(&mut self.random, delay);
        self.audit.totals.fault(match path_state.kind {
            Kind::Clear => "clear spell",
            Kind::Rough => "rough path",
            Kind::Narrow => "narrow path",
            Kind::BlackHole => "black hole for large datagrams",
            Kind::Outage => "outage",
            Kind::Blackout => "blackout",
            Kind::OneWay => "one-way outage",
        });
        self.set_path_state(now, player, path_state);
    }

    pub(super) fn set_path_state(&mut self, now: Instant, player: usize, path_state: PathState) {
        self.audit.log_event(now, || format!("player {player}: path {:?} for {:?}", path_state.kind, path_state.lasts));
        let was_clear = self.players[player].has_clear_path();
        self.players[player].set_path_state(now, path_state, &self.network);
        match self.players[player].has_clear_path() {
            true if !was_clear => self.audit.clear_since[player] = now,
            true => {}
            false => self.audit.clear_since[player] = Instant::NEVER,
        }
    }

    /// A connection has just changed state, which is the worst moment for the path to fail: sometimes it does.
    pub(super) fn fail_path(&mut self, now: Instant, player: usize) {
        if self.random.chance(100) {
            let delay = self.players[player].plan.delay;
            let path_state = PathState::draw_dead(&mut self.random, delay);
            self.audit.totals.fault("path failed at the worst moment");
            self.set_path_state(now, player, path_state);
        }
    }

    /// Injects a fault at a player.
    pub(super) fn inject_fault(&mut self, now: Instant, player: usize) {
        self.players[player].fault_at = now + self.random.millis(1_000, 25_000);
        let sum = FAULT_WEIGHTS.iter().map(|(_, weight)| weight).sum::<u64>();
        let mut at = self.random.between(0, sum - 1);
        let drawn = FAULT_WEIGHTS.iter().find(|(_, weight)| {
            at < *weight || {
                at -= weight;
                false
            }
        });
        let Some(&(fault, _)) = drawn else { return };
        self.audit.log_event(now, || format!("player {player}: {fault:?}"));
        match fault {
            Fault::Move => self.move_player(now, player, true),
            Fault::Rebind => self.move_player(now, player, false),
            Fault::Kill => self.kill_player(now, player),
            Fault::ClientDisconnects => self.client_disconnects(now, player),
            Fault::ServerDisconnects => self.server_disconnects(now, player),
            Fault::Quality => self.change_quality(now, player),
            Fault::Rate => self.change_rate(now, player),
            Fault::Overflow => self.overflow(now, player),
            Fault::RoomLimit => self.limit_player_room(now, player),
            Fault::Burst => self.burst(now, player),
            Fault::Rekey => self.rekey(now, player),
        }
    }

    /// Injects a fault at the server.
    pub(super) fn inject_server_fault(&mut self, now: Instant) {
        self.server_fault_at = now + self.random.millis(2_000, 20_000);
        match self.random.between(0, 99) {
            ..2 => {
                self.audit.totals.fault("server killed");
                let back_after = self.random.millis(10, 20_000);
                self.audit.log_event(now, || format!("the server is killed, for {back_after:?}"));
                self.server.kill(now, back_after, &mut self.audit);
            }
            ..3 => {
                self.audit.totals.fault("server shut down");
                self.audit.log_event(now, || "the server shuts down".to_owned());
                self.server.closing = Some(self.random.millis(10, 10_000));
            }
            ..60 => {
                let Some((_, link)) = &mut self.server.running else { return };
                self.audit.totals.fault("no room at the server's link");
                let until = now + self.random.millis(1, 3_000);
                link.limit_room(until, self.random.between(300, 1000));
                self.audit.clear_since.iter_mut().for_each(|since| *since = (*since).max(until));
                self.audit.log_event(now, || "the server's link has no room".to_owned());
            }
            _ => {
                self.audit.totals.fault("attack");
                self.attack(now);
            }
        }
    }

    fn mark_disturbed(&mut self, player: usize, until: Instant) {
        let since = &mut self.audit.clear_since[player];
        *since = (*since).max(until);
    }

    fn move_player(&mut self, now: Instant, player: usize, is_aware: bool) {
        self.audit.totals.fault(if is_aware { "address changed" } else { "address changed unseen" });
        self.players[player].change_address(now, &self.network, is_aware);
        self.mark_disturbed(player, now);
    }

    fn kill_player(&mut self, now: Instant, player: usize) {
        self.audit.totals.fault("client killed");
        let back_after = self.random.millis(10, 30_000);
        self.players[player].kill(now, back_after, &mut self.audit);
    }

    fn client_disconnects(&mut self, now: Instant, player: usize) {
        let Some((client, _)) = &mut self.players[player].running else { return };
        self.audit.totals.fault("client hangs up");
        client.disconnect();
        self.must_end(now, player, Side::Client);
        self.players[player].wake(now);
    }

    fn server_disconnects(&mut self, now: Instant, player: usize) {
        let Some(session) = self.live(player) else { return };
        let (Some(id), Some((endpoint, _))) = (self.audit.sessions[session].ids[0], &mut self.server.running) else {
            return;
        };
        self.audit.totals.fault("server hangs up");
        endpoint.disconnect(id, DisconnectReason::Closed);
        self.must_end(now, player, Side::Server);
        self.server_is_due = true;
    }

    fn must_end(&mut self, now: Instant, player: usize, side: Side) {
        if let Some(session) = self.players[player].session {
            self.audit.sessions[session].must_end(now, side);
        }
    }

    /// The player's session, if it is live at the server.
    pub(super) fn live(&self, player: usize) -> Option<usize> {
        self.players[player].session.filter(|&session| self.audit.sessions[session].server == End::Live)
    }

    fn change_quality(&mut self, now: Instant, player: usize) {
        let number = self.random.between(0, 15) as u8;
        let Some(channel) = Channel::new(number).filter(|&channel| channel != PROBE_CHANNEL) else { return };
        let limited = self.random.chance(300);
        let bytes_per_second = limited.then(|| self.random.magnitude(1, 1_000_000));
        let quality = ChannelQuality { priority: self.random.between(0, 9) as u8, bytes_per_second };
        self.audit.totals.fault("quality of a channel changed");
        self.set_quality(now, player, channel, quality);
    }

    /// Sets it at both ends, if they are up.
    pub(super) fn set_quality(&mut self, now: Instant, player: usize, channel: Channel, quality: ChannelQuality) {
        let name = self.live(player).and_then(|session| self.audit.sessions[session].ids[0]);
        if let (Some(id), Some((endpoint, _))) = (name, &mut self.server.running) {
            endpoint.set_channel_quality(now, id, channel, quality);
        }
        if let Some((client, _)) = &mut self.players[player].running {
            client.set_channel_quality(now, channel, quality);
        }
        self.players[player].wake(now);
        self.server_is_due = true;
    }

    fn change_rate(&mut self, now: Instant, player: usize) {
        let limited = self.random.chance(600);
        let rate = limited.then(|| self.random.magnitude(500, 2_000_000));
        self.audit.totals.fault("rate of a connection changed");
        self.set_rate(now, player, rate);
    }

    /// Sets it at both ends, if they are up.
    pub(super) fn set_rate(&mut self, now: Instant, player: usize, rate: Option<u64>) {
        let name = self.live(player).and_then(|session| self.audit.sessions[session].ids[0]);
        if let (Some(id), Some((endpoint, _))) = (name, &mut self.server.running) {
            endpoint.set_rate(now, id, rate);
        }
        if let Some((client, _)) = &mut self.players[player].running {
            client.set_rate(now, rate);
        }
        self.players[player].wake(now);
        self.server_is_due = true;
    }

    /// One end sends more than the other can take: the connection must end, for that reason.
    fn overflow(&mut self, now: Instant, player: usize) {
        let Some(session) = self.players[player].session.filter(|&it| self.audit.sessions[it].is_whole()) else {
            return;
        };
        self.audit.totals.fault("overflow");
        let to_server = self.random.chance(500);
        let channel = self.random.pick(&[Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED]);
        for _ in 0..=SEND_QUEUE_BYTES_MAX / MESSAGE_BYTES_MAX {
            self.send(now, session, Outgoing { to_server, channel, bytes: MESSAGE_BYTES_MAX - 1 });
        }
    }

    fn limit_player_room(&mut self, now: Instant, player: usize) {
        let (until, per_mille) = (now + self.random.millis(1, 3_000), self.random.between(300, 1000));
        let Some((_, link)) = &mut self.players[player].running else { return };
        self.audit.totals.fault("no room at a client's link");
        link.limit_room(until, per_mille);
        self.mark_disturbed(player, until);
    }

    /// Sends thousands of small messages at once, or some large ones, on one channel.
    fn burst(&mut self, now: Instant, player: usize) {
        let Some(session) = self.players[player].session else { return };
        let number = self.random.between(0, 15) as u8;
        let Some(channel) = Channel::new(number).filter(|&channel| channel != PROBE_CHANNEL) else { return };
        self.audit.totals.fault("burst");
        let to_server = self.random.chance(500);
        let (count, most) = self.random.pick(&[(6_000, 20), (500, 200), (60, 20_000), (20, MESSAGE_BYTES_MAX)]);
        let count = if channel.delivery().is_reliable() { count } else { count.min(100) };
        for _ in 0..self.random.magnitude(1, count) {
            let bytes = self.random.between(0, most as u64) as usize;
            if channel.delivery().is_reliable() && self.send_room(session, to_server) < bytes + (64 << 10) {
                break;
            }
            self.send(now, session, Outgoing { to_server, channel, bytes });
        }
    }

    /// One end asks for new keys, or both at once.
    pub(super) fn rekey(&mut self, now: Instant, player: usize) {
        self.players[player].rekeys_at = now + REKEY_EVERY;
        self.audit.totals.fault("keys to change");
        let who = self.random.between(0, 2);
        let name = self.live(player).and_then(|session| self.audit.sessions[session].ids[0]);
        if let (Some(id), Some((endpoint, _)), 0 | 1) = (name, &mut self.server.running, who) {
            endpoint.rekey(now, id);
            self.server_is_due = true;
        }
        if let (Some((client, _)), 1 | 2) = (&mut self.players[player].running, who) {
            client.rekey(now);
            self.players[player].wake(now);
        }
    }
}
