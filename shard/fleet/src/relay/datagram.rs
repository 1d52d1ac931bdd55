//! What a node sees of the datagrams of clients and hosts: their heads. The rest is sealed.

use ringshard_protocol::limits::{CONNECT_BYTES, DATAGRAM_BYTES_MAX, HEADER_BYTES};

/// Flags of encrypted datagrams (PROTOCOL.md#flags).
const ENCRYPTED: [u8; 4] = [1, 3, 5, 7];
/// Type of a ConnectionAccepted (PROTOCOL.md#unencrypted-packets).
const ACCEPTED: u8 = 2;

/// What a client sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClientDatagram {
    Connect,
    Encrypted,
}

impl ClientDatagram {
    /// None: no client sends this, whatever the version of its protocol.
    pub(super) fn of(datagram: &[u8]) -> Option<ClientDatagram> {
        if !(HEADER_BYTES..=DATAGRAM_BYTES_MAX).contains(&datagram.len()) || datagram[4] != 0 {
            return None;
        }
        match datagram[5] {
            0 if datagram.len() >= CONNECT_BYTES && datagram[HEADER_BYTES] == 0 => Some(ClientDatagram::Connect),
            flags if ENCRYPTED.contains(&flags) && datagram[1] != 0 => Some(ClientDatagram::Encrypted),
            _ => None,
        }
    }
}

/// Whether a host's datagram belongs to a session: a Cookie goes to everybody who asks.
pub(super) fn is_of_session(datagram: &[u8]) -> bool {
    datagram.len() > HEADER_BYTES
        && (ENCRYPTED.contains(&datagram[5]) || datagram[5] == 0 && datagram[HEADER_BYTES] == ACCEPTED)
}
