//! What a gateway reads of a datagram: the header, which is not encrypted (PROTOCOL.md#header).

use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};

/// A datagram that no correct client sends. The carrier closes the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misbehaved {
    /// Fewer than 14 or more than 1472 bytes.
    #[error("a datagram of {0} bytes: they have 14 to 1472")]
    Size(usize),
    /// A header that clients do not send.
    #[error("no header of a client's datagram")]
    Header,
}

/// The core and the slot of a connection id. A new id keeps both, so they name a connection all its life.
pub(crate) type ConnectionKey = [u8; 3];
/// A handshake tag.
pub(crate) type Tag = [u8; 8];

/// A datagram from a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FromClient {
    /// A Connect.
    Connect(Tag),
    /// An encrypted datagram of a connection.
    Encrypted(ConnectionKey),
}

/// A datagram from a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FromServer {
    /// An answer to a Connect: Cookie or ConnectionDenied.
    Answer(Tag),
    /// ConnectionAccepted.
    Accepted(Tag, ConnectionKey),
    /// An encrypted datagram of a connection.
    Encrypted(ConnectionKey),
}

/// Flags of encrypted datagrams (PROTOCOL.md#flags).
const ENCRYPTED: [u8; 4] = [1, 3, 5, 7];
/// Types of unencrypted packets (PROTOCOL.md#unencrypted-packets).
const CONNECT: u8 = 0;
const ACCEPTED: u8 = 2;
/// A Connect of any version has at least this many bytes.
const CONNECT_BYTES_MIN: usize = 144;

/// # Errors
/// A datagram that no correct client sends, whatever the version of its protocol.
pub(crate) fn from_client(datagram: &[u8]) -> Result<FromClient, Misbehaved> {
    if !(HEADER_BYTES..=DATAGRAM_BYTES_MAX).contains(&datagram.len()) {
        return Err(Misbehaved::Size(datagram.len()));
    }
    let (generation, channel, flags) = (datagram[1], datagram[4], datagram[5]);
    match flags {
        _ if channel != 0 => Err(Misbehaved::Header),
        0 if datagram.len() >= CONNECT_BYTES_MIN && datagram[HEADER_BYTES] == CONNECT => {
            Ok(FromClient::Connect(tag_of(datagram)))
        }
        flags if ENCRYPTED.contains(&flags) && generation != 0 => Ok(FromClient::Encrypted(key_of(datagram))),
        _ => Err(Misbehaved::Header),
    }
}

/// Whether a client's datagram is a Connect.
pub(crate) fn is_connect(datagram: &[u8]) -> bool {
    matches!(from_client(datagram), Ok(FromClient::Connect(_)))
}

/// None if no server sends this.
pub(crate) fn from_server(datagram: &[u8]) -> Option<FromServer> {
    if !(HEADER_BYTES..=DATAGRAM_BYTES_MAX).contains(&datagram.len()) {
        return None;
    }
    let (generation, flags) = (datagram[1], datagram[5]);
    match flags {
        0 if datagram[..4] == [0; 4] => Some(FromServer::Answer(tag_of(datagram))),
        0 if generation != 0 && datagram.get(HEADER_BYTES) == Some(&ACCEPTED) => {
            Some(FromServer::Accepted(tag_of(datagram), key_of(datagram)))
        }
        flags if ENCRYPTED.contains(&flags) && generation != 0 => Some(FromServer::Encrypted(key_of(datagram))),
        _ => None,
    }
}

/// # Panics
/// If the datagram is shorter than a header.
fn tag_of(datagram: &[u8]) -> Tag {
    datagram[6..HEADER_BYTES].try_into().expect("a tag has 8 bytes")
}

/// # Panics
/// If the datagram is shorter than a header.
fn key_of(datagram: &[u8]) -> ConnectionKey {
    [datagram[0], datagram[2], datagram[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(id: [u8; 4], flags: u8) -> Vec<u8> {
        let mut datagram = id.to_vec();
        datagram.extend([0, flags, 1, 2, 3, 4, 5, 6, 7, 8]);
        datagram.resize(144, 0);
        datagram
    }

    #[test]
    fn a_connect_is_known_by_its_tag_even_if_it_requests_a_core() {
        let connect = FromClient::Connect([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(from_client(&header([0; 4], 0)), Ok(connect));
        assert_eq!(from_client(&header([3, 0, 1, 0], 0)), Ok(connect));
    }

    #[test]
    fn a_new_id_of_a_connection_has_the_same_key() {
        let before = from_client(&header([3, 7, 1, 2], 5)).unwrap();
        assert_eq!(before, FromClient::Encrypted([3, 1, 2]));
        assert_eq!(from_client(&header([3, 8, 1, 2], 5)), Ok(before));
    }

    #[test]
    fn a_client_that_plays_server_or_sends_unknown_flags_misbehaves() {
        let mut answer = header([0; 4], 0);
        answer[14] = 1;
        assert_eq!(from_client(&answer), Err(Misbehaved::Header));
        assert_eq!(from_client(&header([0; 4], 0)[..143]), Err(Misbehaved::Header));
        for flags in (0..=255).filter(|flags| ![0, 1, 3, 5, 7].contains(flags)) {
            assert_eq!(from_client(&header([1, 1, 1, 1], flags)), Err(Misbehaved::Header), "flags {flags:#x}");
        }
        assert_eq!(from_client(&header([1, 0, 1, 1], 1)), Err(Misbehaved::Header), "generation 0");
        let mut channel = header([1, 1, 1, 1], 1);
        channel[4] = 1;
        assert_eq!(from_client(&channel), Err(Misbehaved::Header));
    }

    #[test]
    fn sizes_are_checked_first() {
        assert_eq!(from_client(&[0; 13]), Err(Misbehaved::Size(13)));
        assert_eq!(from_client(&[1; 1473]), Err(Misbehaved::Size(1473)));
        assert_eq!(from_server(&[0; 13]), None);
    }

    #[test]
    fn answers_and_acceptances_of_a_server_are_told_apart() {
        let tag = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(from_server(&header([0; 4], 0)), Some(FromServer::Answer(tag)));
        let mut accepted = header([2, 1, 9, 0], 0);
        accepted[14] = 2;
        assert_eq!(from_server(&accepted), Some(FromServer::Accepted(tag, [2, 9, 0])));
        assert_eq!(from_server(&header([2, 1, 9, 0], 0)), None, "a Connect comes from no server");
        assert_eq!(from_server(&header([2, 1, 9, 0], 3)), Some(FromServer::Encrypted([2, 9, 0])));
    }
}
