//! One connection, the same code at both endpoints: keys, sequences, heartbeat, channels, and delivery over a path.
//!
//! A connection opens and seals datagrams, reads and writes frames. It does not know where datagrams come from or go
//! to. Its driver hands in a datagram, a message or the time, then asks [`Connection::wants_datagram`] and lets
//! [`Connection::fill`] write.
//!
//! | module | for |
//! |---|---|
//! | `state`, `config`, `resources` | the connection itself, and what it is made with |
//! | `sealing`, `padding`, `prologue`, `keys`, `rekeying` | datagrams and their keys |
//! | `receiving`, `frame_cost`, `key_agreements` | what frames do, and what they cost |
//! | `sending`, `compression`, `token_bucket` | what leaves, and when |
//! | `channels` | messages: order, windows, reassembly, priorities and rates |
//! | `transport` | ack-eliciting data over a path: acknowledgments, recovery, congestion control, MTU discovery |
//! | `heartbeat`, `control_frames`, `integrity` | what the endpoints tell each other about the connection |

mod channels;
mod compression;
mod config;
mod control_frames;
mod frame_cost;
mod heartbeat;
mod integrity;
mod key_agreements;
mod keys;
mod padding;
mod prologue;
mod receiving;
mod rekeying;
mod resources;
mod sealing;
mod sending;
mod shrink;
mod state;
mod token_bucket;
mod transport;

pub use channels::ChannelQuality;
pub(crate) use channels::Channels;
pub use channels::TransferError;
pub use compression::Compressor;
pub use config::ConnectionConfig;
pub use heartbeat::HeartbeatConfig;
pub use integrity::ConnectionEvent;
pub use keys::{Role, TrafficSecrets};
pub use padding::sealed_len;
pub use prologue::prologue;
pub use receiving::Ingested;
pub use resources::{Resources, draw_secret};
pub use sealing::{KeyExhausted, Refused, nonce};
pub use sending::{SendError, UnreliableFrames};
pub use state::Connection;
pub use transport::{CongestionControl, TransportConfig};
