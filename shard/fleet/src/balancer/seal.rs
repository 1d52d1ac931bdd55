//! Signs what clients carry from one balancer to another: queue tickets, receipts of routes, passes of parties.
//!
//! A text is base64url without padding of: one byte that names the kind, the contents, and the first 16 bytes of the
//! HMAC-SHA256 of both. All balancers of a fleet have the same key.

use super::queue::Ticket;
use crate::model::Name;
use base64ct::{Base64UrlUnpadded, Encoding};
use ring::hmac;
use std::fmt;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
const TAG_BYTES: usize = 16;
/// Characters of a text. The longest is a pass to a host whose name has 63 bytes.
pub const TEXT_BYTES_MAX: usize = 160;

/// Signs and checks.
#[derive(Clone)]
pub struct Seal(hmac::Key);

/// A balancer sent this client to this host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Hash of the client's network.
    pub network: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The host.
    pub host: Name,
}

/// The host of a party.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pass {
    /// Hash of the party's name.
    pub party: u64,
    /// Members of the party.
    pub size: u32,
    /// Until when the pass counts, in milliseconds since 1970.
    pub until_ms: u64,
    /// The host.
    pub host: Name,
}

/// A text that no balancer of this fleet signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forged;

const TICKET: u8 = 1;
const RECEIPT: u8 = 2;
const PASS: u8 = 3;

impl Seal {
    /// Signs with this key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Seal {
        Seal(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A queue ticket as a text.
    pub fn ticket(&self, ticket: &Ticket) -> String {
        let Ticket { first_ms, leaves_ms, id, holder } = ticket;
        self.close(TICKET, &numbers(&[*first_ms, *leaves_ms, *id, *holder]))
    }

    /// A queue ticket from its text.
    ///
    /// # Errors
    /// It is forged.
    pub fn open_ticket(&self, text: &str) -> Result<Ticket, Forged> {
        let (numbers, rest) = split::<4>(&self.open(TICKET, text)?)?;
        let [first_ms, leaves_ms, id, holder] = numbers;
        if rest.is_empty() { Ok(Ticket { first_ms, leaves_ms, id, holder }) } else { Err(Forged) }
    }

    /// A receipt as a text.
    pub fn receipt(&self, receipt: &Receipt) -> String {
        self.close(
            RECEIPT,
            &[&numbers(&[receipt.network, receipt.at_ms])[..], receipt.host.as_str().as_bytes()].concat(),
        )
    }

    /// A receipt from its text.
    ///
    /// # Errors
    /// It is forged.
    pub fn open_receipt(&self, text: &str) -> Result<Receipt, Forged> {
        let ([network, at_ms], host) = split(&self.open(RECEIPT, text)?)?;
        Ok(Receipt { network, at_ms, host: name(&host)? })
    }

    /// A pass as a text.
    pub fn pass(&self, pass: &Pass) -> String {
        self.close(
            PASS,
            &[&numbers(&[pass.party, pass.size.into(), pass.until_ms])[..], pass.host.as_str().as_bytes()].concat(),
        )
    }

    /// A pass from its text.
    ///
    /// # Errors
    /// It is forged.
    pub fn open_pass(&self, text: &str) -> Result<Pass, Forged> {
        let ([party, size, until_ms], host) = split(&self.open(PASS, text)?)?;
        Ok(Pass { party, size: size.try_into().map_err(|_| Forged)?, until_ms, host: name(&host)? })
    }

    fn close(&self, kind: u8, contents: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + contents.len() + TAG_BYTES);
        bytes.push(kind);
        bytes.extend_from_slice(contents);
        let tag = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG_BYTES]);
        Base64UrlUnpadded::encode_string(&bytes)
    }

    fn open(&self, kind: u8, text: &str) -> Result<Vec<u8>, Forged> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Forged);
        }
        let mut bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| Forged)?;
        let signed = bytes.len().checked_sub(TAG_BYTES).filter(|signed| *signed > 0).ok_or(Forged)?;
        let tag = hmac::sign(&self.0, &bytes[..signed]);
        // No early exit: the time says nothing about how much of a forged tag is right.
        let difference = tag.as_ref().iter().zip(&bytes[signed..]).fold(0, |sum, (own, sent)| sum | (own ^ sent));
        if difference != 0 || bytes[0] != kind {
            return Err(Forged);
        }
        bytes.truncate(signed);
        bytes.remove(0);
        Ok(bytes)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal(secret)")
    }
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The numbers at the beginning, and the rest.
fn split<const N: usize>(bytes: &[u8]) -> Result<([u64; N], Vec<u8>), Forged> {
    let (begin, rest) = bytes.split_at_checked(N * 8).ok_or(Forged)?;
    let mut numbers = [0; N];
    for (number, chunk) in numbers.iter_mut().zip(begin.chunks_exact(8)) {
        *number = u64::from_be_bytes(chunk.try_into().expect("a chunk has 8 bytes"));
    }
    Ok((numbers, rest.to_vec()))
}

fn name(bytes: &[u8]) -> Result<Name, Forged> {
    str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(Forged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::new(&[7; KEY_BYTES])
    }

    fn ticket() -> Ticket {
        Ticket { first_ms: 1, leaves_ms: 2, id: 3, holder: 4 }
    }

    #[test]
    fn what_is_signed_comes_back() {
        let host: Name = "a".repeat(63).parse().unwrap();
        let receipt = Receipt { network: 1, at_ms: u64::MAX, host: host.clone() };
        let pass = Pass { party: 9, size: 7, until_ms: 8, host };
        assert_eq!(seal().open_ticket(&seal().ticket(&ticket())), Ok(ticket()));
        assert_eq!(seal().open_receipt(&seal().receipt(&receipt)), Ok(receipt.clone()));
        assert!(seal().pass(&pass).len() <= TEXT_BYTES_MAX);
        assert_eq!(seal().open_pass(&seal().pass(&pass)), Ok(pass));
        assert!(seal().receipt(&receipt).len() <= TEXT_BYTES_MAX);
    }

    #[test]
    fn a_text_of_another_key_or_kind_or_with_any_other_character_is_forged() {
        let text = seal().ticket(&ticket());
        assert_eq!(Seal::new(&[8; KEY_BYTES]).open_ticket(&text), Err(Forged));
        assert_eq!(seal().open_receipt(&text), Err(Forged));
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(seal().open_ticket(&changed), Err(Forged), "{at}");
            assert_eq!(seal().open_ticket(&text[..at]), Err(Forged), "{at}");
        }
        for text in ["", "A", "=", "ä", &"A".repeat(5_000)] {
            assert_eq!(seal().open_ticket(text), Err(Forged), "{text}");
        }
    }
}
