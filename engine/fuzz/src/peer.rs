//! The peer of the end under test. It has the keys, so it can seal datagrams that no honest peer would send.

use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Refused, Resources, Role, TransportConfig, sealed_len,
};
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::crypto::noise::Secrets;
use ringshard_protocol::crypto::{Suite, Suites};
use ringshard_protocol::limits::*;
use ringshard_protocol::stats::Drops;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::*;

/// The only suite, so that handshakes differ only by the input.
pub(crate) const SUITE: Suite = Suite::ChaCha20Poly1305;
pub(crate) const HEARTBEAT: HeartbeatConfig = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };

pub(crate) fn suites() -> Suites {
    Suites::only(&[SUITE])
}

pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) resources: Resources,
}

impl Peer {
    pub(crate) fn new(id: ConnectionId, role: Role, secrets: Secrets, now: Instant) -> Self {
        let transport = TransportConfig::default();
        let config = ConnectionConfig { id, role, suite: SUITE, secrets, heartbeat: HEARTBEAT, transport };
        let mut resources = Resources::new(0, Csprng::from_seed([9; 32]));
        Peer { connection: Connection::new(config, now, &mut resources.random), resources }
    }

    /// A datagram with these bytes as its frames.
    pub(crate) fn seal(&mut self, frames: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; sealed_len(frames.len())];
        let sequence = self.connection.begin_datagram(&mut self.resources.random);
        self.connection.seal(sequence, frames, &mut datagram).expect("the key is far from exhausted");
        datagram
    }

    /// Opens a datagram of the end under test, whose frames must be well-formed, without reading its frames.
    pub(crate) fn open<'a>(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Result<&'a mut [u8], Refused> {
        let opened = self.connection.open(now, header, datagram)?;
        assert!(Frames::new(opened).all(|frame| !matches!(frame, Frame::Bad | Frame::BadAck)));
        Ok(opened)
    }
}

/// Whether a frame may end the connection, after which another handshake is needed.
pub(crate) fn may_end(frame: &Frame<'_>) -> bool {
    const NUMBER_MAX: u16 = 256;
    match *frame {
        Frame::Disconnect(_) | Frame::Compressed(..) | Frame::Ack(_) | Frame::BadAck => true,
        // The peer does not follow to another connection id, or to other keys.
        Frame::NewId(_) | Frame::RekeyResponse { .. } => true,
        Frame::Message(channel, body) if channel.delivery().is_reliable() => {
            body.first_chunk().is_some_and(|number| u16::from_le_bytes(*number) >= NUMBER_MAX)
        }
        Frame::Fragment(fragment) => fragment.channel.delivery().is_reliable() && fragment.number >= NUMBER_MAX,
        _ => false,
    }
}

pub(crate) fn total(drops: &Drops) -> u64 {
    drops.entries().map(|(_, count)| count).sum()
}
