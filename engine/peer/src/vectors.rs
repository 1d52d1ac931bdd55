//! The vectors of `PROTOCOL.md` that are about peers.

use crate::address::{from_wire, to_wire};
use crate::description::Description;
use crate::relay::vectors::{register_of, take_registered};
use crate::relay::{Carried, read_carried, write_to_guest, write_to_owner};
use crate::secrets::{Share, pre_shared_key};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use std::collections::BTreeMap;

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

type Vector = BTreeMap<&'static str, Vec<u8>>;

fn vector(name: &str) -> Vector {
    let blocks = DOCUMENT.split("\n```").skip(1).step_by(2);
    let mut named = blocks.filter_map(|block| block.strip_prefix("peer-vector ")?.split_once('\n'));
    let (_, lines) = named.find(|(of, _)| *of == name).unwrap_or_else(|| panic!("the document has no vector {name}"));
    lines.lines().map(line).collect()
}

fn line(line: &'static str) -> (&'static str, Vec<u8>) {
    let (key, digits) = line.split_once(" = ").unwrap_or_else(|| panic!("no `key = hex`: {line}"));
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("not hexadecimal: {line}"));
    (key, (0..digits.len()).step_by(2).map(byte).collect())
}

fn array<const N: usize>(vector: &Vector, key: &str) -> [u8; N] {
    vector[key].as_slice().try_into().unwrap_or_else(|_| panic!("{key} does not have {N} bytes"))
}

#[test]
fn a_description_has_the_layout_of_the_document() {
    let vector = vector("description");
    let description = Description::decode(&vector["description"]).expect("it is a description");
    assert_eq!(description.encode(), vector["description"]);
    assert_eq!(description.session, array(&vector, "mesh"));
    assert_eq!(description.key, PublicKey::from_bytes(array(&vector, "key")));
    assert_eq!(description.half, array(&vector, "half"));
    assert_eq!(description.number.to_le_bytes(), array(&vector, "number"));
    assert_eq!(description.heard.to_le_bytes(), array(&vector, "heard"));
    assert_eq!([u8::from(description.answer_wanted)], array(&vector, "flags"));
    let credentials = description.credentials.for_ice();
    assert_eq!(credentials.ufrag.as_bytes(), vector["fragment"]);
    assert_eq!(credentials.pass.as_bytes(), vector["password"]);
    let mut candidates = Vec::new();
    description.candidates.iter().for_each(|candidate| candidate.write(&mut candidates));
    assert_eq!(candidates, vector["candidates"]);
    let relays: Vec<String> = description.relays.iter().map(|channel| channel.relay.to_string()).collect();
    assert_eq!(relays, ["198.51.100.1:3478", "[2001:db8::99]:3478"]);
    let channels = description.relays.iter().map(|it| [&to_wire(it.relay)[..], &it.name].concat());
    assert_eq!(channels.collect::<Vec<_>>().concat(), vector["relays"]);
    let written: Vec<String> =
        description.candidates.iter().map(|it| format!("{} {}", it.kind.name(), it.address)).collect();
    assert_eq!(written, ["host 192.0.2.7:4000", "reflexive [2001:db8::7]:4001"]);
}

#[test]
fn what_is_no_description_is_refused() {
    let vector = vector("description-bad");
    assert_eq!(vector.len(), 14);
    for (name, bytes) in vector {
        assert_eq!(Description::decode(&bytes), None, "{name}");
    }
}

#[test]
fn the_pre_shared_key_of_a_pair_is_that_of_the_document() {
    let vector = vector("pre-shared-key");
    let keys = ["one_key", "other_key"].map(|key| PublicKey::from_bytes(array(&vector, key)));
    let halves = ["one_half", "other_half"].map(|key| array(&vector, key));
    let one = Share { key: &keys[0], half: &halves[0] };
    let other = Share { key: &keys[1], half: &halves[1] };
    assert_eq!(pre_shared_key(&array(&vector, "mesh"), other, one), array(&vector, "pre_shared_key"));
}

#[test]
fn the_datagrams_of_a_relay_are_those_of_the_document() {
    let vector = vector("relay");
    let key = GatewayKey::from_bytes(array(&vector, "gateway_key"));
    let ticket = RelayTicket::issue(&key, u64::from_le_bytes(array(&vector, "expiry")), array(&vector, "name"));
    assert_eq!(ticket.to_bytes().as_slice(), vector["ticket"]);
    assert_eq!(RelayTicket::from_bytes(array(&vector, "ticket")), ticket);
    let (instance, cookie) = (array(&vector, "instance"), array(&vector, "cookie"));
    assert_eq!(register_of(ticket, instance, cookie), vector["register"]);
    let channel = array(&vector, "channel");
    assert_eq!(take_registered(ticket, instance, &vector["registered"]), Some(channel));
    let guest = from_wire(&array(&vector, "guest"));
    let mut buffer = [0; 100];
    let len = write_to_owner(&mut buffer, &channel, &vector["datagram"]).expect("it fits");
    assert_eq!(buffer[..len], vector["to_owner"]);
    let len = write_to_guest(&mut buffer, &channel, guest, &vector["datagram"]).expect("it fits");
    assert_eq!(buffer[..len], vector["to_guest"]);
    let Some((Carried::FromGuest(of, from), start)) = read_carried(&vector["from_guest"]) else {
        panic!("a FromGuest")
    };
    assert_eq!((of, from, &vector["from_guest"][start..]), (channel, guest, &vector["datagram"][..]));
    let Some((Carried::FromOwner(of), start)) = read_carried(&vector["from_owner"]) else { panic!("a FromOwner") };
    assert_eq!((of, &vector["from_owner"][start..]), (channel, &vector["datagram"][..]));
}
