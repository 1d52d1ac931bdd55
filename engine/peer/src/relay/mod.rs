//! A relay carries datagrams between players that find no direct path (PROTOCOL.md#relays).
//!
//! A player with a ticket opens a channel at a relay, and tells its peers. They send to the channel; the player answers each
//! of them through it. A relay sends only to addresses that have sent to it first. It has one port for all, at an IPv4 address,
//! an IPv6 address or both: the owner and its guests need not be of one family.

mod client;
mod server;

pub use self::client::RelayConfig;
#[cfg(test)]
pub(crate) use self::client::vectors;
pub(crate) use self::client::{RelayClient, RelayNews};
pub use self::server::{Relay, RelayLimits, RelayStats};

use crate::address::{ADDRESS_BYTES, from_wire, to_wire};
use crate::limits::RELAY_BYTES_MAX;
use std::net::SocketAddr;

/// Bytes 4..8 of every datagram to and from a relay.
pub(crate) const MAGIC: [u8; 4] = *b"Rlay";
/// Kind 1, zeros 3, magic 4, channel 8.
pub(crate) const HEADER_BYTES: usize = 16;
const _: () = assert!(RELAY_BYTES_MAX == HEADER_BYTES + ADDRESS_BYTES);

/// Names a channel of a relay. Its owner and the owner's peers know it, and nobody else.
pub(crate) type ChannelName = [u8; 8];

/// A channel at one address of a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChannelAt {
    pub(crate) relay: SocketAddr,
    pub(crate) name: ChannelName,
}

const REGISTER: u8 = 1;
const COOKIE: u8 = 2;
const REGISTERED: u8 = 3;
const TO_OWNER: u8 = 4;
const FROM_GUEST: u8 = 5;
const TO_GUEST: u8 = 6;
const FROM_OWNER: u8 = 7;

/// Size of a Register: ticket's public half 16, cookie 16, MAC 16 behind the header.
const REGISTER_BYTES: usize = HEADER_BYTES + 48;
/// Size of a Cookie.
const COOKIE_BYTES: usize = HEADER_BYTES + 16;
/// Size of a Registered: instance 8, address 18, MAC 16 behind the header.
const REGISTERED_BYTES: usize = HEADER_BYTES + 8 + ADDRESS_BYTES + 16;

/// Whether a datagram is one to or from a relay.
pub fn is_relayed(datagram: &[u8]) -> bool {
    datagram.get(4..8) == Some(&MAGIC)
}

/// Whether a datagram is a Register: it asks for a channel, which costs a relay more than others.
pub fn is_register(datagram: &[u8]) -> bool {
    is_relayed(datagram) && datagram[0] == REGISTER
}

fn write_header(to: &mut [u8], kind: u8, channel: &ChannelName) {
    to[..4].copy_from_slice(&[kind, 0, 0, 0]);
    to[4..8].copy_from_slice(&MAGIC);
    to[8..HEADER_BYTES].copy_from_slice(channel);
}

/// Kind, channel and the rest.
fn read_header(datagram: &[u8]) -> Option<(u8, ChannelName, &[u8])> {
    let (header, rest) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    let [kind, 0, 0, 0, magic @ .., _, _, _, _, _, _, _, _] = *header else { return None };
    (magic == MAGIC).then(|| (kind, *header.last_chunk().expect("a header has 16 bytes"), rest))
}

fn split_address(bytes: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (address, rest) = bytes.split_first_chunk::<ADDRESS_BYTES>()?;
    Some((from_wire(address), rest))
}

/// Writes a datagram that is carried; returns its size. None if it does not fit.
fn write_carried(
    to: &mut [u8],
    kind: u8,
    channel: &ChannelName,
    address: Option<SocketAddr>,
    datagram: &[u8],
) -> Option<usize> {
    let start = HEADER_BYTES + address.map_or(0, |_| ADDRESS_BYTES);
    let len = start + datagram.len();
    let to = to.get_mut(..len)?;
    write_header(to, kind, channel);
    if let Some(address) = address {
        to[HEADER_BYTES..start].copy_from_slice(&to_wire(address));
    }
    to[start..].copy_from_slice(datagram);
    Some(len)
}

/// Writes a datagram for the owner of a channel; returns its size.
pub(crate) fn write_to_owner(to: &mut [u8], channel: &ChannelName, datagram: &[u8]) -> Option<usize> {
    write_carried(to, TO_OWNER, channel, None, datagram)
}

/// Writes a datagram of the owner of a channel for a guest; returns its size.
pub(crate) fn write_to_guest(
    to: &mut [u8],
    channel: &ChannelName,
    guest: SocketAddr,
    datagram: &[u8],
) -> Option<usize> {
    write_carried(to, TO_GUEST, channel, Some(guest), datagram)
}

/// What came from a relay beside the answers to a Register.
pub(crate) enum Carried {
    /// The datagram behind the header is of a guest of the own channel.
    FromGuest(ChannelName, SocketAddr),
    /// The datagram behind the header is of the owner of a channel.
    FromOwner(ChannelName),
}

/// Reads what a relay has carried, and where the datagram begins.
pub(crate) fn read_carried(datagram: &[u8]) -> Option<(Carried, usize)> {
    let (kind, channel, rest) = read_header(datagram)?;
    match kind {
        FROM_OWNER => Some((Carried::FromOwner(channel), HEADER_BYTES)),
        FROM_GUEST => {
            let (guest, _) = split_address(rest)?;
            Some((Carried::FromGuest(channel, guest), HEADER_BYTES + ADDRESS_BYTES))
        }
        _ => None,
    }
}
