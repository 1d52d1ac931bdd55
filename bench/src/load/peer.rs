//! One client of the generator: with the protocol, or without it for the floor.

use crate::scenario::PAYLOAD_BYTES_MIN;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

/// The header of each message.
///
/// ```text
/// | intended send time u64 | measured u8 | zeros 3 | sender u32 |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageHeader {
    /// When it was due: delay in the generator counts as latency.
    pub intended: Instant,
    /// Whether it counts.
    pub measured: bool,
    /// The peer that sent it.
    pub sender: u32,
}

impl MessageHeader {
    pub fn write(&self, payload: &mut [u8]) {
        payload[..8].copy_from_slice(&self.intended.as_nanos().to_le_bytes());
        payload[8] = self.measured.into();
        payload[12..16].copy_from_slice(&self.sender.to_le_bytes());
    }

    pub fn read(payload: &[u8]) -> Option<Self> {
        let front = payload.first_chunk::<PAYLOAD_BYTES_MIN>()?;
        Some(MessageHeader {
            intended: Instant::from_nanos(u64::from_le_bytes(*front.first_chunk()?)),
            measured: front[8] != 0,
            sender: u32::from_le_bytes(*front.last_chunk()?),
        })
    }
}

/// How a peer sends.
#[allow(clippy::large_enum_variant, reason = "peers are stored side by side, so that they can be prefetched")]
pub enum Transport {
    /// With the whole protocol.
    Protocol(Client),
    /// Plain datagrams.
    Plain,
}

pub struct Peer {
    pub transport: Transport,
    pub path: Path,
    pub in_flight: u32,
    pub last_sent: Instant,
}

impl Peer {
    /// Prefetches what sending needs beside the peer itself.
    #[inline]
    pub fn prefetch_frames(&self) {
        if let Transport::Protocol(client) = &self.transport {
            client.prefetch_frames();
        }
    }

    /// Sends one payload. Returns false if the link has no room; then nothing was sent.
    pub fn send(&mut self, now: Instant, payload: &[u8], link: &mut impl Link) -> bool {
        match &mut self.transport {
            Transport::Plain => match link.reserve(self.path, payload.len()) {
                Some(room) => {
                    room.copy_from_slice(payload);
                    true
                }
                None => false,
            },
            Transport::Protocol(client) => {
                client.send(now, Channel::UNRELIABLE, payload).is_ok() && transmit(client, now, self.path, link)
            }
        }
    }

    /// Advances the client's timers, and sends what is due.
    pub fn advance(&mut self, now: Instant, link: &mut impl Link) {
        if let Transport::Protocol(client) = &mut self.transport {
            client.advance(now);
            transmit(client, now, self.path, link);
        }
    }

    /// The next event of its connection.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        match &mut self.transport {
            Transport::Protocol(client) => client.poll_event(),
            Transport::Plain => None,
        }
    }
}

/// Sends what is queued. Returns false if the link has no room; the rest stays queued.
fn transmit(client: &mut Client, now: Instant, path: Path, link: &mut impl Link) -> bool {
    while let Some(len) = client.transmit_len(now) {
        let Some(room) = link.reserve(path, len) else { return false };
        client.transmit(now, room);
    }
    true
}
