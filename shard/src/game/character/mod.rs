//! The server's side of the ready-made [`Character`](ringshard_world::character::Character): what its fields do over time. A
//! game keeps these as its own fields, and may use any of them alone.
//!
//! | module | for |
//! |---|---|
//! | [`buffs`] | [`Buffs`]: effects with an intensity, which end at a tick |
//! | [`factions`] | [`Factions`]: which factions are friends or enemies |
//! | [`kinds`] | [`KINDS`]: how far away each kind of character is seen |
//! | `timer_wheel` | when each buff ends |

pub mod buffs;
pub mod factions;
pub mod kinds;
mod timer_wheel;

#[cfg(test)]
mod tests;

pub use buffs::Buffs;
pub use factions::{Factions, Relation};
pub use kinds::KINDS;
