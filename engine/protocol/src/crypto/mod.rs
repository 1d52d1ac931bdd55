//! Secrets: the AEADs, the Noise handshake, the stateless cookie, the replay window.
//!
//! Nothing here knows a packet's layout or a connection's state; it takes and gives byte slices of stated sizes.

mod aead;
mod cookie;
mod keys;
pub mod noise;
mod replay;

pub use aead::{AeadKey, NotAuthentic, Suite, Suites};
pub use cookie::{CookieSigner, CookieVerdict};
pub(crate) use keys::hmac_sha256_verifies;
pub use keys::{BadKey, PreSharedKey, PublicKey, SecretKey, hkdf_sha256, hmac_sha256};
pub use replay::ReplayWindow;

/// A deterministic cryptographic generator: all randomness of an endpoint comes from the 32 bytes it was seeded with.
pub type Csprng = rand_chacha::ChaCha20Rng;
