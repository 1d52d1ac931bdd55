//! The Noise prologue (PROTOCOL.md#noise).

use crate::limits::PROTOCOL_VERSION;
use crate::wire::Options;

/// What both endpoints must agree on for the handshake to succeed. An attacker on the path cannot weaken the offer unnoticed.
pub fn prologue(suites: u8, options: Options) -> [u8; 13] {
    let mut prologue = *b"ringshard\0\0\0\0";
    prologue[9..11].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    prologue[11] = suites;
    prologue[12] = options.bits();
    prologue
}
