//! The client of a Ringshard server: what a game links.
//!
//! A [`Driver`] is one connection to one server over a UDP socket of the standard library. A game calls it once per
//! frame; no call blocks, except [`Driver::wait`], and no thread is started.
//!
//! ```no_run
//! use ringshard_client::{Channel, ClientConfig, Driver, Event, PublicKey};
//!
//! # fn key() -> PublicKey { PublicKey::from_bytes([0; 32]) }
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut driver = Driver::connect("203.0.113.7:3565", ClientConfig::new(key()))?;
//!     loop {
//!         driver.update();
//!         while let Some(event) = driver.poll_event() {
//!             match event {
//!                 Event::Connected { .. } => driver.send(Channel::RELIABLE_ORDERED, b"hello")?,
//!                 Event::Message(message) => println!("{} bytes on {}", message.bytes.len(), message.channel),
//!                 Event::Reconnecting(reason) => println!("reconnecting: {reason}"),
//!                 Event::Closed(reason) => return Err(reason.into()),
//!             }
//!         }
//!         // Simulate and draw the frame, call `driver.send`; then send at once instead of at the next frame:
//!         driver.flush();
//!     }
//! }
//! ```
//!
//! # A frame
//! 1. [`Driver::update`] receives what has arrived, advances the clock, and sends what is due.
//! 2. [`Driver::poll_event`] lends messages and events, oldest first, until there is none.
//! 3. [`Driver::send`] queues messages; [`Driver::flush`] sends them.
//!
//! The driver keeps the law of [`ringshard_protocol`]: after each datagram it takes all messages and events, and then it
//! sends everything that is due. A game that calls it once per frame needs no deadline. A program without frames calls
//! [`Driver::wait`], which returns at the protocol's next deadline at the latest.
//!
//! # Lost datagrams
//! A datagram that the socket refuses counts as lost, and the protocol recovers from it. Causes are a full send buffer, no
//! route, a datagram too large for the interface, or an ICMP error because no server listens.
//! [`Driver::stats`] counts them. A server that stays away shows as [`Event::Reconnecting`] or [`Event::Closed`].
//!
//! The standard library cannot forbid fragmentation. Where the operating system does not do so by itself, probes for
//! larger datagrams may arrive as IP fragments.
//!
//! # The modules
//! | module | for | may use |
//! |---|---|---|
//! | [`Driver`] | one connection, driven | the protocol, the socket, the inbox |
//! | `socket` | a non-blocking UDP socket that reports errors as losses | `std::net` |
//! | `inbox` | messages and events until the game takes them | |
//! | [`world`] | entities, snapshots and views, for games that use the replicated world | |
//! | [`protocol`] | everything else: channels' quality, limits, statistics | |

#![forbid(unsafe_code)]

mod client;
mod connect;
mod driver;
mod inbox;
mod socket;
mod udp;

pub use client::{AskId, Client, ClientStats, Clock, NEWS_MAX, NewClientError, News, Scene, Unanswered};
pub use connect::ConnectError;
pub use driver::Driver;
pub use inbox::Event;
pub use ringshard_protocol as protocol;
pub use ringshard_protocol::client::{ClientConfig, ClientEvent, CloseReason};
pub use ringshard_protocol::connection::SendError;
pub use ringshard_protocol::crypto::PublicKey;
pub use ringshard_protocol::wire::{Channel, ConnectionId, Delivery, Message};
pub use ringshard_world as world;
pub use ringshard_world::interpolation::{Interpolation, Mode};
pub use ringshard_world::prediction::Smoothing;
pub use ringshard_world::{EntityId, Map, Pose, Rules};
pub use socket::SocketStats;
pub use udp::Udp;
