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
//! | `gate` | tickets, and which account is where |
//! | `session` | a client in the world: its calls, downloads and notices |

mod core;
mod counters;
mod gate;
mod session;

pub use counters::Counters;
pub use gate::Gate;

use crate::actions::Actions;
use crate::hub::Hub;
use crate::resources::Resources;
use ringshard::runtime::services::ServicesEnd;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What clients in the world reach.
pub struct Reach {
    /// Tickets.
    pub gate: Gate,
    /// Calls.
    pub actions: Actions,
    /// Downloads.
    pub resources: Arc<Resources>,
    /// Chat, presence and notifications.
    pub hub: Hub,
    /// Counts.
    pub counters: Arc<Counters>,
}

/// Letters that wait for a core. Who has more to say waits.
const LETTERS_MAX: usize = 256;

/// Starts the tasks that serve the clients of all cores. They end with the runtime.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn serve(ends: Vec<ServicesEnd>, reach: &Arc<Reach>) {
    let (mailboxes, letters): (Vec<_>, Vec<_>) = ends.iter().map(|_| mpsc::channel(LETTERS_MAX)).unzip();
    let mailboxes: Arc<[core::Mailbox]> = mailboxes.into();
    for (number, (end, letters)) in ends.into_iter().zip(letters).enumerate() {
        let task = core::Core::new(number, reach.clone(), mailboxes.clone());
        tokio::spawn(task.run(end, letters));
    }
}
