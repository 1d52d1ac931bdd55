//! What gateways and servers share: how a gateway vouches for the address of a client
//! (PROTOCOL.md#forwarded-datagrams), and which players may use its relay (PROTOCOL.md#relays).

mod forwarded;
mod key;
mod relay_ticket;

pub use forwarded::Forwarded;
pub use key::{GATEWAY_MAC_BYTES, GatewayKey};
pub use relay_ticket::{RELAY_TICKET_BYTES, RELAY_TICKET_PUBLIC_BYTES, RelayTicket};
