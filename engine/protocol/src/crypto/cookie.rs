//! Stateless cookies (PROTOCOL.md#cookie-validation): an address costs no memory before it has proved that it receives.
//!
//! The layout is this server's own; to clients the cookie is opaque.
//!
//! ```text
//! | nonce 8 | timestamp 8, nanoseconds, little endian | HMAC-SHA256 32 |
//! ```
//! The MAC covers nonce, timestamp, the addresses and ports of the path and of the client, which
//! differ behind a gateway, its ephemeral key, the protocol version and a random
//! number from the server's start.

use super::kdf::{hmac_sha256, hmac_sha256_verifies};
use crate::limits::{COOKIE_BYTES, COOKIE_LIFETIME, COOKIE_SECRET_LIFETIME, PROTOCOL_VERSION};
use crate::time::Instant;
use core::net::{IpAddr, SocketAddr};
use rand_chacha::rand_core::Rng;

/// Whether a cookie is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CookieVerdict {
    /// Signed by this server for this address and key, and not expired.
    Valid,
    /// All zeros: the client has no cookie yet.
    Absent,
    /// Not signed by this server, or for another address or key.
    Forged,
    /// Older than `COOKIE_LIFETIME`.
    Expired,
}

/// Signs and verifies cookies.
#[derive(Debug)]
pub struct CookieSigner {
    start_nonce: [u8; 16],
    current: Secret,
    previous: Secret,
}

#[derive(Clone)]
struct Secret {
    key: [u8; 32],
    since: Instant,
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret(since {:?})", self.since)
    }
}

impl CookieSigner {
    /// A signer with secrets from `random`.
    pub fn new(now: Instant, random: &mut impl Rng) -> Self {
        let mut start_nonce = [0; 16];
        random.fill_bytes(&mut start_nonce);
        let current = Secret::draw(now, random);
        CookieSigner { start_nonce, previous: current.clone(), current }
    }

    /// A cookie for the client with the ephemeral key `client_key`. `addresses`: the peer of the path, and the client's own;
    /// they differ behind a gateway.
    pub fn sign(
        &mut self,
        now: Instant,
        addresses: [SocketAddr; 2],
        client_key: &[u8; 32],
        random: &mut impl Rng,
    ) -> [u8; COOKIE_BYTES] {
        if now.since(self.current.since) >= COOKIE_SECRET_LIFETIME {
            self.previous = core::mem::replace(&mut self.current, Secret::draw(now, random));
        }
        assert!(self.previous.since <= self.current.since, "secrets follow each other in time");
        let mut cookie = [0; COOKIE_BYTES];
        random.fill_bytes(&mut cookie[..8]);
        cookie[8..16].copy_from_slice(&now.as_nanos().to_le_bytes());
        let (stamp, tag) = cookie.split_at_mut(16);
        tag.copy_from_slice(&hmac_sha256(&self.current.key, &self.covered(stamp, &encode(addresses), client_key)));
        cookie
    }

    /// Checks a cookie that came from `addresses` with `client_key`.
    pub fn verify(
        &self,
        now: Instant,
        addresses: [SocketAddr; 2],
        client_key: &[u8; 32],
        cookie: &[u8; COOKIE_BYTES],
    ) -> CookieVerdict {
        if cookie.iter().all(|&byte| byte == 0) {
            return CookieVerdict::Absent;
        }
        let (stamp, tag) = cookie.split_at(16);
        let signed_at = Instant::from_nanos(u64::from_le_bytes(*stamp[8..].first_chunk().expect("16 bytes of stamp")));
        if signed_at > now {
            return CookieVerdict::Forged;
        }
        if now.since(signed_at) > COOKIE_LIFETIME {
            return CookieVerdict::Expired;
        }
        let secret = if signed_at >= self.current.since { &self.current } else { &self.previous };
        match hmac_sha256_verifies(&secret.key, &self.covered(stamp, &encode(addresses), client_key), tag) {
            true => CookieVerdict::Valid,
            false => CookieVerdict::Forged,
        }
    }

    fn covered<'a>(&'a self, stamp: &'a [u8], addresses: &'a [u8; 36], client_key: &'a [u8; 32]) -> [&'a [u8]; 5] {
        const VERSION: [u8; 2] = PROTOCOL_VERSION.to_le_bytes();
        [stamp, addresses, client_key, &VERSION, &self.start_nonce]
    }
}

impl Secret {
    fn draw(now: Instant, random: &mut impl Rng) -> Self {
        let mut key = [0; 32];
        random.fill_bytes(&mut key);
        Secret { key, since: now }
    }
}

fn encode(addresses: [SocketAddr; 2]) -> [u8; 36] {
    let mut bytes = [0; 36];
    for (address, bytes) in addresses.iter().zip(bytes.chunks_exact_mut(18)) {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        bytes[..16].copy_from_slice(&ip.octets());
        bytes[16..].copy_from_slice(&address.port().to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Csprng;
    use core::time::Duration;
    use rand_chacha::rand_core::SeedableRng;

    const KEY: [u8; 32] = [7; 32];

    fn address(port: u16) -> [SocketAddr; 2] {
        [SocketAddr::from(([192, 0, 2, 1], port)); 2]
    }

    #[test]
    fn a_cookie_is_valid_for_its_client_and_its_lifetime() {
        let mut random = Csprng::from_seed([1; 32]);
        let start = Instant::from_nanos(5);
        let mut signer = CookieSigner::new(start, &mut random);
        let cookie = signer.sign(start, address(1), &KEY, &mut random);
        let verify = |now, from, key: &[u8; 32]| signer.verify(now, from, key, &cookie);
        assert_eq!(verify(start, address(1), &KEY), CookieVerdict::Valid);
        assert_eq!(verify(start + COOKIE_LIFETIME, address(1), &KEY), CookieVerdict::Valid);
        let late = start + COOKIE_LIFETIME + Duration::from_nanos(1);
        assert_eq!(verify(late, address(1), &KEY), CookieVerdict::Expired);
        assert_eq!(verify(start, address(2), &KEY), CookieVerdict::Forged);
        assert_eq!(verify(start, address(1), &[8; 32]), CookieVerdict::Forged);
        let [behind_gateway, gateway] = [address(1)[0], address(2)[0]];
        assert_eq!(verify(start, [gateway, behind_gateway], &KEY), CookieVerdict::Forged);
        assert_eq!(verify(start, [behind_gateway, gateway], &KEY), CookieVerdict::Forged);
        assert_eq!(verify(Instant::ZERO, address(1), &KEY), CookieVerdict::Forged, "signed in the future");
        assert_eq!(signer.verify(start, address(1), &KEY, &[0; 48]), CookieVerdict::Absent);
        for bit in 0..COOKIE_BYTES * 8 {
            let mut altered = cookie;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(signer.verify(start, address(1), &KEY, &altered), CookieVerdict::Valid, "bit {bit}");
        }
    }

    #[test]
    fn a_cookie_survives_one_change_of_secret_but_no_restart() {
        let mut random = Csprng::from_seed([2; 32]);
        let mut signer = CookieSigner::new(Instant::ZERO, &mut random);
        let before = Instant::ZERO + (COOKIE_SECRET_LIFETIME - Duration::from_secs(1));
        let cookie = signer.sign(before, address(1), &KEY, &mut random);
        let after = before + Duration::from_secs(2);
        let newer = signer.sign(after, address(1), &KEY, &mut random);
        assert_eq!(signer.verify(after, address(1), &KEY, &cookie), CookieVerdict::Valid);
        assert_eq!(signer.verify(after, address(1), &KEY, &newer), CookieVerdict::Valid);
        let other_server = CookieSigner::new(Instant::ZERO, &mut random);
        assert_eq!(other_server.verify(after, address(1), &KEY, &newer), CookieVerdict::Forged);
    }
}
