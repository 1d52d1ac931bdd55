//! Messages about downloads, kinds 21 to 25 (PROTOCOL.md#downloads).
//!
//! A client opens a resource by its name, fetches ranges of it, and gets them in pieces. Each message has one encoding, and
//! the readers refuse all other bytes.

use super::kinds::{FETCH, OPEN, OPENED, PIECE, STOP};
use crate::limits::{FETCH_BYTES_MAX, PIECE_BYTES_MAX, RESOURCE_NAME_BYTES_MAX};

/// Bytes of a Piece before its content.
pub const PIECE_HEADER_BYTES: usize = 13;
/// Bytes of a Piece at most.
pub const PIECE_MESSAGE_BYTES_MAX: usize = PIECE_HEADER_BYTES + PIECE_BYTES_MAX;

/// A SHA-256 of a resource's content.
pub type Hash = [u8; 32];
/// An Ed25519 signature over [`signed_bytes`]. All zeros: the resource is not signed.
pub type Signature = [u8; 64];
/// The signature of a resource that is not signed.
pub const UNSIGNED: Signature = [0; 64];

/// What clients send about downloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FromClient<'a> {
    /// Asks what a name stands for.
    Open {
        /// The client's number of the download.
        download: u32,
        /// A resource's name, `sha256/HEX`, or `tile/SET/Z/X/Y`.
        name: &'a str,
    },
    /// Asks for a range.
    Fetch {
        /// The client's number of the download.
        download: u32,
        /// The content that the client has begun to download.
        hash: Hash,
        /// First byte of the range.
        offset: u64,
        /// Bytes of the range, 1 to [`FETCH_BYTES_MAX`].
        length: u32,
    },
    /// Ends a download. The server sends no more of it.
    Stop {
        /// The client's number of the download.
        download: u32,
    },
}

/// What servers send about downloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FromServer<'a> {
    /// Says what a name stands for, or why the download cannot begin or go on.
    Opened(Opened),
    /// A part of a range.
    Piece {
        /// The client's number of the download.
        download: u32,
        /// Where the bytes lie in the content.
        offset: u64,
        /// 1 to [`PIECE_BYTES_MAX`] bytes.
        bytes: &'a [u8],
    },
}

/// Says what a name stands for, or why the download cannot begin or go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The client's number of the download.
    pub download: u32,
    /// 200, or why there is nothing to fetch. Each other status ends the download, whenever it arrives.
    pub status: u16,
    /// When to ask again, in ms. Only with 429 and 503.
    pub wait: u32,
    /// SHA-256 of the content.
    pub hash: Hash,
    /// Bytes of the content.
    pub size: u64,
    /// Over [`signed_bytes`]; [`UNSIGNED`] if there is none.
    pub signature: Signature,
}

impl Opened {
    /// A refusal: `wait` is in ms.
    pub const fn refusal(download: u32, status: u16, wait: u32) -> Opened {
        Opened { download, status, wait, hash: [0; 32], size: 0, signature: UNSIGNED }
    }
}

/// Why the bytes are not a message about downloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// The first byte is another kind.
    #[error("not a message about downloads from this side")]
    OtherKind,
    /// The length does not fit the kind.
    #[error("wrong length")]
    Length,
    /// [`check_name`] refuses the name.
    #[error("the name of the resource is invalid: {0}")]
    Name(#[from] BadName),
    /// A Fetch with an invalid length, or past the largest offset.
    #[error("the range is empty, too long, or ends past the largest offset")]
    Range,
}

/// Why a text is not the name of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadName {
    /// No bytes, or too many.
    #[error("a name has 1 to {RESOURCE_NAME_BYTES_MAX} bytes")]
    Length,
    /// A byte that names do not have.
    #[error("a name has only a-z, A-Z, 0-9, and . _ - /")]
    Character,
    /// An empty part, or one of dots alone.
    #[error("no part of a name between slashes is empty, `.` or `..`")]
    Part,
}

/// Checks the name of a resource.
///
/// # Errors
/// [`BadName`].
pub fn check_name(name: &str) -> Result<(), BadName> {
    if name.is_empty() || name.len() > RESOURCE_NAME_BYTES_MAX {
        return Err(BadName::Length);
    }
    if !name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-/".contains(&it)) {
        return Err(BadName::Character);
    }
    match name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        true => Err(BadName::Part),
        false => Ok(()),
    }
}

/// The bytes that a signature covers: `ringshard resource 1`, the name, the size as a u64, and the hash.
///
/// Size and hash have a fixed length, so no two resources have the same bytes.
pub fn signed_bytes(name: &str, size: u64, hash: &Hash) -> Vec<u8> {
    [b"ringshard resource 1", name.as_bytes(), &size.to_le_bytes(), hash].concat()
}

/// The hash that a name of the form `sha256/HEX` stands for; None for any other name.
pub fn hash_of_name(name: &str) -> Option<Hash> {
    let digits = name.strip_prefix("sha256/")?.as_bytes();
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(hash)
}

impl<'a> FromClient<'a> {
    /// Appends the message to `out`.
    ///
    /// # Panics
    /// If the name or the range breaks its bounds.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            FromClient::Open { download, name } => {
                assert!(check_name(name).is_ok(), "{name:?} is no name of a resource");
                head(out, OPEN, download);
                // At most 127 bytes: the varint is one byte.
                out.push(name.len() as u8);
                out.extend_from_slice(name.as_bytes());
            }
            FromClient::Fetch { download, hash, offset, length } => {
                assert!(is_range(offset, length), "{length} bytes from {offset} are no range to fetch");
                head(out, FETCH, download);
                out.extend_from_slice(&hash);
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(&length.to_le_bytes());
            }
            FromClient::Stop { download } => head(out, STOP, download),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&kind, mut rest) = bytes.split_first().ok_or(Malformed::Length)?;
        if !matches!(kind, OPEN | FETCH | STOP) {
            return Err(Malformed::OtherKind);
        }
        let download = u32::from_le_bytes(take(&mut rest)?);
        let message = match kind {
            OPEN => {
                let [length] = take(&mut rest)?;
                let name = std::mem::take(&mut rest);
                if name.len() != usize::from(length) {
                    return Err(Malformed::Length);
                }
                let name = str::from_utf8(name).map_err(|_| BadName::Character)?;
                check_name(name)?;
                FromClient::Open { download, name }
            }
            FETCH => {
                let (hash, offset, length) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
                let (offset, length) = (u64::from_le_bytes(offset), u32::from_le_bytes(length));
                if !is_range(offset, length) {
                    return Err(Malformed::Range);
                }
                FromClient::Fetch { download, hash, offset, length }
            }
            _ => FromClient::Stop { download },
        };
        if rest.is_empty() { Ok(message) } else { Err(Malformed::Length) }
    }
}

impl<'a> FromServer<'a> {
    /// Appends the message to `out`.
    ///
    /// # Panics
    /// If a Piece has no bytes, or too many.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            FromServer::Opened(Opened { download, status, wait, hash, size, signature }) => {
                head(out, OPENED, download);
                out.extend_from_slice(&status.to_le_bytes());
                out.extend_from_slice(&wait.to_le_bytes());
                out.extend_from_slice(&hash);
                out.extend_from_slice(&size.to_le_bytes());
                out.extend_from_slice(&signature);
            }
            FromServer::Piece { download, offset, bytes } => {
                assert!((1..=PIECE_BYTES_MAX).contains(&bytes.len()), "{} bytes are no piece", bytes.len());
                head(out, PIECE, download);
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&kind, mut rest) = bytes.split_first().ok_or(Malformed::Length)?;
        if !matches!(kind, OPENED | PIECE) {
            return Err(Malformed::OtherKind);
        }
        let download = u32::from_le_bytes(take(&mut rest)?);
        if kind == PIECE {
            let offset = u64::from_le_bytes(take(&mut rest)?);
            return match (1..=PIECE_BYTES_MAX).contains(&rest.len()) {
                true => Ok(FromServer::Piece { download, offset, bytes: rest }),
                false => Err(Malformed::Length),
            };
        }
        let opened = Opened {
            download,
            status: u16::from_le_bytes(take(&mut rest)?),
            wait: u32::from_le_bytes(take(&mut rest)?),
            hash: take(&mut rest)?,
            size: u64::from_le_bytes(take(&mut rest)?),
            signature: take(&mut rest)?,
        };
        if rest.is_empty() { Ok(FromServer::Opened(opened)) } else { Err(Malformed::Length) }
    }
}

fn head(out: &mut Vec<u8>, kind: u8, download: u32) {
    out.push(kind);
    out.extend_from_slice(&download.to_le_bytes());
}

fn is_range(offset: u64, length: u32) -> bool {
    (1..=FETCH_BYTES_MAX).contains(&length) && offset.checked_add(u64::from(length)).is_some()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (field, after) = rest.split_first_chunk().ok_or(Malformed::Length)?;
    *rest = after;
    Ok(*field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9_-]{1,20}(/[a-zA-Z0-9_-]{1,20}){0,4}"
    }

    proptest! {
        #[test]
        fn what_a_client_writes_is_read_again_and_no_part_of_it_is_a_message(
            name in name(), download: u32, hash: [u8; 32], offset in 0..u64::MAX - u64::from(FETCH_BYTES_MAX),
            length in 1..=FETCH_BYTES_MAX,
        ) {
            let mut bytes = Vec::new();
            for message in [
                FromClient::Open { download, name: &name },
                FromClient::Fetch { download, hash, offset, length },
                FromClient::Stop { download },
            ] {
                bytes.clear();
                message.write(&mut bytes);
                prop_assert_eq!(FromClient::read(&bytes), Ok(message));
                for end in 0..bytes.len() {
                    prop_assert!(FromClient::read(&bytes[..end]).is_err());
                }
                bytes.push(b'a');
                prop_assert!(FromClient::read(&bytes).is_err());
            }
        }

        #[test]
        fn what_a_server_writes_is_read_again(
            download: u32, status: u16, wait: u32, hash: [u8; 32], size: u64,
            content in proptest::collection::vec(any::<u8>(), 1..=PIECE_BYTES_MAX),
        ) {
            let opened = Opened { download, status, wait, hash, size, signature: [7; 64] };
            let piece = FromServer::Piece { download, offset: size, bytes: &content };
            let mut bytes = Vec::new();
            for message in [FromServer::Opened(opened), piece] {
                bytes.clear();
                message.write(&mut bytes);
                prop_assert_eq!(FromServer::read(&bytes), Ok(message));
            }
        }

        #[test]
        fn whatever_is_read_is_written_with_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            let mut again = Vec::new();
            if let Ok(message) = FromClient::read(&bytes) {
                message.write(&mut again);
                prop_assert_eq!(&again, &bytes);
            }
            again.clear();
            if let Ok(message) = FromServer::read(&bytes) {
                message.write(&mut again);
                prop_assert_eq!(&again, &bytes);
            }
        }
    }

    #[test]
    fn ranges_without_bytes_with_too_many_or_past_the_largest_offset_are_refused() {
        let fetch = |offset: u64, length: u32| {
            let mut bytes = vec![FETCH, 1, 0, 0, 0];
            bytes.extend_from_slice(&[0; 32]);
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            FromClient::read(&bytes).err()
        };
        assert_eq!(fetch(0, 0), Some(Malformed::Range));
        assert_eq!(fetch(0, FETCH_BYTES_MAX), None);
        assert_eq!(fetch(0, FETCH_BYTES_MAX + 1), Some(Malformed::Range));
        assert_eq!(fetch(u64::MAX, 1), Some(Malformed::Range));
        assert_eq!(fetch(u64::MAX - 1, 1), None);
    }

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for name in ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".", "a\\b", "a b", "a\0", "é", &"a".repeat(128)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["a", "maps/north.ringmap", "..a", "tile/world/3/2/1", &"a".repeat(127)] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn a_hash_is_named_by_lower_case_digits_only() {
        let digits = "0123456789abcdef".repeat(4);
        let hash = hash_of_name(&format!("sha256/{digits}")).unwrap();
        assert_eq!(hash[..8], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!(hash_of_name(&format!("sha256/{}", digits.to_uppercase())), None);
        assert_eq!(hash_of_name(&format!("sha256/{}", &digits[1..])), None);
        assert_eq!(hash_of_name(&digits), None);
    }
}
