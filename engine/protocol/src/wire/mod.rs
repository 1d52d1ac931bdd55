//! Bytes only: what stands where in a datagram. A file per message.
//!
//! Nothing here knows a key, a connection's state or a clock. Every decoder takes any bytes and answers with a value
//! or a [`Malformed`]; none of them allocates or panics. The normative text is `PROTOCOL.md`.

mod accepted;
pub mod ack;
mod channel;
mod connect;
mod cookie;
mod denied;
mod envelope;
mod fragment;
mod frame;
mod header;
mod id;

pub use accepted::{Accepted, SessionParameters};
pub use ack::Ack;
pub use channel::{Channel, Delivery};
pub use connect::{Connect, NOISE_MESSAGE_1_BYTES, Options};
pub use cookie::Cookie;
pub use denied::{Denied, DeniedReason};
pub use envelope::{Cleartext, decode_cleartext};
pub use fragment::Fragment;
pub(crate) use frame::strike;
pub use frame::{
    DisconnectReason, Frame, FrameWriter, Frames, INTEGRITY_NAME_BYTES, INTEGRITY_NONCE_BYTES, IntegrityFrame, Message,
    Messages, NUMBER_BYTES, REKEY_NAME_BYTES,
};
pub use header::{Flags, Header, flags};
pub use id::ConnectionId;

/// Why bytes were not what they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the message has.
    #[error("too short")]
    TooShort,
    /// More bytes than the message has, or than a datagram may have.
    #[error("too long")]
    TooLong,
    /// The CRC32C of a packet outside encryption does not match.
    #[error("checksum does not match")]
    Checksum,
    /// A packet type that does not exist outside encryption.
    #[error("unknown packet type")]
    UnknownType,
    /// A flag, channel or field with a value that the protocol does not know.
    #[error("unknown value")]
    UnknownValue,
}
