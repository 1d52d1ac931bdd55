//! Names of players, how they enter, and why they leave.

use crate::runtime::services::AccountId;
use std::fmt;

/// Names a player of this core: whoever enters the world, until it leaves. It stays the same when the player's body, its
/// address or its connection changes. It means nothing on other cores.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlayerId {
    pub(crate) slot: u16,
    /// Distinguishes it from players that had the slot before. A client that is refused and asks again gets a new one each
    /// time, so 16 bits would be used up within a minute.
    pub(crate) generation: u32,
}

impl PlayerId {
    /// The id as a number, for logs and databases of a running server.
    pub fn number(self) -> u64 {
        u64::from(self.generation) << 16 | u64::from(self.slot)
    }

    /// The id whose [`Self::number`] that is; none if there is none. Its player may have left.
    pub fn of_number(number: u64) -> Option<PlayerId> {
        let generation = u32::try_from(number >> 16).ok()?;
        Some(PlayerId { slot: number as u16, generation })
    }
}

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// A client that wants to enter the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visitor<'a> {
    /// It has an account, and has shown a ticket of it that is good.
    Account {
        /// The account.
        id: AccountId,
        /// Its name: up to [`ACCOUNT_NAME_BYTES_MAX`](crate::runtime::services::ACCOUNT_NAME_BYTES_MAX) bytes.
        name: &'a str,
    },
    /// It has no account. The bytes are what it shows in place of a ticket: nobody has checked them.
    Guest(&'a [u8]),
}

impl<'a> Visitor<'a> {
    /// Its account.
    pub fn account(&self) -> Option<AccountId> {
        match *self {
            Visitor::Account { id, .. } => Some(id),
            Visitor::Guest(_) => None,
        }
    }

    /// The name of its account, or what a guest shows in place of a ticket: for games that take that for a name.
    pub fn name(&self) -> &'a [u8] {
        match *self {
            Visitor::Account { name, .. } => name.as_bytes(),
            Visitor::Guest(shown) => shown,
        }
    }
}

/// What becomes of a client that wants to enter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It enters.
    Accepted,
    /// It does not; the client gets this reason of the game's.
    Refused(u8),
    /// The game decides later, with [`Shard::admit`](super::Shard::admit): a job has been given, for example.
    Pending,
}

/// Why a player has left the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveReason {
    /// The client disconnected.
    Left,
    /// The client fell silent and did not return in time.
    TimedOut,
    /// The game put it out with this reason ([`Shard::put_out`](super::Shard::put_out)). The client stays connected.
    PutOut(u8),
    /// It was suspended, and more reliable messages waited for it than the server keeps. The client stays connected.
    Backlog,
    /// The game refused it after [`Admission::Pending`].
    Refused(u8),
    /// The server ended the connection: the client broke the protocol, was too slow, or was kicked.
    Disconnected,
    /// The server is shutting down.
    ShuttingDown,
    /// The player has moved to another server of the fleet.
    Moved,
}
