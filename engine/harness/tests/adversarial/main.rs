//! Peers that lie, flood, hoard or replay.

mod forgery;
mod gateways;
mod hostile;
mod limits;
mod tampering;
