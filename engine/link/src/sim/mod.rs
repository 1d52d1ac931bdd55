//! A network inside the process: a virtual clock, a seed, and conditions.
//!
//! Every datagram, its fate and its delay follow from the seed and the order of calls, so a run can be repeated to the
//! byte. All [`SimLink`]s share a [`Network`]. The driver of the simulation advances the clock, and may jump from one
//! arrival to the next:
//!
//! ```
//! use ringshard_link::conditions::Conditions;
//! use ringshard_link::sim::{Network, SimLink};
//! use ringshard_protocol::link::{Link, Path};
//! use ringshard_protocol::time::Duration;
//!
//! let network = Network::new(1, Conditions::none(Duration::from_millis(20)));
//! let (here, there) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap());
//! let (mut sender, mut receiver) = (SimLink::new(network.clone(), here), SimLink::new(network.clone(), there));
//! sender.reserve(Path::new(0, there), 5).unwrap().copy_from_slice(b"hello");
//! sender.submit();
//! network.advance_to(network.next_arrival().unwrap());
//! assert_eq!(receiver.receive(1, |arrival| assert_eq!(arrival.bytes, b"hello")), 1);
//! ```
//!
//! # The path of a datagram
//! A datagram passes the bottleneck of its source address, then that of its destination, if there are any, then the
//! conditions of its direction. If a link is at the destination when it arrives, it waits there, as in a socket's buffer
//! without bound; otherwise it is lost.

mod link;
mod network;

pub use link::SimLink;
pub use network::{Bottleneck, Network, TraceEntry};

#[cfg(test)]
mod tests;
