//! What the server refuses, and to whom.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`ledger`] | refusals of each player by reason, and a score that fades | |
//! | [`limits`] | how characters can move | |
//! | `geometry` | what is in the way, and what carries a character | |
//! | [`validator`] | whether a client's claims about its character can be | `geometry`, [`limits`] |
//! | [`judge`] | what follows from a claim | those above, and [`Shard`](crate::game::Shard) |
//!
//! Most games need only the ledger: their clients send what players press, and the server moves the characters. The rest is for
//! games whose clients say where their characters are ([`ringshard_world::claim`]).

mod geometry;
pub mod judge;
pub mod ledger;
pub mod limits;
pub mod validator;

pub use judge::{Judge, Policy, Verdict};
pub use ledger::{Refusals, weight};
pub use limits::Limits;
pub use validator::{Validator, Violation};
