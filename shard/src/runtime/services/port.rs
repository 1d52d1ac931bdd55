//! The end of a core. It never waits.

use super::records::{RecordReader, RecordWriter};
use super::{AccountId, FromCore, ToCore, Wake};
use ringshard_protocol::counters;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

counters! {
    /// The services of one core.
    ServicesStats {
        /// Tickets that were handed to the services.
        knocks,
        /// Tickets that the services have refused.
        tickets_refused,
        /// Messages of clients that were handed to the services.
        messages_in,
        /// Messages of clients and tickets that were refused: the services do not keep up, or there are none.
        refused,
        /// Messages of services to clients.
        messages_out,
        /// Messages of services that were dropped: the client does not keep up, is silent, or has left.
        dropped,
    }
}

/// The services do not keep up, or there are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the services do not keep up, or there are none")]
pub struct Busy;

/// Who enters and leaves: it waits where the ring is full.
#[derive(Clone, Copy, Debug)]
enum Life {
    Entered { player: u64, address: IpAddr, account: Option<AccountId> },
    Suspended { player: u64 },
    Resumed { player: u64 },
    Left { player: u64 },
}

impl Life {
    fn letter(self) -> FromCore<'static> {
        match self {
            Life::Entered { player, address, account } => FromCore::Entered { player, address, account },
            Life::Suspended { player } => FromCore::Suspended { player },
            Life::Resumed { player } => FromCore::Resumed { player },
            Life::Left { player } => FromCore::Left { player },
        }
    }
}

/// The end of one core.
#[derive(Debug)]
pub struct ServicesPort {
    /// None if there are no services.
    rings: Option<Rings>,
    /// What found the ring full, in order. A client is let in only while few wait, so there are at most a few for each player.
    waiting: VecDeque<Life>,
    pub(crate) stats: ServicesStats,
}

#[derive(Debug)]
struct Rings {
    to_services: RecordWriter,
    from_services: RecordReader,
    wake: Arc<Wake>,
}

/// While so many wait, no client is let in.
const WAITING_MAX: usize = 4_096;

impl ServicesPort {
    pub(super) fn new(to_services: RecordWriter, from_services: RecordReader, wake: Arc<Wake>) -> Self {
        ServicesPort { rings: Some(Rings { to_services, from_services, wake }), ..ServicesPort::closed() }
    }

    /// A port without services.
    pub fn closed() -> Self {
        ServicesPort { rings: None, waiting: VecDeque::new(), stats: ServicesStats::default() }
    }

    /// Whether there are services.
    pub fn is_open(&self) -> bool {
        self.rings.is_some()
    }

    /// Hands the ticket of a client to the services, which answer with [`ToCore::Admit`] or [`ToCore::Refuse`].
    ///
    /// # Errors
    /// [`Busy`]: the client must ask again later.
    pub fn knock(&mut self, player: u64, address: IpAddr, ticket: &[u8]) -> Result<(), Busy> {
        if self.waiting.len() >= WAITING_MAX {
            self.stats.refused += 1;
            return Err(Busy);
        }
        self.push(&FromCore::Knock { player, address, ticket })?;
        self.stats.knocks += 1;
        Ok(())
    }

    /// Hands a message of a client to the services.
    ///
    /// # Errors
    /// [`Busy`]: the message is gone.
    pub fn message(&mut self, player: u64, bytes: &[u8]) -> Result<(), Busy> {
        self.push(&FromCore::Message { player, bytes })?;
        self.stats.messages_in += 1;
        Ok(())
    }

    /// A player has entered.
    pub fn entered(&mut self, player: u64, address: IpAddr, account: Option<AccountId>) {
        self.note(Life::Entered { player, address, account });
    }

    /// A player's client has fallen silent.
    pub fn suspended(&mut self, player: u64) {
        self.note(Life::Suspended { player });
    }

    /// A suspended player's client is back.
    pub fn resumed(&mut self, player: u64) {
        self.note(Life::Resumed { player });
    }

    /// A player that had entered has left.
    pub fn left(&mut self, player: u64) {
        self.note(Life::Left { player });
    }

    /// The next thing that the services say, in `record`. It first hands over what waits.
    pub fn take<'a>(&mut self, record: &'a mut Vec<u8>) -> Option<ToCore<'a>> {
        self.flush();
        let Rings { from_services, wake, .. } = self.rings.as_mut()?;
        let record = from_services.next(record)?;
        // Either this core sees that the services wait, or they see the room that is there now.
        fence(Ordering::SeqCst);
        if wake.waits_for_room.load(Ordering::Relaxed) {
            wake.waits_for_room.store(false, Ordering::Relaxed);
            wake.services.wake();
        }
        Some(ToCore::read(record))
    }

    fn note(&mut self, life: Life) {
        if self.rings.is_some() {
            self.waiting.push_back(life);
            self.flush();
        }
    }

    /// Hands over what waits, as far as there is room.
    fn flush(&mut self) {
        let Some(rings) = &mut self.rings else { return };
        while let Some(life) = self.waiting.front()
            && rings.push(&life.letter())
        {
            self.waiting.pop_front();
        }
    }

    fn push(&mut self, letter: &FromCore<'_>) -> Result<(), Busy> {
        self.flush();
        // What a client sends comes after the news that it has entered.
        let has_room = self.waiting.is_empty();
        if has_room && self.rings.as_mut().is_some_and(|rings| rings.push(letter)) {
            return Ok(());
        }
        self.stats.refused += 1;
        Err(Busy)
    }
}

impl Rings {
    fn push(&mut self, letter: &FromCore<'_>) -> bool {
        let (head, rest) = letter.write();
        let is_pushed = self.to_services.push(&[&head, rest]);
        if is_pushed {
            self.wake.services.wake();
        }
        is_pushed
    }
}
