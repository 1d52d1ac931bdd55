//! The world of a server: its cores, what they exchange, and what clients see of it.

mod border;
mod checkpoints;
mod claims;
mod contract;
mod cores;
mod counters;
mod dice;
mod exchange;
mod interest;
mod introductions;
mod land;
mod pacing;
mod replication;
mod rewind;
mod services;
mod simulation;
