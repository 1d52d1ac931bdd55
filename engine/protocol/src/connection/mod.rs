//! One connection, the same code at both endpoints: keys, sequences, heartbeat, channels, and delivery over a path.
//!
//! A connection opens and seals datagrams, reads and writes frames. It does not know where datagrams come from or go to.
//! Its driver hands in a datagram, a message or the time, then asks [`Connection::wants_datagram`] and lets
//! [`Connection::fill`] write.
//!
//! | modules | for |
//! |---|---|
//! | `state`, `config`, `resources` | the connection itself, and what it is made with |
//! | `sealing`, `padding`, `prologue`, `keys`, `rekeying` | datagrams and their keys |
//! | `receiving`, `frame_cost`, `key_agreements` | what frames do, and what they cost |
//! | `sending`, `transport`, `token_bucket`, `quality` | what leaves, and when |
//! | `channels`, `send_channel`, `receive_channel`, `windows`, `reassembly`, `fragment_bitmap`, `compression` | messages |
//! | `ack_timing`, `recovery`, `congestion`, `mtu_discovery` | the path |
//! | `heartbeat`, `control_frames`, `integrity` | what the endpoints tell each other about the connection |

mod ack_timing;
mod channels;
mod compression;
mod config;
mod congestion;
mod control_frames;
mod fragment_bitmap;
mod frame_cost;
mod heartbeat;
mod integrity;
mod key_agreements;
mod keys;
mod mtu_discovery;
mod padding;
mod prologue;
mod quality;
mod reassembly;
mod receive_channel;
mod receiving;
mod recovery;
mod rekeying;
mod resources;
mod sealing;
mod send_channel;
mod sending;
mod shrink;
mod state;
mod token_bucket;
mod transport;
mod windows;

pub(crate) use channels::Channels;
pub use compression::Compressor;
pub use config::{ConnectionConfig, TransportConfig};
pub use congestion::CongestionControl;
pub use heartbeat::HeartbeatConfig;
pub use integrity::ConnectionEvent;
pub use keys::{Role, TrafficSecrets};
pub use padding::sealed_len;
pub use prologue::prologue;
pub use quality::ChannelQuality;
pub use receiving::Ingested;
pub use resources::{Resources, draw_secret};
pub use sealing::{KeyExhausted, Refused, nonce};
pub use sending::{SendError, UnreliableFrames};
pub use state::Connection;
