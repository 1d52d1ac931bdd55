//! Servers and clients over a simulated network: loss, reordering, changed addresses, congestion, resumption.

mod connecting;
mod datagrams;
mod delivery;
mod lifetime;
mod migration;
mod moves;
mod paths;
mod reconnect;
mod reliability;
