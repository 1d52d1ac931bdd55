//! Where characters can be: for games whose clients say where theirs are.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`limits`] | how characters can move | |
//! | `geometry` | what is in the way, and what carries a character | |
//! | [`validator`] | whether a client's claims about its character can be | `geometry`, [`limits`] |
//! | [`judge`] | what follows from a claim | those above, the ledger of refusals, and [`Shard`](crate::game::Shard) |
//!
//! Most games do not need it: their clients send what players press, and the server moves the characters. It is for games whose
//! clients send a [`Claim`](ringshard_world::claim::Claim). What is refused is in the ledger: [`Shard::refusals`].
//!
//! [`Shard::refusals`]: crate::game::Shard::refusals

mod geometry;
pub mod judge;
pub mod limits;
pub mod validator;

pub use judge::{Judge, Policy, Verdict};
pub use limits::Limits;
pub use validator::{Validator, Violation};
