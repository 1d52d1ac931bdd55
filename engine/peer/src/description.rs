//! What a player tells another about itself, as the bytes of an introduction (PROTOCOL.md#descriptions).

use crate::address::{ADDRESS_BYTES, are_of_one_family, from_wire, is_of_a_host, to_wire};
use crate::candidate::{CANDIDATE_BYTES, Candidate};
use crate::limits::{CANDIDATES_MAX, DESCRIPTION_BYTES_MAX, PASSWORD_BYTES, RELAYS_MAX, UFRAG_BYTES};
use crate::relay::{ChannelAt, ChannelName};
use crate::secrets::Half;
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::{Csprng, PublicKey};

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 124;
/// A channel at a relay on the wire, in bytes: address and port 18, name 8.
const CHANNEL_BYTES: usize = ADDRESS_BYTES + 8;
const _: () =
    assert!(DESCRIPTION_BYTES_MAX == FIXED_BYTES + CANDIDATES_MAX * CANDIDATE_BYTES + RELAYS_MAX * CHANNEL_BYTES);
/// Set while the sender does not know that its newest description arrived.
const ANSWER_WANTED: u8 = 0x01;
/// The characters of ICE credentials (RFC 8839, section 5.4).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// ICE credentials: with others, checks begin anew (RFC 8445, section 9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Credentials {
    ufrag: [u8; UFRAG_BYTES],
    password: [u8; PASSWORD_BYTES],
}

impl Credentials {
    pub(crate) fn fresh(random: &mut Csprng) -> Self {
        let mut credentials = Credentials { ufrag: [0; UFRAG_BYTES], password: [0; PASSWORD_BYTES] };
        for byte in credentials.ufrag.iter_mut().chain(&mut credentials.password) {
            *byte = ICE_CHARS[random.next_u32() as usize % ICE_CHARS.len()];
        }
        credentials
    }

    fn read(ufrag: [u8; UFRAG_BYTES], password: [u8; PASSWORD_BYTES]) -> Option<Self> {
        let valid = ufrag.iter().chain(&password).all(|byte| ICE_CHARS.contains(byte));
        valid.then_some(Credentials { ufrag, password })
    }

    pub(crate) fn for_ice(&self) -> is::IceCreds {
        let text = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
        is::IceCreds { ufrag: text(&self.ufrag), pass: text(&self.password) }
    }
}

/// What a player tells another about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Description {
    /// The mesh that it belongs to.
    pub(crate) session: [u8; 16],
    /// The sender's public key in this mesh.
    pub(crate) key: PublicKey,
    /// The sender's share in the pre-shared key of the pair.
    pub(crate) half: Half,
    /// From 1, one higher with each change.
    pub(crate) number: u32,
    /// The newest number that came from the receiver; 0 for none.
    pub(crate) heard: u32,
    /// Whether the receiver is to answer even if it knows this number.
    pub(crate) answer_wanted: bool,
    /// The sender's ICE credentials for this pair.
    pub(crate) credentials: Credentials,
    /// Where the sender may be reached.
    pub(crate) candidates: Vec<Candidate>,
    /// The sender's channel at each address of its relay, at most one per family.
    pub(crate) relays: Vec<ChannelAt>,
}

impl Description {
    pub(crate) fn encode(&self) -> Vec<u8> {
        assert!(self.candidates.len() <= CANDIDATES_MAX, "a description has room for its candidates");
        assert!(self.relays.len() <= RELAYS_MAX, "a description has room for its relays");
        let mut bytes = Vec::with_capacity(DESCRIPTION_BYTES_MAX);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.session);
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(&self.half);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.heard.to_le_bytes());
        bytes.push(if self.answer_wanted { ANSWER_WANTED } else { 0 });
        bytes.extend_from_slice(&self.credentials.ufrag);
        bytes.extend_from_slice(&self.credentials.password);
        bytes.push(self.candidates.len() as u8);
        bytes.push(self.relays.len() as u8);
        assert!(bytes.len() == FIXED_BYTES, "the layout is that of PROTOCOL.md");
        self.candidates.iter().for_each(|candidate| candidate.write(&mut bytes));
        for ChannelAt { relay, name } in &self.relays {
            bytes.extend_from_slice(&to_wire(*relay));
            bytes.extend_from_slice(name);
        }
        bytes
    }

    /// None if the bytes do not follow the document. Addresses that no player can be reached at are left out, and so is a
    /// second relay of a family.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let mut fields = Fields(fixed);
        let version = fields.take::<1>()[0];
        let mut description = Description {
            session: fields.take(),
            key: PublicKey::from_bytes(fields.take()),
            half: fields.take(),
            number: u32::from_le_bytes(fields.take()),
            heard: u32::from_le_bytes(fields.take()),
            answer_wanted: match fields.take::<1>() {
                [0] => false,
                [ANSWER_WANTED] => true,
                _ => return None,
            },
            credentials: Credentials::read(fields.take(), fields.take())?,
            candidates: Vec::new(),
            relays: Vec::new(),
        };
        let [candidates, relays] = fields.take().map(usize::from);
        let candidate_bytes = candidates * CANDIDATE_BYTES;
        let are_too_many = candidates > CANDIDATES_MAX || relays > RELAYS_MAX;
        if are_too_many || rest.len() != candidate_bytes + relays * CHANNEL_BYTES {
            return None;
        }
        let (candidates, relays) = rest.split_at(candidate_bytes);
        description.candidates = read_candidates(candidates)?;
        description.relays = read_relays(relays);
        (version == VERSION && description.number != 0).then_some(description)
    }
}

fn read_candidates(bytes: &[u8]) -> Option<Vec<Candidate>> {
    let (all, _) = bytes.as_chunks::<CANDIDATE_BYTES>();
    let mut candidates = Vec::with_capacity(all.len());
    for bytes in all {
        let candidate = Candidate::read(bytes)?;
        if is_of_a_host(candidate.address) {
            candidates.push(candidate);
        }
    }
    Some(candidates)
}

fn read_relays(bytes: &[u8]) -> Vec<ChannelAt> {
    let (all, _) = bytes.as_chunks::<CHANNEL_BYTES>();
    let mut relays: Vec<ChannelAt> = Vec::with_capacity(all.len());
    for bytes in all {
        let relay = from_wire(bytes.first_chunk().expect("an address has 18 bytes"));
        let name: ChannelName = *bytes.last_chunk().expect("a name has 8 bytes");
        if is_of_a_host(relay) && !relays.iter().any(|known| are_of_one_family(known.relay, relay)) {
            relays.push(ChannelAt { relay, name });
        }
    }
    relays
}

/// Fields of fixed size, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk::<N>().expect("the fields fit the fixed part");
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::CandidateKind;
    use rand_chacha::rand_core::SeedableRng;
    use ringshard_protocol::crypto::SecretKey;

    fn example(candidates: usize) -> Description {
        let mut random = Csprng::from_seed([1; 32]);
        let kinds = [CandidateKind::Host, CandidateKind::Reflexive];
        let address = |index: usize| match index % 2 {
            0 => format!("192.0.2.7:{}", 4_000 + index),
            _ => format!("[2001:db8::7]:{}", 4_000 + index),
        };
        Description {
            session: [7; 16],
            key: SecretKey::from_bytes([3; 32]).public(),
            half: [9; 32],
            number: 0x0102_0304,
            heard: 5,
            answer_wanted: true,
            credentials: Credentials::fresh(&mut random),
            candidates: (0..candidates)
                .map(|index| Candidate { kind: kinds[index % 2], address: address(index).parse().unwrap() })
                .collect(),
            relays: ["198.51.100.1:3478", "[2001:db8::99]:3478"][..candidates.min(2)].iter().map(at).collect(),
        }
    }

    fn at(relay: &&str) -> ChannelAt {
        ChannelAt { relay: relay.parse().unwrap(), name: [8; 8] }
    }

    #[test]
    fn a_description_survives_the_wire() {
        for candidates in [0, 1, CANDIDATES_MAX] {
            let description = example(candidates);
            let bytes = description.encode();
            assert!(bytes.len() <= DESCRIPTION_BYTES_MAX);
            assert_eq!(Description::decode(&bytes), Some(description));
        }
    }

    #[test]
    fn every_cut_and_every_reserved_value_is_refused() {
        let bytes = example(3).encode();
        for len in 0..bytes.len() {
            assert_eq!(Description::decode(&bytes[..len]), None);
        }
        assert_eq!(Description::decode(&[&bytes[..], &[0]].concat()), None);
        let changed = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            Description::decode(&bytes)
        };
        for (at, value) in
            [(0, 2), (89, 2), (90, b':'), (98, 0), (122, 2), (122, 13), (123, 0), (123, 1), (123, 3), (124, 2)]
        {
            assert_eq!(changed(at, value), None, "byte {at}");
        }
    }

    #[test]
    fn addresses_of_nobody_are_left_out() {
        let mut description = example(0);
        for address in ["0.0.0.0:5", "192.0.2.1:0", "224.0.0.1:5", "[::]:5", "[ff02::1]:5", "[fe80::1]:5"] {
            description.candidates.push(Candidate { kind: CandidateKind::Host, address: address.parse().unwrap() });
        }
        description.relays = vec![at(&"0.0.0.0:5"), at(&"[fe80::1]:5")];
        let decoded = Description::decode(&description.encode()).unwrap();
        assert!(decoded.candidates.is_empty() && decoded.relays.is_empty());
    }

    #[test]
    fn of_two_relays_of_one_family_the_first_is_taken() {
        let mut description = example(0);
        description.relays = vec![at(&"198.51.100.1:3478"), at(&"198.51.100.2:3478")];
        let decoded = Description::decode(&description.encode()).unwrap();
        assert_eq!(decoded.relays, [at(&"198.51.100.1:3478")]);
    }
}
