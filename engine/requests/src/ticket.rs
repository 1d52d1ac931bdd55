//! The bytes of a ticket: what a client shows to enter the world as an account (PROTOCOL.md#tickets).
//!
//! This module neither signs nor verifies.

use std::ops::Range;

/// Version of the layout, the first byte.
pub const TICKET_VERSION: u8 = 1;
/// The signature covers these bytes, then those of the ticket before the signature.
pub const TICKET_PREFIX: &[u8] = b"ringshard ticket 1";
/// Longest name, in bytes of UTF-8.
pub const TICKET_NAME_BYTES_MAX: usize = 32;
/// Longest ticket, in bytes.
pub const TICKET_BYTES_MAX: usize = TICKET_BYTES_MIN + TICKET_NAME_BYTES_MAX;
/// Shortest ticket, in bytes: one with an empty name.
pub const TICKET_BYTES_MIN: usize = 1 + 8 + 32 + 8 + 1 + 8 + 8 + 16 + SIGNATURE_BYTES;
/// Bytes of the signature, Ed25519.
const SIGNATURE_BYTES: usize = 64;

/// Fields of a ticket, without its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketFields<'a> {
    /// Which key signed it: the first 8 bytes of the SHA-256 of the issuer's public key.
    pub key_id: [u8; 8],
    /// Static public key of the server that it is for.
    pub server: [u8; 32],
    /// The account.
    pub account: u64,
    /// Name of the player; at most [`TICKET_NAME_BYTES_MAX`] bytes.
    pub name: &'a str,
    /// When it was made, in milliseconds since 1970.
    pub issued: u64,
    /// When it expires, in milliseconds since 1970.
    pub expires: u64,
    /// Random: makes the ticket unique and impossible to guess.
    pub secret: [u8; 16],
}

/// A ticket that was read.
pub struct TicketParts<'a> {
    /// The fields.
    pub fields: TicketFields<'a>,
    /// What the signature covers, after [`TICKET_PREFIX`].
    pub signed: &'a [u8],
    /// The signature.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

/// The bytes are not a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoTicket {
    /// Too few or too many bytes.
    #[error("the ticket has {0} bytes, but must have {TICKET_BYTES_MIN} to {TICKET_BYTES_MAX}, as its name has it")]
    Length(usize),
    /// Another version.
    #[error("the ticket has version {0}, but this program reads version {TICKET_VERSION}")]
    Version(u8),
    /// The name is too long, or not UTF-8.
    #[error("the name in the ticket is too long or no UTF-8")]
    Name,
    /// It expires before it was issued.
    #[error("the ticket expires before it was issued")]
    Times,
}

/// Reads the bytes before the name, and after it.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self, whole: usize) -> Result<&'a [u8; N], NoTicket> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(NoTicket::Length(whole))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, whole: usize) -> Result<u64, NoTicket> {
        Ok(u64::from_le_bytes(*self.take(whole)?))
    }
}

impl<'a> TicketFields<'a> {
    /// Appends the bytes that are signed.
    ///
    /// # Panics
    /// If the name is longer than [`TICKET_NAME_BYTES_MAX`].
    pub fn write(&self, to: &mut Vec<u8>) {
        assert!(self.name.len() <= TICKET_NAME_BYTES_MAX, "the name in a ticket is too long");
        to.push(TICKET_VERSION);
        to.extend_from_slice(&self.key_id);
        to.extend_from_slice(&self.server);
        to.extend_from_slice(&self.account.to_le_bytes());
        to.push(self.name.len() as u8);
        to.extend_from_slice(self.name.as_bytes());
        to.extend_from_slice(&self.issued.to_le_bytes());
        to.extend_from_slice(&self.expires.to_le_bytes());
        to.extend_from_slice(&self.secret);
    }
}

impl<'a> TicketParts<'a> {
    /// Reads a whole ticket. Each ticket has exactly one form, so that no second form of a used ticket passes as unused.
    ///
    /// # Errors
    /// [`NoTicket`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, NoTicket> {
        let whole = bytes.len();
        if !Self::LENGTHS.contains(&whole) {
            return Err(NoTicket::Length(whole));
        }
        let mut reader = Reader(bytes);
        let [version] = *reader.take(whole)?;
        if version != TICKET_VERSION {
            return Err(NoTicket::Version(version));
        }
        let (key_id, server) = (*reader.take(whole)?, *reader.take(whole)?);
        let account = reader.number(whole)?;
        let [length] = *reader.take(whole)?;
        if usize::from(length) > TICKET_NAME_BYTES_MAX {
            return Err(NoTicket::Name);
        }
        let (name, rest) = reader.0.split_at_checked(length.into()).ok_or(NoTicket::Length(whole))?;
        let name = std::str::from_utf8(name).map_err(|_| NoTicket::Name)?;
        reader.0 = rest;
        let (issued, expires) = (reader.number(whole)?, reader.number(whole)?);
        let secret = *reader.take(whole)?;
        let signed = &bytes[..whole - reader.0.len()];
        let signature = reader.take(whole)?;
        if !reader.0.is_empty() {
            return Err(NoTicket::Length(whole));
        }
        if expires < issued {
            return Err(NoTicket::Times);
        }
        let fields = TicketFields { key_id, server, account, name, issued, expires, secret };
        Ok(TicketParts { fields, signed, signature })
    }

    const LENGTHS: Range<usize> = TICKET_BYTES_MIN..TICKET_BYTES_MAX + 1;
}
