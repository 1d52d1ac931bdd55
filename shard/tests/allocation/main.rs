//! What must not allocate. A binary of its own: its counter replaces the allocator of all that is in it.

#[path = "../world/dice.rs"]
mod dice;
mod replication;
mod store;
