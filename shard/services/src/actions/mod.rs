//! Actions: requests with answers, declared once, reachable over UDP and HTTPS (PROTOCOL.md#services).

mod action;
mod caller;
mod handler;
mod outcome;
mod registry;

pub use action::{Access, Action, Breaker, Limits};
pub use caller::{Caller, Cancelled, DEADLINE_DEFAULT};
pub use outcome::{Failure, Outcome, Refusal};
pub use registry::Builder;

/// All actions of a server. Cheap to clone.
#[derive(Clone)]
pub struct Actions {}

impl Actions {
    /// Collects actions.
    pub fn builder() -> Builder {
        Builder::default()
    }
}
