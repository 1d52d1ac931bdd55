//! Tests of a game: its server, its clients and the network between them, under one virtual clock.
//!
//! A [`World`] runs real server cores and real clients on the test's thread. Every byte between them is encrypted and passes
//! a simulated network. No socket is opened and no clock is read. Everything follows from a seed and from what the test does,
//! so a run can be repeated to the byte.
//!
//! ```
//! # use ringshard::game::{Admission, Game, NoJob, PlayerId, Reply, Shard, Visitor};
//! # use ringshard_world::{Pose, Rules};
//! # ringshard_world::wire! {
//! #     pub struct Input { pub right: i8 }
//! #     pub struct Own { pub x: f32 }
//! #     pub struct Shown {}
//! #     pub enum Nothing { Nothing }
//! # }
//! # #[derive(Clone, Copy)]
//! # struct Walking;
//! # impl Rules for Walking {
//! #     type Input = Input;
//! #     type Own = Own;
//! #     type Shown = Shown;
//! #     type Ask = Nothing;
//! #     type Answer = Nothing;
//! #     type Event = Nothing;
//! #     fn step(&self, own: &mut Own, input: &Input) { own.x += f32::from(input.right) }
//! #     fn pose(&self, own: &Own) -> Pose { Pose::at([own.x, 0.0, 0.0]) }
//! # }
//! # struct Walk;
//! # impl Game for Walk {
//! #     type Rules = Walking;
//! #     type Command = Nothing;
//! #     type Job = NoJob;
//! #     type Done = ();
//! #     fn rules(&self) -> &Walking { &Walking }
//! #     fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
//! #         let body = shard.entities.spawn(Pose::default(), Shown {}).unwrap();
//! #         shard.control(player, Some(body), Own::default());
//! #         Admission::Accepted
//! #     }
//! #     fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Nothing, reply: Reply) {
//! #         shard.reply(reply, &Nothing::Nothing);
//! #     }
//! # }
//! use ringshard_testing::{Duration, World};
//!
//! let mut world = World::new(2, "delay=30ms,jitter=8ms,loss=1%", 7, |_start| Walk);
//! let players = [world.join(b"anna"), world.join(b"ben")];
//! world.pass(Duration::from_secs(5), |_player, _scene| Input { right: 1 });
//! for player in players {
//!     let scene = world.client(player).scene();
//!     assert!(scene.own().unwrap().x > 200.0 && scene.others().count() == 1);
//! }
//! assert_eq!(world.total(|stats| stats.players), 2);
//! ```
//!
//! # What a test can do
//! | call | for |
//! |---|---|
//! | [`World::with_work`] | jobs of the game |
//! | [`World::join`], [`World::leave`], [`World::kick`] | clients come and go |
//! | [`World::pass`] | time passes; clients make their inputs |
//! | [`World::client`], [`World::client_mut`], [`World::news`] | what a client shows, asks, tells and hears |
//! | [`World::game`], [`World::act`], [`World::stats`] | what the server knows and does |
//! | [`World::cut`], [`World::restore`], [`World::move_address`], [`World::set_network`] | what the network does to clients |
//! | [`World::drain`], [`World::stop`] | the end of the server |
//! | [`World::join_raw`] | a client that sends what the test tells it: [`RawClient`] |
//!
//! # How time passes
//! The clock advances by milliseconds. In each millisecond, every core turns once. Each client has 60 frames a second; clients
//! do not have them at the same moment. A client receives and sends only in a frame, as a game does, so a datagram may wait for
//! up to a frame before its client sees it.
//!
//! The cores have different addresses. A client reaches the same core as long as its address stays the same, as with a real
//! server, whose cores share a port.
//!
//! # The modules
//! | module | for |
//! |---|---|
//! | `world` | [`World`]: cores, clients, network and clock |
//! | `server` | the cores |
//! | `seat` | a client's link, address and frames |
//! | `player` | a client as a game has it |
//! | `raw` | [`RawClient`] |

#![forbid(unsafe_code)]

mod player;
mod raw;
mod seat;
mod server;
mod world;

pub use raw::{OwnSnapshot, RawClient, client_config};
pub use ringshard_client::{Client, Clock, News, Scene};
pub use ringshard_protocol::time::{Duration, Instant};
pub use server::endpoint_config;
pub use world::{World, core_address, small};

/// A seed for one of many: each part of a world has its own randomness.
fn seed_of(seed: u64, part: &str, number: usize) -> [u8; 32] {
    let number = (number as u64).to_le_bytes();
    ringshard_protocol::crypto::hmac_sha256(b"ringshard-testing", &[&seed.to_le_bytes(), &number, part.as_bytes()])
}
