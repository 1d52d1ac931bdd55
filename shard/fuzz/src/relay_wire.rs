//! Datagrams between nodes.

use ring::hmac;
use ringshard_fleet::relay::RelayKey;
use ringshard_fleet::relay::wire::{Answer, Carry, Direction, LINKS_MAX, Message, Probe, Refused, read};
use ringshard_fleet::topology::PlaceId;

const KEY: [u8; 32] = [5; 32];
const MAC_BYTES: usize = 16;

/// A datagram is refused as forged without the right MAC, and never with it. One that is read is written as the same bytes by
/// an encoder that knows only the layout in `relay/wire/mod.rs`.
pub fn relay_wire(content: &[u8]) {
    let key = RelayKey::from_bytes(KEY);
    assert_eq!(read(&key, content), Err(Refused::Forged));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), content);
    let sealed = [content, &mac.as_ref()[..MAC_BYTES]].concat();
    match read(&key, &sealed) {
        Err(refused) => assert_eq!(refused, Refused::Malformed),
        Ok(Message::Carry(carry)) => assert_eq!(of_carry(&carry), content),
        Ok(Message::Probe(probe)) => assert_eq!(of_probe(&probe), content),
        Ok(Message::Answer(answer)) => assert_eq!(of_answer(&answer, content), content),
    }
}

fn of_carry(carry: &Carry<'_>) -> Vec<u8> {
    let nodes = carry.hops.nodes();
    assert!(
        (2..=4).contains(&nodes.len()) && nodes.iter().all(|node| nodes.iter().filter(|it| *it == node).count() == 1)
    );
    assert_eq!(carry.hops.reversed().reversed(), carry.hops);
    let mut bytes = vec![if carry.direction == Direction::ToHost { 1 } else { 2 }, 1, nodes.len() as u8];
    for number in [carry.run, carry.number, carry.flow] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend(places(&[&[carry.host], nodes].concat()));
    bytes.extend_from_slice(carry.datagram);
    assert_eq!(bytes.len() + MAC_BYTES, Carry::overhead(nodes.len()) + carry.datagram.len());
    bytes
}

fn of_probe(probe: &Probe) -> Vec<u8> {
    let numbers = [probe.run.to_le_bytes(), probe.number.to_le_bytes()].concat();
    [&[3, 1, 0][..], &numbers, &places(&[probe.from, probe.to])].concat()
}

/// `content` has the round trips of links that are down, which nobody reads.
fn of_answer(answer: &Answer, content: &[u8]) -> Vec<u8> {
    assert!(answer.links.len() <= LINKS_MAX);
    let numbers = [answer.run.to_le_bytes(), answer.number.to_le_bytes()].concat();
    let asked = [&answer.asked_run.to_le_bytes()[..], &[0]].concat();
    let mut bytes =
        [&[4, 1, answer.links.len() as u8][..], &numbers, &places(&[answer.from, answer.to]), &asked].concat();
    for link in &answer.links {
        bytes.extend(places(&[link.from, link.to]));
        let at = bytes.len();
        match link.quality.up {
            true => bytes.extend_from_slice(&link.quality.round_trip_ms.to_le_bytes()),
            false => bytes.extend_from_slice(&content[at..at + 2]),
        }
        bytes.push(if link.quality.up { link.quality.loss_percent } else { 255 });
    }
    bytes
}

fn places(places: &[PlaceId]) -> Vec<u8> {
    places.iter().flat_map(|place| place.0.to_le_bytes()).collect()
}
