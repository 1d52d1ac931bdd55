//! Games in Luau: a Ringshard [`Game`](ringshard::game::Game) whose hooks call a script.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`source`] | a script: its file, and its byte code | |
//! | [`budget`] | how much time and memory a script may use, and measuring it | |
//! | `report` | errors of scripts, for the log and for counters | |
//! | `tree` | what a script keeps over a reload | |
//! | `timers` | functions that wait for their tick | |
//! | `sandbox` | what a script finds in its world besides this crate's functions | |
//! | `call` | the world and the host of the hook that runs now | [`game`], `host` |
//! | `host` | what this crate keeps for a script besides its own state | those above |
//! | `api` | the functions that scripts call | those above |
//! | `vm` | a virtual machine with a script in it, and calling its hooks | those above |
//! | [`game`] | the game | those above |
//!
//! Each core has a virtual machine of its own: scripts on different cores share no variables. They reach each other's
//! entities by commands. A script has no files, no network, no clock and no randomness but the world's, so a simulated
//! world repeats exactly.
//!

#![forbid(unsafe_code)]

mod api;
pub mod budget;
mod call;
pub mod game;
mod host;
mod report;
mod sandbox;
pub mod source;
mod timers;
mod tree;
mod vm;

pub use budget::{Budget, Clock};
pub use game::{Command, ScriptGame};
pub use report::ScriptStats;
pub use source::{Script, ScriptError};
