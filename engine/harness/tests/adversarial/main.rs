//! Peers that lie, flood, hoard or replay.

mod hostile;
mod limits;
