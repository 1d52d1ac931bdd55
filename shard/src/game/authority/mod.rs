//! What the server refuses, and to whom.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`ledger`] | refusals of each player by reason, and a score that fades | |
//!
//! A game that moves its players itself refuses nothing here: its clients send inputs, and the server steps them.

pub mod ledger;

pub use ledger::{Refusals, weight};
