//! What is said to cores, and where players are.

use crate::AccountId;
use ringshard::runtime::services::ToCore;
use tokio::sync::mpsc;

/// A player, by its core and its number there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    pub core: usize,
    pub player: u64,
}

/// A letter that waits for a core.
#[derive(Debug)]
pub(super) enum Letter {
    Admit { player: u64, account: Option<AccountId>, shown: Vec<u8> },
    Refuse { player: u64, reason: u8 },
    PutOut { player: u64, reason: u8 },
    Message { player: u64, is_bulk: bool, bytes: Vec<u8> },
}

impl Letter {
    pub fn as_told(&self) -> ToCore<'_> {
        match self {
            Letter::Admit { player, account, shown } => ToCore::Admit { player: *player, account: *account, shown },
            Letter::Refuse { player, reason } => ToCore::Refuse { player: *player, reason: *reason },
            Letter::PutOut { player, reason } => ToCore::PutOut { player: *player, reason: *reason },
            Letter::Message { player, is_bulk, bytes } => ToCore::Message { player: *player, is_bulk: *is_bulk, bytes },
        }
    }
}

/// Letters to a core.
pub(super) type Mailbox = mpsc::Sender<Letter>;
