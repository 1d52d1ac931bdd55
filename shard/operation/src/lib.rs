//! What the operation of a server, of a gateway and of a balancer share.
//!
//! | module | for |
//! |---|---|
//! | [`admission`] | how many connections a listener has, per network and in all, and how fast they come |
//! | `guard` | which requests an admin port allows |
//! | `finding` | what `ringshard doctor` has found |
//! | [`private_file`] | reads files with secrets; all else here does no I/O |
#![forbid(unsafe_code)]

pub mod admission;
mod finding;
mod guard;
pub mod private_file;

pub use finding::{Finding, Verdict};
pub use guard::Guard;
