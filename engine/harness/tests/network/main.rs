//! Servers and clients over a simulated network: loss, reordering, changed addresses, congestion, resumption.

mod delivery;
mod paths;
mod reconnect;
mod reliability;
mod scenarios;
