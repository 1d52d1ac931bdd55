//! Players that move between hosts: the part of a fleet that stands between the cores of a server
//! ([`FleetEnd`](ringshard::runtime::fleet::FleetEnd)) and the other hosts.
//!
//! | file | has |
//! |---|---|
//! | `note` | [`Note`]: what hosts write to each other about a move |
//! | `leaving` | moves away from this host |
//! | `coming` | moves to this host |
//!
//! ```text
//!  core          source                        target          core
//!   <- Offer       |                              |
//!   Key ->         | Ask ------------------------>|             Expect ->
//!   <- Send        |<---------------------Welcome |
//!                  |                              |            <- Awaited
//!   <- Take        |<------------------------Here |
//!   Taken ->       | Player --------------------->|               Give ->
//!                  |<------------------------Took |             <- Given
//!                  | Over ----------------------->|
//! ```
//! At each moment one of three has the player: the source's core, the source, which keeps what its core has taken, or the
//! target's core. The source gives its copy up when the target says that it took the player, and returns it to its own core
//! only when the target has refused it, or is certainly gone. A target remembers what became of a move, so it takes a player
//! once, however often the source asks. It says that it took the player until the source has no copy any more, or is gone; before that
//! the player does not move on.
//!
//! It does no I/O and has no clock: its driver hands in what cores and hosts say, and carries out each [`Output`].

mod coming;
mod leaving;
mod note;
#[cfg(test)]
mod tests;

pub use note::{MoveId, Note, Refusal};

use crate::model::{Name, RunId};
use coming::Comings;
use leaving::Leavings;
use ringshard::runtime::fleet::{FromCore, ToCore};
use ringshard_world::messages::ChangeServer;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Moves that may be under way at a time, in each direction: cores answer each letter, and have room for
/// [`LETTERS_MAX`](ringshard::runtime::fleet::LETTERS_MAX).
pub const MOVES_MAX: usize = 256;
/// Longest player that moves, in bytes: one with much that its client has not taken yet stays until it has.
pub const PLAYER_BYTES_MAX: usize = 480 * 1024;

/// A host, in one run of its server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Peer {
    /// The name.
    pub name: Name,
    /// The run.
    pub run: RunId,
}

/// What the fleet knows of a host that players can move to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The host.
    pub peer: Peer,
    /// Where clients connect.
    pub address: SocketAddr,
    /// The server's static public key.
    pub key: [u8; 32],
}

/// What this host says about itself to players that want to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Door {
    /// Whether it takes them.
    pub is_open: bool,
    /// The game's contract.
    pub contract: String,
}

/// What the driver does next.
#[derive(Debug)]
pub enum Output {
    /// Says this to a core.
    ToCore(usize, ToCore),
    /// Sends a client to this host.
    Send {
        /// The core that has it.
        core: usize,
        /// Its player there.
        player: u64,
        /// The server to which it connects, at the host's own address.
        to: ChangeServer,
        /// The host.
        host: Name,
        /// The name of the key of the gateway that the client is behind. If that has a door to the host, the client goes through it.
        gateway: Option<u64>,
    },
    /// Writes this to a host.
    ToHost(Peer, MoveId, Note),
    /// Finds out from the registry whether this run of a host is gone, and reports by [`Courier::is_gone`] if it is.
    IsGone(Peer),
}

/// What the courier counts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CourierCounters {
    /// Moves away that have begun.
    pub begun: u64,
    /// Players that went to another host.
    pub left: u64,
    /// Players that came from another host.
    pub came: u64,
    /// Moves away that ended before the player had left, and why: the other host refused.
    pub refused: u64,
    /// The same: the other host or the client did not answer in time.
    pub late: u64,
    /// Players that were returned to their core after they had left it.
    pub returned: u64,
    /// Players that their own core did not take back: they are out of the world.
    pub lost: u64,
    /// Players of other hosts that this one refused.
    pub turned_away: u64,
}

/// Moves players between the cores of this host and other hosts.
#[derive(Debug)]
pub struct Courier {
    door: Door,
    leaving: Leavings,
    coming: Comings,
    /// What the driver is to do.
    out: VecDeque<Output>,
    counters: CourierCounters,
}

impl Courier {
    /// For a host in this run, with this many cores.
    pub fn new(run: RunId, cores: usize, door: Door) -> Self {
        Courier {
            door,
            leaving: Leavings::new(run),
            coming: Comings::new(cores),
            out: VecDeque::new(),
            counters: CourierCounters::default(),
        }
    }

    /// What the host says about itself from now on.
    pub fn set_door(&mut self, door: Door) {
        self.door = door;
    }

    /// The counters.
    pub fn counters(&self) -> CourierCounters {
        self.counters
    }

    /// Moves under way: away from this host, and to it.
    pub fn under_way(&self) -> (usize, usize) {
        (self.leaving.len(), self.coming.len())
    }

    /// Players that are at no core, and that the other host may not have yet; and those that are here, while the other host may still
    /// have a copy. If this host ended now, a player would be lost, or come back as it was earlier.
    pub fn unsettled(&self) -> usize {
        self.leaving.giving() + self.coming.unconfirmed()
    }

    /// How long the move that has waited longest for its next step has done so.
    pub fn longest_wait(&self, now: Duration) -> Duration {
        self.leaving.longest_wait(now).max(self.coming.longest_wait(now))
    }

    /// Moves a player of a core to another host. False: it moves already, has come or tried lately, or too many move.
    pub fn begin(&mut self, now: Duration, core: usize, player: u64, to: &Destination) -> bool {
        let has_begun = self.leaving.begin(now, core, player, to, &mut self.out);
        self.counters.begun += u64::from(has_begun);
        has_begun
    }

    /// A core says something about a move. All else is the driver's.
    pub fn hear_core(&mut self, now: Duration, core: usize, letter: FromCore) {
        let Courier { leaving, coming, out, counters, door } = self;
        match letter {
            FromCore::Outside { .. }
            | FromCore::Enters { .. }
            | FromCore::Checkpoint { .. }
            | FromCore::ZoneSaved { .. }
            | FromCore::Ended { .. }
            | FromCore::Ends { .. } => {}
            FromCore::Key { player, key, gateway } => {
                // One that has come stays until the host that it comes from knows that.
                let client = key.filter(|key| !coming.has(&key.token)).map(|key| (key, gateway));
                leaving.key(now, core, player, client, &door.contract, out);
            }
            FromCore::Awaited { token } => coming.awaited(now, core, &token, out),
            FromCore::Taken { token, player } => leaving.taken(now, core, &token, player, out),
            FromCore::Given { token, player } => {
                if !leaving.given(now, core, &token, player, counters) {
                    coming.given(now, core, &token, player, out, counters);
                    if let Some(player) = player {
                        // It has just come.
                        leaving.rest(now, core, player);
                    }
                }
            }
        }
    }

    /// A host writes something about a move. The driver has authenticated it.
    pub fn hear_host(&mut self, now: Duration, from: &Peer, id: MoveId, note: Note) {
        let Courier { leaving, coming, out, counters, door } = self;
        match note {
            Note::Ask { key, contract } if id.source() == from.run => {
                let is_free = |token: &_| !leaving.has(token);
                coming.asked(now, from, id, &key, &contract, door, is_free, out, counters);
            }
            Note::Player(player) if id.source() == from.run => coming.player(now, from, id, player, out),
            Note::Over if id.source() == from.run => coming.over(from, id, out),
            Note::Ask { .. } | Note::Player(_) | Note::Over => {}
            Note::Welcome { core } => leaving.welcome(now, from, id, core, out),
            Note::Here => leaving.here(now, from, id, out),
            Note::Took => leaving.took(now, from, id, out, counters),
            Note::Refused(why) => leaving.refused(now, from, id, why, out, counters),
        }
    }

    /// This run of a host is gone: its lease has ended.
    pub fn is_gone(&mut self, now: Duration, peer: &Peer) {
        self.leaving.is_gone(now, peer, &mut self.out, &mut self.counters);
        self.coming.is_gone(peer, &mut self.out);
    }

    /// Repeats what was not answered, and ends what takes too long. Call it every 50 ms or so.
    pub fn tick(&mut self, now: Duration) {
        self.leaving.tick(now, &mut self.out, &mut self.counters);
        self.coming.tick(now, &mut self.out);
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
}
