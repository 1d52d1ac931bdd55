//! What clients do: any step of a life at any time, and what must be true right after it.

#![allow(clippy::match_overlapping_arm, reason = "a throw of dice falls under the first arm that is above it")]

use super::frames::Frames;
use super::game::BEG;
use super::guest::{End, Key};
use super::stage::{EXCUSED_AFTER_SILENCE, Stage};
use ringshard_protocol::counters;
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

counters! {
    /// How often clients did what.
    Deeds {
        arrivals,
        enters,
        inputs,
        messages,
        key_changes_asked,
        moves,
        hang_ups,
        silences,
        returns,
        vanished,
        handshakes_by_hand,
        refused_by_hand,
        resumed_by_hand,
        former_keys_used,
        unproven,
        hostile_datagrams,
        ghosts,
        kicks,
        rests,
    }
}

impl Stage {
    /// One client does something.
    pub(super) fn act(&mut self) {
        let number = self.dice.next() as usize % self.guests.len();
        let guest = &self.guests[number];
        let is_cut_off = guest.is_cut_off();
        match &guest.end {
            End::Away => self.act_away(number),
            _ if is_cut_off => self.act_cut_off(number),
            End::Honest(client) if client.is_connected() => self.act_connected(number),
            End::Honest(_) => self.act_connecting(number),
            End::Raw(_) => self.act_raw(number),
            End::Knocking(_) => self.guests[number].vanish(),
        }
    }

    fn act_away(&mut self, number: usize) {
        let moves = self.dice.chance(300);
        let server = self.dice.next() as usize % self.hosts.len();
        let keys = self.guests[number].keys.len();
        let guest = &mut self.guests[number];
        guest.server = server;
        guest.connect_network(&self.network, moves);
        guest.excused_until = Instant::ZERO;
        match self.dice.next() % 100 {
            0..50 => self.arrive(number),
            50..70 if keys > 0 => {
                let key = self.guests[number].keys[keys - 1];
                self.resume(number, key, true);
            }
            70..85 if keys > 0 => {
                let key = self.guests[number].keys[self.dice.next() as usize % keys];
                self.resume(number, key, true);
            }
            85..93 if keys > 0 => {
                let key = self.guests[number].keys[self.dice.next() as usize % keys];
                self.resume(number, key, false);
            }
            93..96 => self.knock_anew(number),
            _ => self.arrive(number),
        }
    }

    fn act_cut_off(&mut self, number: usize) {
        let now = self.now();
        if now < self.guests[number].silent_until && !self.dice.chance(20) {
            return;
        }
        let moves = self.dice.chance(400);
        self.deeds.returns += 1;
        let guest = &mut self.guests[number];
        guest.connect_network(&self.network, moves);
        guest.excused_until = now + EXCUSED_AFTER_SILENCE;
        if moves && let End::Honest(client) = &mut guest.end {
            client.address_changed(now);
        }
    }

    fn act_connecting(&mut self, number: usize) {
        match self.dice.next() % 100 {
            0..4 => self.hang_up(number),
            4..8 => self.vanish(number),
            8..12 => self.cut_off(number),
            _ => {}
        }
    }

    fn act_connected(&mut self, number: usize) {
        match self.dice.next() % 1000 {
            0..260 => self.enter(number),
            260..560 => self.play(number),
            560..660 => self.say(number),
            660..700 => self.change_keys(number),
            700..780 => self.migrate(number),
            780..810 => self.hang_up(number),
            810..860 => self.hang_up_by_hand(number),
            860..890 => self.cut_off(number),
            890..910 => self.vanish(number),
            910..950 => _ = self.guests[number].turn_raw() && self.note_raw(number),
            950..980 => self.resume_elsewhere(number),
            _ => self.kick(number),
        }
    }

    fn act_raw(&mut self, number: usize) {
        let server = self.address(self.guests[number].server);
        let dice = &mut self.dice;
        let mut hoards = false;
        let frames = match dice.next() % 1000 {
            0..250 => Frames::nonsense(dice),
            250..300 => Frames::weak_key(dice),
            300..380 => Frames::key_flood(dice),
            380..560 => Frames::large_message(dice),
            560..600 => Frames::false_ack(dice),
            600..640 => {
                hoards = self.memory_is_scarce;
                Frames::beg()
            }
            640..750 => Frames::enter(),
            750..800 => Frames::ping(),
            800..880 => return self.hang_up_by_hand(number),
            880..930 => return self.vanish(number),
            930..980 => return self.resume_elsewhere(number),
            _ => return self.kick(number),
        };
        let copies = if hoards || self.dice.chance(50) { 30 } else { 1 };
        self.deeds.hostile_datagrams += copies;
        for _ in 0..copies {
            self.guests[number].say_raw(server, frames.as_bytes());
        }
    }

    fn note_raw(&mut self, number: usize) -> bool {
        self.guests[number].excused_until = Instant::NEVER;
        true
    }

    fn arrive(&mut self, number: usize) {
        self.deeds.arrivals += 1;
        let (now, seed, reconnect) = (self.now(), self.dice.seed(), self.dice.chance(800));
        self.guests[number].arrive(now, &self.key, reconnect, seed);
    }

    fn enter(&mut self, number: usize) {
        self.deeds.enters += 1;
        self.send(number, Channel::RELIABLE_ORDERED, &[kinds::ENTER_TO_WORLD]);
    }

    fn play(&mut self, number: usize) {
        self.deeds.inputs += 1;
        let now = self.now();
        self.guests[number].play(now);
    }

    /// A message of the game's own, on any channel, mostly small.
    fn say(&mut self, number: usize) {
        self.deeds.messages += 1;
        let channel = Channel::new((self.dice.next() % 16) as u8).expect("there are sixteen channels");
        let bytes = if self.dice.chance(100) { self.dice.magnitude(1_000, 40_000) } else { 20 };
        let mut content = vec![kinds::GAME; bytes as usize];
        content[0] = if self.dice.chance(20) { BEG } else { kinds::GAME };
        self.send(number, channel, &content);
    }

    fn send(&mut self, number: usize, channel: Channel, message: &[u8]) {
        let now = self.now();
        if let End::Honest(client) = &mut self.guests[number].end {
            // One that is not taken was never said.
            let _ = client.send(now, channel, message);
        }
    }

    fn change_keys(&mut self, number: usize) {
        self.deeds.key_changes_asked += 1;
        let now = self.now();
        if let End::Honest(client) = &mut self.guests[number].end {
            client.rekey(now);
        }
    }

    /// It has another address from now on. Half of them know; the others are behind a translator.
    fn migrate(&mut self, number: usize) {
        self.deeds.moves += 1;
        let (now, knows) = (self.now(), self.dice.chance(500));
        let guest = &mut self.guests[number];
        guest.connect_network(&self.network, true);
        if knows && let End::Honest(client) = &mut guest.end {
            client.address_changed(now);
        }
    }

    pub(super) fn hang_up(&mut self, number: usize) {
        let (now, session) = (self.now(), self.session_of(number));
        let guest = &mut self.guests[number];
        let is_cut_off = guest.is_cut_off();
        let End::Honest(client) = &mut guest.end else { return };
        client.disconnect();
        guest.excused_until = Instant::NEVER;
        self.deeds.hang_ups += 1;
        let server = self.address(self.guests[number].server);
        self.guests[number].transmit(now, server);
        if !is_cut_off {
            self.settle();
            self.expect_over(session, "the client has hung up");
        }
    }

    /// Hangs up with any reason that one byte can hold: whatever it is, the session is over.
    pub(super) fn hang_up_by_hand(&mut self, number: usize) {
        let session = self.session_of(number);
        if !self.guests[number].turn_raw() {
            return;
        }
        self.deeds.hang_ups += 1;
        let reason = self.dice.next() as u8;
        let server = self.address(self.guests[number].server);
        let frames = Frames::disconnect(reason);
        let is_cut_off = self.guests[number].is_cut_off();
        self.guests[number].say_raw(server, frames.as_bytes());
        self.remember(number);
        self.guests[number].vanish();
        if !is_cut_off {
            self.settle();
            self.expect_over(session, &format!("the client has hung up with reason {reason}"));
        }
    }

    fn expect_over(&mut self, session: Option<(u8, SessionId)>, why: &str) {
        if let Some(session) = session
            && self.is_alive(session)
        {
            self.blame(format!("{why}, and its session {session:?} lives on"));
        }
    }

    /// Its network is gone for a while: shorter than the timeout, or than the time in which it can come back, or longer.
    fn cut_off(&mut self, number: usize) {
        self.deeds.silences += 1;
        let seconds = self.dice.pick(&[2, 8, 14, 18, 40, 74, 78, 120]);
        let until = self.now() + Duration::from_secs(seconds);
        let guest = &mut self.guests[number];
        guest.cut_off();
        guest.silent_until = until;
        guest.excused_until = Instant::NEVER;
    }

    /// It is gone without a word, and knows what its session can be resumed by.
    fn vanish(&mut self, number: usize) {
        self.deeds.vanished += 1;
        self.remember(number);
        self.guests[number].vanish();
    }

    fn session_of(&self, number: usize) -> Option<(u8, SessionId)> {
        self.locate(self.guests[number].live_session()?.id())
    }

    /// Keeps what its session can be resumed by. What the server does not have any more, or not yet, is kept, too.
    fn remember(&mut self, number: usize) {
        let found = self.session_of(number);
        let guest = &mut self.guests[number];
        if let Some((core, session)) = found.or(guest.session)
            && let Some(live) = guest.live_session()
        {
            let key = live.resume_key();
            guest.remember(Key { core, session, key, is_known: found.is_some() });
        }
    }

    /// The same client comes from elsewhere, while the server still has its connection. What is said over the former
    /// connection after that must not matter to anybody.
    fn resume_elsewhere(&mut self, number: usize) {
        self.deeds.vanished += 1;
        self.remember(number);
        if !self.guests[number].turn_raw() {
            return;
        }
        let moves = self.dice.chance(700);
        let guest = &mut self.guests[number];
        let ghost = std::mem::replace(&mut guest.end, End::Away);
        guest.vanish();
        guest.connect_network(&self.network, moves);
        let Some(&key) = guest.keys.back() else { return };
        let proves = self.dice.chance(900);
        self.resume(number, key, proves);
        let Some(session) = self.session_of(number) else { return };
        let reason = self.dice.next() as u8;
        let server = self.address(self.guests[number].server);
        let guest = &mut self.guests[number];
        let end = std::mem::replace(&mut guest.end, ghost);
        guest.say_raw(server, Frames::enter().as_bytes());
        guest.say_raw(server, Frames::disconnect(reason).as_bytes());
        guest.end = end;
        self.deeds.ghosts += 1;
        self.settle();
        if !self.is_alive(session) {
            self.blame(format!("a former connection of session {session:?} hung up, and ended it"));
        }
    }

    /// Names a session in a handshake by hand, and proves the keys or does not.
    fn resume(&mut self, number: usize, key: Key, proves: bool) {
        let Key { core, session, key: resume_key, is_known } = key;
        let keys = &self.guests[number].keys;
        let newest = keys.iter().rev().find(|it| (it.core, it.session) == (core, session));
        let is_newest = newest.is_some_and(|newest| newest.key.token == resume_key.token);
        self.deeds.former_keys_used += u64::from(!is_newest);
        let was_alive = self.is_alive((core, session));
        let guest = &mut self.guests[number];
        guest.excused_until = Instant::NEVER;
        guest.knock(&self.key, Some((core, resume_key)));
        match self.finish_knock(number) {
            None => {}
            Some(true) if !was_alive => self.blame("a session that is over is offered to be resumed"),
            Some(false) if was_alive && is_newest && is_known => {
                self.blame(format!("session {session:?} on core {core} lives, and its newest key does not resume it"));
            }
            Some(resumed) if proves => {
                self.prove(number);
                self.deeds.resumed_by_hand += u64::from(resumed);
                let found = self.session_of(number);
                self.guests[number].session = found;
                if resumed && found != Some((core, session)) {
                    self.blame(format!("the key of session {session:?} on core {core} leads to {found:?}"));
                }
            }
            Some(_) => {
                self.deeds.unproven += 1;
                self.guests[number].vanish();
            }
        }
    }

    /// A new session, by hand.
    fn knock_anew(&mut self, number: usize) {
        let guest = &mut self.guests[number];
        guest.excused_until = Instant::NEVER;
        guest.knock(&self.key, None);
        match self.finish_knock(number) {
            Some(true) => self.blame("the server resumes a session that nobody has named"),
            Some(false) if self.dice.chance(700) => self.prove(number),
            _ => self.guests[number].vanish(),
        }
    }

    /// Lets a handshake by hand come to its end; gives whether the server goes on with a session, where it lets it in.
    fn finish_knock(&mut self, number: usize) -> Option<bool> {
        self.deeds.handshakes_by_hand += 1;
        self.settle();
        let answered = self.guests[number].answered.take();
        if answered.is_none() {
            self.deeds.refused_by_hand += 1;
            self.guests[number].vanish();
        }
        answered
    }

    fn prove(&mut self, number: usize) {
        let server = self.address(self.guests[number].server);
        self.guests[number].say_raw(server, Frames::ping().as_bytes());
        self.settle();
    }

    /// The server puts the client out, for any reason.
    fn kick(&mut self, number: usize) {
        let Some(id) = self.guests[number].live_session().map(|session| session.id()) else { return };
        let Some(session) = self.locate(id) else { return };
        self.deeds.kicks += 1;
        let endpoint = self.hosts[usize::from(session.0)].endpoint();
        let is_where_the_server_thinks =
            endpoint.info(id).is_some_and(|info| info.path.peer == self.guests[number].address());
        let reason = self.dice.pick(&REASONS);
        self.guests[number].excused_until = Instant::NEVER;
        self.hosts[usize::from(session.0)].books.borrow_mut().kicks.push((id, reason));
        self.settle();
        self.expect_over(Some(session), "the server has put it out");
        if is_where_the_server_thinks && self.guests[number].is_honest() {
            self.blame(format!("the client was put out with {reason:?}, and takes itself for connected"));
        }
        self.guests[number].excused_until = self.now() + EXCUSED_AFTER_SILENCE;
    }
}
