//! A session that moves to another server (PROTOCOL.md#changing-the-server).

use super::Client;
use super::news::News;
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::time::Instant;
use ringshard_world::Rules;
use ringshard_world::messages::{ChangeServer, Welcome};
use std::net::SocketAddr;

impl<R: Rules> Client<R> {
    /// The server that the present one wants the session to move to, once: the caller opens a way to that address and calls
    /// [`Self::move_to`]. A caller that cannot does nothing: the session stays.
    pub fn change_of_server(&mut self) -> Option<SocketAddr> {
        self.change_of_server.filter(|_| !std::mem::replace(&mut self.is_change_known, true)).map(|it| it.address)
    }

    /// Begins to move to the server of [`Self::change_of_server`]. `place` is the caller's name for the way to it:
    /// [`Self::place`] names the way of each datagram, and is 0 for the first server.
    pub fn move_to(&mut self, now: Instant, place: u32) {
        self.now = self.now.max(now);
        let Some(ChangeServer { core, key, .. }) = self.change_of_server.take() else { return };
        if self.connection.move_to(self.now, PublicKey::from_bytes(key), core, place).is_err() {
            self.stats.malformed += 1;
        }
    }

    /// The way of the datagram that [`Self::transmit`] writes next at this time.
    pub fn place(&mut self, now: Instant) -> u32 {
        self.now = self.now.max(now);
        self.connection.place(self.now)
    }

    pub(super) fn take_change_of_server(&mut self, message: &[u8]) {
        match ChangeServer::read(message) {
            // While it moves, the caller has two ways already. The server sends the message again later.
            Ok(change) if self.is_in_world() && !self.connection.is_moving() => {
                (self.change_of_server, self.is_change_known) = (Some(change), false);
            }
            Ok(_) => {}
            Err(_) => self.stats.malformed += 1,
        }
    }

    /// The player is in the world of another server now. Asks go on; all else begins anew, because each server has its own
    /// entities and its own ticks. Until the first snapshot, the own pose stands still.
    pub(super) fn take_moved(&mut self, welcome: &Welcome) {
        if !self.is_in_world() {
            return;
        }
        let pose = self.scene().own_pose();
        self.forget_view();
        self.held_pose = pose;
        self.presences += 1;
        self.map = welcome.map;
        self.view.begin(welcome.first_snapshot);
        self.stats.moves += 1;
        self.news.push_back(News::Moved { map: welcome.map });
    }
}
