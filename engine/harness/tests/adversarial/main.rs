//! Peers that lie, flood, hoard or replay.

mod forgery;
mod hostile;
mod limits;
