//! The world of a server: its cores, what they exchange, and what clients see of it.

mod dice;
mod exchange;
mod interest;
mod lives;
mod pacing;
mod replication;
mod rewind;
mod simulation;
mod small_world;
