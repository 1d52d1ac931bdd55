//! Introductions of members, of strangers, and of nobody, to a mesh.

use crate::input::Input;
use ringshard_peer::limits::{CANDIDATES_MAX, DESCRIPTION_BYTES_MAX, ENTRIES_PER_PLAYER_MAX, PLAYERS_MAX, RELAYS_MAX};
use ringshard_peer::{Mesh, MeshConfig};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::EntityId;

const MESH: [u8; 16] = *b"a mesh for fuzz.";
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Length of a description without candidates and relays.
const FIXED_BYTES: usize = 124;
/// Members that are named.
const MEMBERS: u16 = 3;
/// What a mesh may send for each member each time it is asked, because a check is due.
const DATAGRAMS_PER_TURN: usize = 2;

/// A mesh of this host and three others, of which one or all send arbitrary introductions. What it says itself follows the document,
/// what it keeps is bounded, and it sends no more checks than turns allow.
pub fn introductions(data: &[u8]) {
    let mut input = Input::new(data);
    let host = vec!["192.0.2.1:4000".parse().expect("an address"), "[2001:db8::1]:4000".parse().expect("an address")];
    let mut now = Instant::ZERO;
    let mut mesh = Mesh::new(MeshConfig::new(MESH, host), now, [7; 32]);
    for index in 1..=MEMBERS {
        mesh.join(now, EntityId { index, generation: 1 }).expect("there is room");
    }
    while !input.is_empty() {
        let order = input.byte();
        let from = EntityId { index: u16::from(order % 5), generation: 1 };
        match order / 32 {
            0 => mesh.introduced(now, from, input.piece(1_024)),
            1 => now = now + Duration::from_millis(u64::from(input.word())),
            2 => {
                let mut bytes = description(&mut input);
                bytes.truncate(usize::from(input.word()) % (bytes.len() + 1));
                mesh.introduced(now, from, &bytes);
            }
            _ => mesh.introduced(now, from, &description(&mut input)),
        }
        turn(&mut mesh, now);
    }
}

fn turn(mesh: &mut Mesh, now: Instant) {
    mesh.advance(now);
    let mut datagram = [0; ringshard_peer::limits::PEER_DATAGRAM_BYTES_MAX];
    let mut sent = 0;
    while mesh.poll_transmit(now, &mut datagram).is_some() {
        sent += 1;
    }
    assert!(sent <= DATAGRAMS_PER_TURN * usize::from(MEMBERS), "{sent} datagrams");
    let mut introductions = 0;
    while let Some((to, bytes)) = mesh.poll_introduction(now) {
        introductions += 1;
        assert!((1..=MEMBERS).contains(&to.index));
        check(&bytes);
    }
    assert!(introductions <= 32, "more than the server takes at once");
    while mesh.poll_event().is_some() {}
    assert!(mesh.peers().count() < PLAYERS_MAX);
    assert!(mesh.entries() <= ENTRIES_PER_PLAYER_MAX * PLAYERS_MAX, "{} entries", mesh.entries());
}

/// What the mesh says follows the table of the document.
fn check(bytes: &[u8]) {
    assert!((FIXED_BYTES..=DESCRIPTION_BYTES_MAX).contains(&bytes.len()));
    let (candidates, relays) = (usize::from(bytes[122]), usize::from(bytes[123]));
    assert!(bytes[0] == 1 && bytes[1..17] == MESH && bytes[81..85] != [0; 4] && bytes[89] <= 1);
    assert!(bytes[90..122].iter().all(|byte| ICE_CHARS.contains(byte)));
    assert!(candidates <= CANDIDATES_MAX && relays <= RELAYS_MAX);
    assert_eq!(bytes.len(), FIXED_BYTES + 19 * candidates + 26 * relays);
}

/// A description that follows the table, or almost.
fn description(input: &mut Input) -> Vec<u8> {
    let [key, half, flags, credentials, candidates, relays] = input.array();
    let mesh = if key == 255 { [0; 16] } else { MESH };
    let number = u32::from(input.word());
    let character = |at: u8| ICE_CHARS[usize::from(at) % ICE_CHARS.len()];
    let mut bytes = [&[1][..], &mesh, &[key % 4; 32], &[half % 3; 32]].concat();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&u32::from(flags / 8).to_le_bytes());
    bytes.push(flags % 2);
    bytes.extend([character(credentials); 8]);
    bytes.extend([character(credentials / 64); 24]);
    let (candidates, relays) = (usize::from(candidates) % (CANDIDATES_MAX + 1), usize::from(relays) % (RELAYS_MAX + 1));
    bytes.extend([candidates as u8, relays as u8]);
    for _ in 0..candidates {
        bytes.push(input.byte() % 2);
        bytes.extend_from_slice(&address(input));
    }
    for _ in 0..relays {
        bytes.extend_from_slice(&address(input));
        bytes.extend_from_slice(&[9; 8]);
    }
    bytes
}

/// An address of either family, now and then any bytes.
fn address(input: &mut Input) -> [u8; 18] {
    let [kind, host] = input.array();
    let mut bytes = [0; 18];
    match kind % 8 {
        0 => return input.array(),
        1..=4 => bytes[10..16].copy_from_slice(&[0xff, 0xff, 198, 51, 100, host]),
        _ => bytes[..2].copy_from_slice(&[0x20, 0x01]),
    }
    (bytes[15], bytes[17]) = (host, kind / 8);
    bytes
}
