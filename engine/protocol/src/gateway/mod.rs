//! What gateways and servers share: how a gateway vouches for the address of a client
//! (PROTOCOL.md#forwarded-datagrams).

mod forwarded;
mod key;

pub use forwarded::Forwarded;
pub use key::{GATEWAY_MAC_BYTES, GatewayKey};
