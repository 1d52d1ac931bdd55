//! The layout of datagrams and frames, one file per packet or concept.
//!
//! Nothing here knows a key, a connection's state or a clock. Every decoder takes any bytes and returns a value or
//! [`Malformed`]; none allocates or panics. The normative text is `PROTOCOL.md`.

mod accepted;
pub mod ack;
mod channel;
mod connect;
mod cookie;
mod denied;
mod disconnect;
mod envelope;
mod fragment;
mod frame;
mod frame_reader;
mod frame_writer;
mod header;
mod id;
mod unencrypted;

pub use accepted::{Accepted, ConnectionParameters};
pub use ack::Ack;
pub use channel::{Channel, Delivery};
pub use connect::{Connect, NOISE_MESSAGE_1_BYTES, Options};
pub use cookie::Cookie;
pub use denied::{Denied, DeniedReason};
pub use disconnect::DisconnectReason;
pub use fragment::Fragment;
pub use frame::{Frame, INTEGRITY_NAME_BYTES, INTEGRITY_NONCE_BYTES, IntegrityFrame, NUMBER_BYTES, REKEY_NAME_BYTES};
pub(crate) use frame_reader::mark_consumed;
pub use frame_reader::{Frames, Message, Messages};
pub use frame_writer::FrameWriter;
pub use header::{Flags, Header, flags};
pub use id::ConnectionId;
pub use unencrypted::{UnencryptedPacket, decode_unencrypted};

/// Why bytes are not a valid packet or frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the message has.
    #[error("too short")]
    TooShort,
    /// More bytes than the message has, or than a datagram may have.
    #[error("too long")]
    TooLong,
    /// The CRC32C of an unencrypted packet does not match.
    #[error("checksum does not match")]
    Checksum,
    /// No unencrypted packet has this type.
    #[error("unknown packet type")]
    UnknownType,
    /// A flag, channel or field has a value that the protocol does not define.
    #[error("unknown value")]
    UnknownValue,
}
