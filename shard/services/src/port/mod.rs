//! The connection to the cores: the clients in the world, their tickets, and their messages (PROTOCOL.md#services).
//!
//! ```text
//! core --letters--> core's task --> session: calls, downloads, notices
//! core <--letters-- core's task <-- what tickets, calls and downloads answer
//! ```
//!
//! | file | has |
//! |---|---|
//! | `core` | the task of a core |
//! | `letter` | what is said to cores |
//! | `gate` | tickets, and which account is where |
//! | `session` | a client in the world: its calls, downloads and notices |

mod core;
mod counters;
mod gate;
mod letter;
mod session;

pub use counters::Counters;
pub use gate::Gate;

use crate::AccountId;
use crate::accounts::Accounts;
use crate::actions::Actions;
use crate::counters::count;
use crate::hub::Hub;
use crate::resources::Resources;
use ringshard::runtime::services::ServicesEnd;
use ringshard_world::messages::reason;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The services that clients in the world reach.
pub struct Reach {
    /// Tickets.
    pub gate: Gate,
    /// Calls.
    pub actions: Actions,
    /// Downloads.
    pub resources: Arc<Resources>,
    /// Chat, presence and notifications.
    pub hub: Hub,
    /// Accounts that may call the actions of operators.
    pub operators: Vec<AccountId>,
    /// Counts.
    pub counters: Arc<Counters>,
}

/// Letters that wait for a core. Senders of further ones wait.
const LETTERS_MAX: usize = 256;

/// How often accounts in the world are checked for being disabled.
const LOOK: Duration = Duration::from_secs(5);

/// Starts the tasks that serve the clients of all cores. They end with the runtime. Players whose account is disabled among
/// `accounts` are put out within seconds.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn serve(ends: Vec<ServicesEnd>, reach: &Arc<Reach>, accounts: Option<Accounts>) {
    let (mailboxes, letters): (Vec<_>, Vec<_>) = ends.iter().map(|_| mpsc::channel(LETTERS_MAX)).unzip();
    let mailboxes: Arc<[letter::Mailbox]> = mailboxes.into();
    if let Some(accounts) = accounts {
        tokio::spawn(put_out_disabled(accounts, reach.clone(), mailboxes.clone()));
    }
    for (number, (end, letters)) in ends.into_iter().zip(letters).enumerate() {
        let task = core::Core::new(number, reach.clone(), mailboxes.clone());
        tokio::spawn(task.run(end, letters));
    }
}

async fn put_out_disabled(accounts: Accounts, reach: Arc<Reach>, mailboxes: Arc<[letter::Mailbox]>) {
    loop {
        tokio::time::sleep(LOOK).await;
        // A database that is busy or broken is asked again.
        let disabled = accounts.disabled_among(reach.gate.accounts()).await.unwrap_or_default();
        for place in disabled.into_iter().filter_map(|account| reach.gate.place(account)) {
            count(&reach.counters.disabled);
            let letter = letter::Letter::PutOut { player: place.player, reason: reason::DISABLED };
            // Without a receiver the services have ended.
            let _ = mailboxes[place.core].send(letter).await;
        }
    }
}
