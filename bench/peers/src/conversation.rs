//! What clients and servers say to each other, over every library.
//!
//! `echo`: the server sends each message back. `transfer`: a client grants a number of messages, and the server sends so
//! many. So no server queues more for a client than [`WINDOW`] messages, whatever its library would take.

use clap::ValueEnum;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Task {
    /// Unreliable messages, sent back by the server.
    Echo,
    /// Reliable, ordered messages from the server.
    Transfer,
}

/// Size of a message of a transfer, in bytes.
pub const TRANSFER_BYTES: usize = 1_000;
/// Most messages of a transfer that the server may owe a client.
pub const WINDOW: u32 = 512;
/// A client grants so many messages at once.
pub const GRANT: u32 = 128;
/// Size of a grant, in bytes: a number of messages.
pub const GRANT_BYTES: usize = 4;
/// What fills the rest of a message. It looks random, so that no library can compress it.
pub static FILLER: [u8; TRANSFER_BYTES] = filler();

/// Bytes of a xorshift generator.
const fn filler() -> [u8; TRANSFER_BYTES] {
    let (mut bytes, mut at, mut state) = ([0; TRANSFER_BYTES], 0, 0x9E37_79B9_7F4A_7C15_u64);
    while at < TRANSFER_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[at] = (state >> 56) as u8;
        at += 1;
    }
    bytes
}

/// The server's half of a transfer to one client.
#[derive(Debug)]
pub struct Flow {
    next: u64,
    granted: u64,
    message: [u8; TRANSFER_BYTES],
}

impl Default for Flow {
    fn default() -> Self {
        Flow { next: 0, granted: 0, message: FILLER }
    }
}

impl Flow {
    /// The client grants messages. Anything but a grant is ignored.
    pub fn grant(&mut self, message: &[u8]) {
        if let Ok(count) = message.try_into().map(u32::from_le_bytes) {
            self.granted += u64::from(count);
        }
    }

    /// The next message, while the client has granted one. [`Self::sent`] moves on.
    pub fn next(&mut self) -> Option<&[u8]> {
        if self.next == self.granted {
            return None;
        }
        self.message[..8].copy_from_slice(&self.next.to_le_bytes());
        Some(&self.message)
    }

    /// The message of [`Self::next`] was taken by the library.
    pub fn sent(&mut self) {
        assert!(self.next < self.granted, "only what was granted is sent");
        self.next += 1;
    }
}

/// The client's half of a transfer.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    expected: u64,
    ungranted: u32,
    /// Messages to grant now.
    pub to_grant: u32,
}

impl Receipt {
    /// Grants the first window.
    pub fn begin() -> Self {
        Receipt { expected: 0, ungranted: 0, to_grant: WINDOW }
    }

    /// A message arrived.
    ///
    /// # Errors
    /// It is not the next message, or not as it was sent.
    pub fn take(&mut self, message: &[u8]) -> Result<(), String> {
        let number = message.first_chunk().map(|front| u64::from_le_bytes(*front));
        let intact = message.len() == TRANSFER_BYTES && message[8..] == FILLER[8..];
        if number != Some(self.expected) || !intact {
            let (len, expected) = (message.len(), self.expected);
            return Err(format!(
                "a reliable message of {len} bytes has number {number:?} instead of {expected}, or is damaged"
            ));
        }
        self.expected += 1;
        self.ungranted += 1;
        if self.ungranted == GRANT {
            self.to_grant += self.ungranted;
            self.ungranted = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_sends_what_was_granted_and_the_receipt_grants_it_again() {
        let (mut flow, mut receipt) = (Flow::default(), Receipt::begin());
        let mut received = 0;
        for _ in 0..10 {
            flow.grant(&std::mem::take(&mut receipt.to_grant).to_le_bytes());
            while let Some(message) = flow.next() {
                receipt.take(message).unwrap();
                flow.sent();
                received += 1;
            }
        }
        assert_eq!(received, 10 * WINDOW);
    }

    #[test]
    fn a_receipt_refuses_a_message_that_is_missing_repeated_or_damaged() {
        let mut flow = Flow::default();
        flow.grant(&3u32.to_le_bytes());
        let first = flow.next().unwrap().to_vec();
        flow.sent();
        let second = flow.next().unwrap().to_vec();
        let mut receipt = Receipt::begin();
        assert!(receipt.take(&second).is_err(), "the first is missing");
        receipt.take(&first).unwrap();
        assert!(receipt.take(&first).is_err(), "it is repeated");
        assert!(receipt.take(&second[..999]).is_err(), "it is cut");
        let mut damaged = second.clone();
        damaged[500] ^= 1;
        assert!(receipt.take(&damaged).is_err(), "it is damaged");
        receipt.take(&second).unwrap();
    }
}
