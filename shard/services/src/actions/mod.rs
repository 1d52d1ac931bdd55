//! Actions: requests with answers, declared once, reachable over UDP and HTTPS (PROTOCOL.md#services).
//!
//! [`Actions::builder`] collects them. Two doors lead to them: [`Actions::connect`] for the messages of a client over UDP, and
//! [`Actions::call_json`] for HTTPS. Both execute a call at most once, check who calls, limit the rate, and keep a slow or
//! failing action from taking the others' room.

mod action;
mod breaker;
mod caller;
mod counters;
mod dispatch;
mod handler;
mod https;
mod list;
mod once;
mod openapi;
mod outcome;
mod pool;
mod rates;
mod registry;
mod running;
mod udp;

pub use action::{Access, Action, Breaker, Limits};
pub use caller::{Caller, Cancelled, DEADLINE_DEFAULT};
pub use counters::Counters;
pub use https::JsonOutcome;
pub use list::{ActionEntry, ActionList, Description, LIST_PATH, ListActions};
pub use outcome::{Failure, Outcome, Refusal};
pub use pool::Pool;
pub use registry::{Actions, Builder, NoAction};
pub use udp::{Client, Reply};

#[cfg(test)]
mod tests;
