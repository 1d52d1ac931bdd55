//! Sessions between players: a mesh of 2 to 16 players of one server. [`Mesh`] has no I/O, and its caller gives it the time; [`PeerSocket`] is a
//! mesh with its UDP sockets, one per family.
//!
//! Two players agree over their server, find a path between them with ICE, and open a session of the same protocol as that
//! with the server, over the same channels (PROTOCOL.md#introductions). The server vouches for who sent an introduction, and
//! never sees what the players say to each other. Voice, rollback and transfers go that way.
//!
//! # How it is driven
//! As with [`ringshard_protocol`]: hand in one thing, drain what it produced, return at the next deadline.
//!
//! ```no_run
//! # use ringshard_peer::{Mesh, MeshConfig, MeshEvent, limits::PEER_DATAGRAM_BYTES_MAX};
//! # use ringshard_protocol::{time::Instant, wire::Channel};
//! # use ringshard_world::EntityId;
//! # fn drive(socket: &std::net::UdpSocket, now: Instant, seed: [u8; 32], friend: EntityId) {
//! # fn to_server(_: EntityId, _: &[u8]) {}
//! let mut mesh = Mesh::new(MeshConfig::new(*b"the match's name", vec!["192.0.2.7:4000".parse().unwrap()]), now, seed);
//! let friend = mesh.join(now, friend).unwrap();
//! let mut datagram = [0; PEER_DATAGRAM_BYTES_MAX];
//! loop {
//! #   let now = Instant::ZERO;
//!     // Introductions that the server brings go to `Mesh::introduced`.
//!     if let Ok((len, from)) = socket.recv_from(&mut datagram) {
//!         mesh.receive(now, from, &mut datagram[..len]);
//!     }
//!     mesh.advance(now);
//!     while let Some(event) = mesh.poll_event() {
//!         if let MeshEvent::Connected { peer, .. } = event {
//!             mesh.send(now, peer, Channel::RELIABLE_ORDERED, b"hello").unwrap();
//!         }
//!     }
//!     while let Some((entity, introduction)) = mesh.poll_introduction(now) {
//!         to_server(entity, &introduction);
//!     }
//!     while let Some((to, len)) = mesh.poll_transmit(now, &mut datagram) {
//!         let _ = socket.send_to(&datagram[..len], to);
//!     }
//! }
//! # }
//! ```
//!
//! # The modules
//! | module | for |
//! |---|---|
//! | `description`, `secrets`, `candidate` | what players tell each other, and the key that comes of it |
//! | `peer` | one other player: signalling, the search for a path, the session |
//! | `mesh` | all of them, on the sockets of this host |
//! | [`relay`] | a relay for players that find no direct path, both ends |
//! | `gathering`, [`stun`] | how this host learns the address that others see |
//! | `socket` | a mesh with its sockets and its clock |
//! | `outbox` | datagrams that wait for the sockets |
//! | [`limits`], [`stats`] | every bound; a counter per outcome |

#![forbid(unsafe_code)]

mod address;
mod candidate;
mod description;
mod gathering;
mod id;
pub mod limits;
mod mesh;
mod outbox;
mod peer;
pub mod relay;
mod secrets;
mod socket;
pub mod stats;
pub mod stun;
#[cfg(test)]
mod vectors;

pub use candidate::{Candidate, CandidateKind};
pub use id::PeerId;
pub use mesh::{JoinError, Mesh, MeshConfig, MeshEvent, PeerPath};
pub use relay::RelayConfig;
pub use socket::{OpenError, PeerSocket, PeerSocketStats};

/// The programs of the crate's README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
