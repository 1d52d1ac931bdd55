//! What the operation of a server and that of a gateway share. It does no I/O.
//!
//! | module | for |
//! |---|---|
//! | [`admission`] | how many connections a listener has, per network and in all, and how fast they come |
//! | `guard` | which requests an admin port allows |
//! | `finding` | what `ringshard doctor` has found |
#![forbid(unsafe_code)]

pub mod admission;
mod finding;
mod guard;

pub use finding::{Finding, Verdict};
pub use guard::Guard;
