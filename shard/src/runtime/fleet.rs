//! The connection between a core and the fleet's thread beside the cores, which moves players to other servers and takes in
//! players from there (PROTOCOL.md#changing-the-server).
//!
//! ```text
//!  core of the present server   fleet              fleet   core of the other server
//!                  <--- Offer   |                        |
//!  Key --->                     | - - - - - - - - - - -> | Expect --->
//!                  <--- Send    |                        |              the client connects there
//!                  <--- Take    | <- - - - - - - - - - - |              <--- Awaited
//!  Taken --->                   | - - - - - - - - - - -> | Give --->
//!                               |                        |              <--- Given
//! ```
//! What goes wrong on the way is the fleet's to mend: [`ToCore::Forget`] at the other core, or [`ToCore::Give`] at the present
//! one, which takes its player back.
//!
//! Players with an account have checkpoints, from which another host goes on with them if this one is killed:
//!
//! ```text
//!  core            fleet of this host
//!  Enters --->     |   the client waits meanwhile
//!  <--- Recalled   |   with the account's checkpoint, if it has one
//!  Checkpoint ---> |   again and again
//!  <--- Release    |   the account enters elsewhere
//!  Ended --->      |
//!  Ends --->       |   the server ends: with the last state of its zones
//! ```
//!
//! A core never waits. What it says finds room: each letter answers one of the fleet, and the fleet has at most
//! [`LETTERS_MAX`] unanswered ones; what clients cause waits at the core while there is no room, and a core says of a player
//! that it is outside, and makes a checkpoint of it, only if nothing waits.

use crate::runtime::services::AccountId;
use atomic_waker::AtomicWaker;
use ringshard_protocol::crypto::noise::ResumeKey;
use ringshard_protocol::limits::RESUME_TOKEN_BYTES;
use ringshard_world::messages::ChangeServer;
use rtrb::{Consumer, Producer, RingBuffer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Letters that may wait in each direction.
pub const LETTERS_MAX: usize = 1_024;
/// How long a core that ends waits until the fleet has taken what it says at last.
const LAST_LETTERS: Duration = Duration::from_secs(1);

/// Names a session while it moves.
pub type Token = [u8; RESUME_TOKEN_BYTES];

/// The zones of a host, as its cores see them.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct OwnZones {
    /// The zones of this host: of each, the corners with the least and the greatest x and y, in units of the map.
    pub areas: Vec<[[f32; 2]; 2]>,
    /// A player is outside when it is farther than this from all of them, in units of the map: else one that walks along a
    /// border would move all the time.
    pub margin: f32,
}

impl OwnZones {
    /// Whether a player at this point is outside.
    pub fn excludes(&self, point: [f32; 2]) -> bool {
        let is_near = |[min, max]: &[[f32; 2]; 2]| {
            (0..2).all(|axis| min[axis] - self.margin <= point[axis] && point[axis] <= max[axis] + self.margin)
        };
        !self.areas.iter().any(is_near)
    }
}

/// A zone of this host.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnZone {
    /// Its name, which it keeps at whatever host it is.
    pub name: String,
    /// The corners with the least and the greatest x and y, in units of the map.
    pub area: [[f32; 2]; 2],
}

/// What one core's game has saved of a zone.
#[derive(Clone, PartialEq, Debug)]
pub struct SavedPart {
    /// The zone.
    pub zone: Arc<OwnZone>,
    /// What was saved.
    pub bytes: Vec<u8>,
}

/// Names a stay of an account in the world of a fleet: from when it enters until it leaves for good, at whatever hosts. Of two
/// stays of an account, the later one is greater; so is the same stay at a later host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stay {
    /// Greater for the later of two stays of an account; never 0.
    pub number: u64,
    /// How often the player has moved to another host since.
    pub moves: u32,
}

/// How a stay ends at a core.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StayEnd {
    /// The player has left for good: nobody needs its checkpoint any more.
    Left,
    /// It goes on elsewhere, or can: it has moved, or was not let in. The checkpoint stays.
    Kept,
    /// The player as it was when [`ToCore::Release`] came, its account came to another core, or the server began to end: that is
    /// its last checkpoint. None: it was not in the world yet.
    Released(Option<Vec<u8>>),
}

/// What the fleet knows of an account that enters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recall {
    /// It enters.
    Enter {
        /// Its stay, which begins.
        stay: Stay,
        /// Its last checkpoint: what a core has written into [`FromCore::Checkpoint`]. None: it enters as a newcomer.
        state: Option<Vec<u8>>,
    },
    /// The account is at another host or core, which does not let it go at this moment, or nobody knows where it is, because what keeps
    /// checkpoints does not answer: the client may ask again in a second.
    Refuse,
}

/// What a core says. `player` is the number of a player of that core: [`PlayerId::number`](crate::game::PlayerId::number).
#[derive(Debug)]
pub enum FromCore {
    /// A player is outside of the host's zones ([`ToCore::Own`]). The core says so twice a second while that is so.
    Outside {
        /// The player.
        player: u64,
        /// Where it is on the map: x, y.
        point: [f32; 2],
    },
    /// The answer to [`ToCore::Offer`].
    Key {
        /// The player.
        player: u64,
        /// The key of its session. None: it is not in the world, or not connected.
        key: Option<ResumeKey>,
        /// The name of the key of the gateway that its client is behind, if it is behind one.
        gateway: Option<u64>,
    },
    /// The client of an expected session is here: its present server must hand it over.
    Awaited {
        /// Names the session.
        token: Token,
    },
    /// The answer to [`ToCore::Take`].
    Taken {
        /// Names the session.
        token: Token,
        /// The player, for [`ToCore::Give`]. None: it has left, or is not in the world.
        player: Option<Vec<u8>>,
    },
    /// The answer to [`ToCore::Give`]; and to [`ToCore::Expect`], if the core does not expect the session.
    Given {
        /// Names the session.
        token: Token,
        /// The player that it is here. None: these bytes are no player of this game, the game refuses it, or the core is full; or
        /// it expects too many sessions already.
        player: Option<u64>,
    },
    /// A client with an account wants to enter. It waits for [`ToCore::Recalled`].
    Enters {
        /// The player that it would be.
        player: u64,
        /// Its account.
        account: AccountId,
    },
    /// A checkpoint of a player in the world.
    Checkpoint {
        /// The player.
        player: u64,
        /// Its account.
        account: AccountId,
        /// Its stay.
        stay: Stay,
        /// Its own state, its body, and what the game adds.
        state: Vec<u8>,
    },
    /// The answer to [`ToCore::SaveZone`].
    ZoneSaved {
        /// The request.
        request: u64,
        /// What this core's game has saved of the zone.
        bytes: Vec<u8>,
    },
    /// A player with a stay is not at this core any more.
    Ended {
        /// The player.
        player: u64,
        /// Its account.
        account: AccountId,
        /// Its stay.
        stay: Stay,
        /// How it ends.
        end: StayEnd,
    },
    /// The core has ended: it says nothing after this.
    Ends {
        /// The zones of [`ToCore::Zones`], and what this core's game has saved of each at last.
        zones: Vec<SavedPart>,
    },
}

/// What the fleet says to a core.
#[derive(Debug)]
pub enum ToCore {
    /// The host's zones from now on.
    Own(Arc<OwnZones>),
    /// Asks for the key of the session of a player that is to move.
    Offer {
        /// The player.
        player: u64,
    },
    /// A session with this key is to move here.
    Expect {
        /// The key.
        key: ResumeKey,
    },
    /// It does not move here after all.
    Forget {
        /// Names the session.
        token: Token,
    },
    /// Sends the client of a player to another server, which expects its session.
    Send {
        /// The player.
        player: u64,
        /// The other server.
        to: ChangeServer,
    },
    /// The player leaves this server with its session.
    Take {
        /// Names the session.
        token: Token,
    },
    /// A player comes here with its session.
    Give {
        /// Names the session.
        token: Token,
        /// What a core has [taken](FromCore::Taken): one of the other server, or this one.
        player: Vec<u8>,
        /// Whether this core has taken it, so that it comes back.
        is_own: bool,
    },
    /// How often the core makes a checkpoint of each player with an account.
    Checkpoints {
        /// Ticks between two; 0: none.
        ticks: u32,
    },
    /// The answer to [`FromCore::Enters`].
    Recalled {
        /// The player that the client would be.
        player: u64,
        /// What the fleet knows of its account.
        recall: Recall,
    },
    /// A zone is this host's from now on. Every core gets it.
    GainZone {
        /// The zone.
        zone: Arc<OwnZone>,
        /// What cores of its last owner have saved of it, as far as it falls to this core.
        saved: Vec<Vec<u8>>,
    },
    /// The core saves its part of a zone.
    SaveZone {
        /// Names the request.
        request: u64,
        /// The zone.
        zone: Arc<OwnZone>,
        /// Whether the zone is not this host's any more.
        is_lost: bool,
    },
    /// The zones of which the core has its part, as they are from now on. It saves these when it ends.
    Zones(Arc<[Arc<OwnZone>]>),
    /// The account of a player enters elsewhere: the player leaves. If it is there, [`FromCore::Ended`] follows.
    Release {
        /// The player.
        player: u64,
    },
}

/// The end of a core.
#[derive(Debug)]
pub struct FleetPort {
    /// None if there is no fleet.
    rings: Option<(Producer<FromCore>, Consumer<ToCore>)>,
    waker: Arc<AtomicWaker>,
    /// What found no room, in order.
    waiting: VecDeque<FromCore>,
}

/// The end of the fleet, for one core.
#[derive(Debug)]
pub struct FleetEnd {
    from_core: Consumer<FromCore>,
    to_core: Producer<ToCore>,
    waker: Arc<AtomicWaker>,
}

/// The two ends of each of `cores` cores, in order.
pub fn between(cores: usize) -> (Vec<FleetPort>, Vec<FleetEnd>) {
    let pair = |_| {
        let (to_fleet, from_core) = RingBuffer::new(LETTERS_MAX);
        let (to_core, from_fleet) = RingBuffer::new(LETTERS_MAX);
        let waker = Arc::new(AtomicWaker::new());
        let port = FleetPort { rings: Some((to_fleet, from_fleet)), waker: waker.clone(), waiting: VecDeque::new() };
        (port, FleetEnd { from_core, to_core, waker })
    };
    (0..cores).map(pair).unzip()
}

impl FleetPort {
    /// A port without a fleet.
    pub fn closed() -> Self {
        FleetPort { rings: None, waker: Arc::default(), waiting: VecDeque::new() }
    }

    /// The next thing that the fleet says. It first hands over what waits.
    pub fn take(&mut self) -> Option<ToCore> {
        self.flush();
        self.rings.as_mut()?.1.pop().ok()
    }

    /// Whether there is a fleet, and it takes the next letter at once.
    pub fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.rings.as_ref().is_some_and(|(to_fleet, _)| !to_fleet.is_full())
    }

    /// Says something to the fleet.
    pub fn say(&mut self, letter: FromCore) {
        if self.rings.is_some() {
            self.waiting.push_back(letter);
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some((to_fleet, _)) = &mut self.rings else { return };
        while !self.waiting.is_empty() && !to_fleet.is_full() {
            let letter = self.waiting.pop_front().expect("one waits");
            to_fleet.push(letter).expect("there is room");
            self.waker.wake();
        }
    }
}

/// A core that ends says more than the ring has room for.
impl Drop for FleetPort {
    fn drop(&mut self) {
        let until = Instant::now() + LAST_LETTERS;
        self.flush();
        while !self.waiting.is_empty()
            && self.rings.as_ref().is_some_and(|(to_fleet, _)| !to_fleet.is_abandoned())
            && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(1));
            self.flush();
        }
    }
}

impl FleetEnd {
    /// The next thing that the core says, if it has said something.
    pub fn take(&mut self) -> Option<FromCore> {
        self.from_core.pop().ok()
    }

    /// Whether the core has ended, and all that it has said is taken.
    pub fn is_over(&self) -> bool {
        self.from_core.is_abandoned() && self.from_core.is_empty()
    }

    /// Waits until the core has said something.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<FromCore> {
        if let Some(letter) = self.take() {
            return Poll::Ready(letter);
        }
        self.waker.register(cx.waker());
        // The core may have written between the look and the registration.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Says something to the core, which takes it in its next turn.
    ///
    /// # Errors
    /// The letter, if [`LETTERS_MAX`] wait: try again in a moment.
    pub fn say(&mut self, letter: ToCore) -> Result<(), ToCore> {
        self.to_core.push(letter).map_err(|rtrb::PushError::Full(letter)| letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_core_says_at_last_arrives_however_much_it_is() {
        let (mut ports, mut ends) = between(1);
        let (mut port, mut end) = (ports.remove(0), ends.remove(0));
        let count = 3 * LETTERS_MAX as u64;
        let core = std::thread::spawn(move || {
            (0..count).for_each(|player| port.say(FromCore::Outside { player, point: [0.0; 2] }))
        });
        let mut taken = 0;
        while !core.is_finished() || !end.from_core.is_empty() {
            if let Some(FromCore::Outside { player, .. }) = end.take() {
                assert_eq!(player, taken);
                taken += 1;
            }
        }
        assert_eq!(taken, count);
        core.join().unwrap();
        // Nobody takes it any more.
        let (mut ports, ends) = between(1);
        drop(ends);
        (0..count).for_each(|player| ports[0].say(FromCore::Outside { player, point: [0.0; 2] }));
        drop(ports);
    }
}
