//! Rollback for matches of 2 to 8 players: fighting games, sports, anything in which players touch each other all the time.
//!
//! All players of a match share one state, and one step moves all of them. Every client runs that step, and does not wait for
//! the others: it predicts what they do. Once the server says what they did, the client steps the ticks again that it
//! predicted wrong.
//!
//! The server takes one input per player and tick (PROTOCOL.md#input); if it is missing, it repeats the last one. Then it
//! tells all clients which inputs it took. So all agree about the inputs, and a slow client delays nobody. The server can step
//! the match, too. Then it gives its state to clients that have lost theirs, and nobody can cheat with it.
//!
//! | type | is |
//! |---|---|
//! | [`Together`] | what a game implements: state, input, step |
//! | [`Session`] | a client's half |
//! | [`Match`] | the server's half |
//! | [`Packet`] | what they send each other, in the game's `Event` |
//!
//! # The client
//! ```
//! use ringshard_rollback::{Inputs, Packet, Session, SessionConfig, Together};
//! use ringshard_world::wire;
//!
//! wire! {
//!     pub struct Input { pub right: i8 }
//!     pub struct Race { pub at: [i32; 2] }
//!     // The game's event.
//!     pub enum Event { Together { packet: Packet }, Cheered }
//! }
//!
//! struct Racing;
//!
//! impl Together for Racing {
//!     type State = Race;
//!     type Input = Input;
//!     const SEATS: usize = 2;
//!
//!     fn step_together(&self, race: &mut Race, inputs: &Inputs<Input>) {
//!         for (at, input) in race.at.iter_mut().zip(inputs.all()) {
//!             *at += i32::from(input.right);
//!         }
//!     }
//! }
//!
//! let mut session = Session::new(Racing, SessionConfig::default());
//! # let (news, input, tick) = (Vec::<Event>::new(), Input { right: 1 }, 7);
//! // In a frame: take the packets among the news ...
//! for event in news {
//!     if let Event::Together { packet } = event {
//!         let _ = session.take(&packet);
//!     }
//! }
//! // ... advance where the client asks for an input, which is for `scene.tick() + 1` ...
//! session.advance(tick, &input);
//! // ... report, unreliably ...
//! if let Some(packet) = session.report() {
//!     let event = Event::Together { packet };
//! #   let _ = event;
//! }
//! // ... and draw.
//! if let Some(race) = session.state() {
//!     println!("{:?}", race.at);
//! }
//! ```
//!
//! # The server
//! The game keeps its matches, and calls them:
//!
//! | in | call |
//! |---|---|
//! | `Game::tick`, when enough players wait | [`Match::begin`] with `shard.tick()` |
//! | `Game::stepped` | [`Match::taken`] |
//! | `Game::tick` | [`Match::tick`], which hands out packets: `shard.tell` them |
//! | `Game::event` | [`Match::report`] |
//! | `Game::suspended`, `resumed`, `leave` | the same of the match |
//!
//! All players of a match must be on one core.
//!
//! # Limits
//! The inputs of all seats in a tick fit one packet: an input has at most 26 bytes with 8 seats. A state has at most
//! [`STATE_BYTES_MAX`] bytes. Each player gets at most two packets of inputs per tick, and a state at most every two seconds.
//! A client that is more than [`HISTORY`] ticks behind gets the state.
//!
//! # The modules
//! | module | for | may use |
//! |---|---|---|
//! | `packet` | bytes in an event | |
//! | `together` | the trait, and the inputs of a tick | `packet` |
//! | [`messages`] | the content of packets | `packet`, `together` |
//! | `ticks` | ticks that do not wrap | |
//! | `digest` | bytes of a state, and their digest | |
//! | `session` | the client's half | all of the above |
//! | `arbiter` | the server's half | all of the above |
//!
//! The crate does no I/O and reads no clock.

#![forbid(unsafe_code)]

mod arbiter;
mod digest;
pub mod messages;
mod packet;
mod session;
mod ticks;
mod together;

pub use arbiter::{CHECK_EVERY_MIN, Match, MatchConfig, MatchStats, Refused};
pub use messages::Difference;
pub use packet::{PACKET_BYTES_MAX, Packet};
pub use session::{DELAY_MAX, PREDICTION_MAX, Progress, Session, SessionConfig, SessionStats, Taken};
pub use ticks::HISTORY;
pub use together::{Inputs, SEATS_MAX, SEATS_MIN, STATE_BYTES_MAX, Together};
