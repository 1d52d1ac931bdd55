//! The client of a Ringshard server: what a game links.
//!
//! A [`Client`] is one player's end of a game. The game gives it its [`Rules`]. The client connects, enters the world,
//! predicts the player's own state, and interpolates the others between snapshots. [`Udp`] is such a client over a UDP
//! socket of the standard library:
//!
//! ```no_run
//! use ringshard_client::{ClientConfig, News, Pose, PublicKey, Rules, Udp};
//!
//! // A game's server and client share this.
//! ringshard_client::world::wire! {
//!     pub struct Input { pub x: i8, pub y: i8 }
//!     pub struct Walker { pub x: f32, pub y: f32 }
//!     pub struct Shown { pub health: u8 }
//!     pub enum Ask { Heal }
//!     pub enum Answer { Healed { health: u8 }, Empty }
//!     pub enum Event { Waved }
//! }
//!
//! struct Walking;
//!
//! impl Rules for Walking {
//!     type Input = Input;
//!     type Own = Walker;
//!     type Shown = Shown;
//!     type Ask = Ask;
//!     type Answer = Answer;
//!     type Event = Event;
//!
//!     fn step(&self, own: &mut Walker, input: &Input) {
//!         own.x += f32::from(input.x) * 0.1;
//!         own.y += f32::from(input.y) * 0.1;
//!     }
//!
//!     fn pose(&self, own: &Walker) -> Pose {
//!         Pose::at([own.x, own.y, 0.0])
//!     }
//! }
//!
//! # fn key() -> PublicKey { PublicKey::from_bytes([0; 32]) }
//! # fn read_stick() -> Input { Input::default() }
//! # fn draw(_: &Pose) {}
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut udp = Udp::connect("203.0.113.7:3565", Walking, ClientConfig::new(key()), b"ticket")?;
//!     loop {
//!         udp.poll(|_scene| read_stick());
//!         while let Some(news) = udp.news() {
//!             match news {
//!                 News::Entered { .. } => println!("in the world"),
//!                 News::Answer(_, Answer::Healed { health }) => println!("health is {health}"),
//!                 News::Closed(reason) => return Err(reason.into()),
//!                 _ => {}
//!             }
//!         }
//!         let scene = udp.client().scene();
//!         scene.own_pose().iter().for_each(draw);
//!         scene.others().for_each(|(_id, pose, _shown)| draw(&pose));
//!     }
//! }
//! ```
//!
//! # A frame
//! 1. [`Udp::poll`] receives what has arrived, asks the game for an input for each tick that is due, steps the own state with
//!    it, and sends it.
//! 2. [`Udp::news`] says what happened, oldest first, until there is none.
//! 3. [`Client::scene`] is what to draw. [`Client::ask`] and [`Client::tell`] queue messages. They leave in the next frame,
//!    or at once with [`Udp::flush`].
//!
//! No call blocks, except [`Udp::wait`], and no thread is started.
//!
//! # Time
//! Each input is for one tick of the server. The client's clock runs ahead of the server's, so that inputs arrive in time. The
//! server says how early they arrive, and the client's clock runs up to 2 % faster or slower to keep that small. The client
//! sends each input several times, so that a lost datagram rarely loses one.
//!
//! Others are shown in the past: about two ticks and the jitter behind the newest snapshot ([`Interpolation`]).
//! [`Client::clock`] shows both clocks. [`Client::stats`] counts inputs that came too late and frames past the newest snapshot.
//!
//! # Other systems, other clocks
//! [`Client`] does no I/O and reads no clock. The program, such as a game on a console or a simulation of ten thousand players,
//! hands in datagrams and the time, and sends the datagrams that the client writes.
//!
//! # Connections without a world
//! A [`Driver`] is one connection to one server. Its messages are plain bytes. [`protocol::client::Client`] is the same without
//! socket and clock. After each datagram, the driver takes all messages and events, as [`ringshard_protocol`] demands, and then
//! sends everything that is due.
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
//! # Lost datagrams
//! A datagram that the socket refuses counts as lost, and the protocol recovers from it. Causes are a full send buffer, no
//! route, a datagram too large for the interface, or an ICMP error because no server listens.
//! [`Udp::socket_stats`] and [`Driver::stats`] count them. If the server does not answer for long, the client reports that it
//! reconnects, or that it is closed.
//!
//! The standard library cannot forbid fragmentation. Where the operating system does not do so by itself, probes for
//! larger datagrams may arrive as IP fragments.
//!
//! # The modules
//! | module | for | may use |
//! |---|---|---|
//! | [`Client`] | a client of a game | the protocol, the world |
//! | [`Udp`] | such a client, with socket and clock | [`Client`], the socket |
//! | [`Driver`] | one connection, with socket and clock | the protocol, the socket, the inbox |
//! | [`Services`] | calls, downloads and notices of the server's services | [`Client`], [`requests`] |
//! | `signature` | the check of signed downloads, with the feature `ring` | `ring`, [`requests`] |
//! | [`Cache`] | a folder that keeps downloaded resources | `std::fs` |
//! | `connect` | what every connection begins with | the socket |
//! | `socket` | a non-blocking UDP socket that reports errors as losses | `std::net` |
//! | `inbox` | messages and events of a driver until the game takes them | |
//! | [`world`] | entities, snapshots, views, prediction, interpolation | |
//! | [`protocol`] | everything else: channels' quality, limits, statistics | |

#![forbid(unsafe_code)]

mod cache;
mod client;
mod connect;
mod driver;
mod inbox;
mod route;
mod services;
#[cfg(feature = "ring")]
mod signature;
mod socket;
mod udp;

pub use cache::{Cache, ContentHash};
pub use client::{AskId, Client, ClientStats, Clock, NEWS_MAX, NewClientError, News, Scene, Unanswered};
pub use connect::ConnectError;
pub use driver::Driver;
pub use inbox::Event;
pub use ringshard_protocol as protocol;
pub use ringshard_protocol::client::{ClientConfig, ClientEvent, CloseReason};
pub use ringshard_protocol::connection::SendError;
pub use ringshard_protocol::crypto::PublicKey;
pub use ringshard_protocol::wire::{Channel, ConnectionId, Delivery, Message};
pub use ringshard_requests as requests;
pub use ringshard_world as world;
pub use ringshard_world::interpolation::{Interpolation, Mode};
pub use ringshard_world::prediction::Smoothing;
pub use ringshard_world::{EntityId, Map, Pose, Rules};
pub use services::{ServiceEvent, Services, answer};
#[cfg(feature = "ring")]
pub use signature::signed_by;
pub use socket::SocketStats;
pub use udp::Udp;
