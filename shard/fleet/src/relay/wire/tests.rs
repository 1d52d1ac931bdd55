//! Datagrams between nodes, as bytes.

use super::*;
use crate::model::Quality;
use crate::relay::RelayKey;
use proptest::prelude::*;

fn key() -> RelayKey {
    RelayKey::from_bytes([5; 32])
}

fn carry(datagram: &[u8]) -> Carry<'_> {
    Carry {
        direction: Direction::ToHost,
        run: 1,
        number: 2,
        flow: 3,
        host: PlaceId(4),
        hops: Hops::new(&[PlaceId(5), PlaceId(6), PlaceId(7)]).unwrap(),
        datagram,
    }
}

fn answer(links: usize) -> Answer {
    let quality = |at: usize| match at % 3 {
        0 => Quality::DOWN,
        _ => Quality { up: true, round_trip_ms: at as u16 * 300, loss_percent: (at % 101) as u8 },
    };
    let links =
        (0..links).map(|at| LinkReport { from: PlaceId(9), to: PlaceId(at as u32), quality: quality(at) }).collect();
    Answer { run: 1, number: 2, from: PlaceId(3), to: PlaceId(4), asked_run: 5, links }
}

#[test]
fn a_datagram_has_the_layout_of_the_table_and_is_read_as_it_was_written() {
    let mut bytes = Vec::new();
    carry(b"datagram").write(&key(), b"front ", &mut bytes);
    assert_eq!(bytes.len(), Carry::overhead(3) + 14);
    assert_eq!(bytes[..3], [1, 1, 3]);
    assert_eq!([bytes[3], bytes[11], bytes[19], bytes[27], bytes[31], bytes[35], bytes[39]], [1, 2, 3, 4, 5, 6, 7]);
    let read = read(&key(), &bytes).unwrap();
    assert_eq!(read, Message::Carry(carry(b"front datagram")));
}

#[test]
fn probes_and_answers_are_read_as_they_were_written() {
    let probe = Probe { run: 1, number: 2, from: PlaceId(3), to: PlaceId(4) };
    let mut bytes = Vec::new();
    probe.write(&key(), &mut bytes);
    assert_eq!((read(&key(), &bytes).unwrap(), bytes.len()), (Message::Probe(probe), 43));
    for links in [0, 1, LINKS_MAX] {
        let mut bytes = Vec::new();
        answer(links).write(&key(), &mut bytes);
        assert_eq!((read(&key(), &bytes).unwrap(), bytes.len()), (Message::Answer(answer(links)), 52 + 11 * links));
    }
}

#[test]
fn routes_of_one_node_or_with_a_node_twice_are_refused() {
    for nodes in [&[1_u32, 2, 1][..], &[1, 2, 3, 4, 5], &[]] {
        assert_eq!(Hops::new(&nodes.iter().map(|node| PlaceId(*node)).collect::<Vec<_>>()), None, "{nodes:?}");
    }
    for (at, value) in [(2, 1), (2, 5), (2, 0), (1, 2), (0, 9)] {
        let mut bytes = Vec::new();
        carry(b"datagram").write(&key(), &[], &mut bytes);
        bytes.truncate(bytes.len() - 16);
        bytes[at] = value;
        key().seal(&mut bytes, 0);
        assert_eq!(read(&key(), &bytes), Err(Refused::Malformed), "byte {at} is {value}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_even_if_a_node_has_signed_them(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..6) {
        if bytes.len() > 3 {
            (bytes[0], bytes[1], bytes[2]) = (kind, 1, bytes[2] % 6);
        }
        prop_assert_eq!(read(&key(), &bytes), Err(Refused::Forged));
        key().seal(&mut bytes, 0);
        prop_assert_ne!(read(&key(), &bytes), Err(Refused::Forged));
    }
}
