//! Devices: what they sign to log in.

use std::fmt;

/// What a device must sign, once, within 30 s. The server keeps nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Challenge(pub [u8; 32]);

/// A device proves that it has the secret half of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceProof {
    /// Public key of the device, Ed25519.
    pub key: [u8; 32],
    /// The challenge that it got for this key.
    pub challenge: Challenge,
    /// Signature over [`signed_to_log_in`] or [`signed_to_add`].
    pub signature: [u8; 64],
}

impl fmt::Debug for DeviceProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceProof(..)")
    }
}

/// What a device signs to log in.
pub fn signed_to_log_in(challenge: &Challenge) -> Vec<u8> {
    [b"ringshard device login 1".as_slice(), &challenge.0].concat()
}

/// What a device signs to be added to an account.
pub fn signed_to_add(challenge: &Challenge) -> Vec<u8> {
    [b"ringshard device add 1".as_slice(), &challenge.0].concat()
}
