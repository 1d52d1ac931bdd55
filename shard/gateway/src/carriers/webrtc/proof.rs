//! Proof that a client receives at an address.
//!
//! A STUN check proves that its sender knows the gateway's password. It proves nothing about its source, which may be forged,
//! or belong to somebody who repeats a check of the client. Therefore the gateway answers the first check from an address with
//! a check of its own. The address is proven once the client has answered that check from there.
//!
//! The gateway keeps nothing per address until then. The transaction id of its check has the number of the peer, and a code
//! over peer, address and time. A check without proof costs the gateway one packet, about as large as the check.

use super::{PeerId, crypto};
use ring::hmac;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use str0m::IceCreds;
use str0m::ice::{StunMessage, TransId};

/// How long an answer counts, at least; at most it counts twice as long.
const PERIOD_SECONDS: u64 = 8;
/// Bytes of a transaction id.
const ID_BYTES: usize = 12;
/// Of these, bytes of the peer's number: enough for 10^12 peers. The others are the code.
const PEER_BYTES: usize = 5;
/// Where a STUN message has its transaction id.
const ID_AT: usize = 8;
/// The header of a STUN message up to the transaction id: an indication without attributes.
const INDICATION: [u8; ID_AT] = [0x00, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42];
/// Priority of a peer-reflexive candidate (RFC 8445, section 5.1.2.1). The client does not use it.
const PRIORITY: u32 = (110 << 24) | (0xffff << 8) | 0xff;
/// Bytes of a check, with the longest names that an offer may have.
const CHECK_BYTES_MAX: usize = 640;

/// Makes checks, and knows their answers.
pub(super) struct Proofs {
    key: hmac::Key,
    start: Instant,
}

impl Proofs {
    pub(super) fn new(now: Instant) -> Proofs {
        Proofs { key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), start: now }
    }

    /// A check for the client to answer from `address`.
    pub(super) fn check(
        &self,
        peer: PeerId,
        address: SocketAddr,
        ours: &IceCreds,
        theirs: &IceCreds,
        now: Instant,
    ) -> Vec<u8> {
        let names = format!("{}:{}", theirs.ufrag, ours.ufrag);
        let id = transaction(&self.id(peer, address, self.period(now)));
        // The tie-breaker decides between two agents that both want to control, and the gateway never does.
        let check = StunMessage::binding_request(&names, id, false, 0, PRIORITY, false);
        let mut packet = vec![0; CHECK_BYTES_MAX];
        let length = check.to_bytes(Some(theirs.pass.as_bytes()), &mut packet, crypto::sha1_hmac);
        packet.truncate(length.expect("the names of an offer are bounded"));
        packet
    }

    /// The peer that an answer names.
    ///
    /// # Panics
    /// If `packet` is no STUN message.
    pub(super) fn peer(packet: &[u8]) -> PeerId {
        packet[ID_AT..ID_AT + PEER_BYTES].iter().fold(0, |peer, byte| peer << 8 | PeerId::from(*byte))
    }

    /// Whether `answer`, of which `packet` has the bytes, is that of `peer` to a recent check of `address`.
    pub(super) fn proves(
        &self,
        peer: PeerId,
        address: SocketAddr,
        theirs: &IceCreds,
        (answer, packet): (&StunMessage<'_>, &[u8]),
        now: Instant,
    ) -> bool {
        let period = self.period(now);
        let id = &packet[ID_AT..ID_AT + ID_BYTES];
        let is_ours = [Some(period), period.checked_sub(1)].into_iter().flatten().any(|period| {
            let differences = id.iter().zip(self.id(peer, address, period)).fold(0, |all, (a, b)| all | (a ^ b));
            differences == 0
        });
        is_ours && answer.verify(theirs.pass.as_bytes(), crypto::sha1_hmac)
    }

    fn period(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs() / PERIOD_SECONDS
    }

    fn id(&self, peer: PeerId, address: SocketAddr, period: u64) -> [u8; ID_BYTES] {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&peer.to_be_bytes());
        context.update(&ip.octets());
        context.update(&address.port().to_be_bytes());
        context.update(&period.to_be_bytes());
        let mut id = [0; ID_BYTES];
        id[..PEER_BYTES].copy_from_slice(&peer.to_be_bytes()[size_of::<PeerId>() - PEER_BYTES..]);
        id[PEER_BYTES..].copy_from_slice(&context.sign().as_ref()[..ID_BYTES - PEER_BYTES]);
        id
    }
}

/// str0m makes transaction ids of its own, which can be guessed. This is the one way to give it another.
fn transaction(id: &[u8; ID_BYTES]) -> TransId {
    let mut message = [0; ID_AT + ID_BYTES];
    message[..ID_AT].copy_from_slice(&INDICATION);
    message[ID_AT..].copy_from_slice(id);
    StunMessage::parse(&message).expect("an indication needs no attributes").trans_id()
}

/// A name and a password for STUN. Those that str0m makes can be guessed by a client that has seen a few.
pub(super) fn credentials() -> IceCreds {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 64)])).collect();
    IceCreds { ufrag: text(&random::<12>()), pass: text(&random::<24>()) }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PEER: PeerId = 0x01_0203_0405;

    fn answer(check: &[u8], password: &str) -> Vec<u8> {
        let id = StunMessage::parse(check).unwrap().trans_id();
        let mut packet = vec![0; 200];
        let reply = StunMessage::binding_reply(id, ([192, 0, 2, 1], 3_478).into());
        let length = reply.to_bytes(Some(password.as_bytes()), &mut packet, crypto::sha1_hmac).unwrap();
        packet.truncate(length);
        packet
    }

    #[test]
    fn only_the_client_proves_an_address_and_only_from_there_and_soon() {
        let now = Instant::now();
        let proofs = Proofs::new(now);
        let (ours, theirs) = (credentials(), credentials());
        let address = SocketAddr::from(([203, 0, 113, 7], 5_000));
        let check = proofs.check(PEER, address, &ours, &theirs, now);
        let packet = answer(&check, &theirs.pass);
        assert_eq!(Proofs::peer(&packet), PEER);
        let proves = |packet: &[u8], peer, address, seconds| {
            let message = StunMessage::parse(packet).unwrap();
            proofs.proves(peer, address, &theirs, (&message, packet), now + Duration::from_secs(seconds))
        };
        assert!(proves(&packet, PEER, address, 0));
        assert!(proves(&packet, PEER, address, PERIOD_SECONDS));
        assert!(!proves(&packet, PEER, address, 2 * PERIOD_SECONDS));
        assert!(!proves(&packet, PEER + 1, address, 0));
        assert!(!proves(&packet, PEER, SocketAddr::from(([203, 0, 113, 7], 5_001)), 0));
        assert!(!proves(&packet, PEER, SocketAddr::from(([203, 0, 113, 8], 5_000)), 0));
        assert!(!proves(&answer(&check, &ours.pass), PEER, address, 0));
    }
}
