//! The bytes of packets: a change of them is a change of what clients and servers of games send each other.

use super::*;

ringshard_world::wire! {
    pub struct Input { pub right: i8, pub fire: bool }
}

fn hex(packet: &Packet) -> String {
    packet.content().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn turn(present: u8, inputs: [(i8, bool); 3]) -> Inputs<Input> {
    let mut turn = Inputs::neutral(Input::default(), 3, present);
    for (seat, (right, fire)) in inputs.into_iter().enumerate() {
        turn.set(seat, Input { right, fire });
    }
    turn
}

fn blank() -> Inputs<Input> {
    Inputs::neutral(Input::default(), 3, 0)
}

#[test]
fn inputs_have_these_bytes_and_are_read_back() {
    let ticks = [
        turn(0b111, [(0, false), (5, false), (0, false)]),
        turn(0b111, [(0, false), (5, false), (0, false)]),
        turn(0b101, [(-1, true), (0, false), (0, false)]),
    ];
    let packet = write_relay(0x0102, 0xFFFF_FFFF, &blank(), ticks.iter());
    // kind, match, first tick, count; present and input of seat 1; nothing changed; present, inputs of seats 0 and 1.
    assert_eq!(
        hex(&packet),
        concat!("00", "0201", "ffffffff", "03", "8202", "07", "0105", "00", "8302", "05", "03ff01", "0100")
    );
    let Content { number: 0x0102, body: Body::Inputs(relay) } = Content::read(&packet).unwrap() else { panic!() };
    let mut read = Vec::new();
    relay.each(&blank(), |tick, inputs| read.push((tick, *inputs))).unwrap();
    assert_eq!(read, [(u32::MAX, ticks[0]), (0, ticks[1]), (1, ticks[2])]);
}

#[test]
fn the_other_packets_have_these_bytes_and_are_read_back() {
    let part = StatePart { seat: 2, seats: 3, present: 5, check_every: 30, tick: 7, len: 300, at: 200, bytes: &[9, 8] };
    assert_eq!(hex(&part.packet(1)), concat!("01", "0100", "02", "03", "05", "1e", "07000000", "ac02", "c801", "0908"));
    let difference = Difference { tick: 60, seat: 1, from: 0b101 };
    assert_eq!(hex(&difference.packet(1)), concat!("02", "0100", "3c000000", "01", "05"));
    assert_eq!(hex(&lost_packet(1)), "030100");
    let report = Report { confirmed: 61, check: Some((60, 0xAABB_CCDD)) };
    assert_eq!(hex(&report.packet(1)), concat!("10", "0100", "3d000000", "01", "3c000000", "ddccbbaa"));
    let bare = Report { confirmed: 61, check: None };
    assert_eq!(hex(&bare.packet(1)), concat!("10", "0100", "3d000000", "00"));

    assert!(matches!(Content::read(&part.packet(1)).unwrap().body, Body::State(read) if read == part));
    assert!(matches!(Content::read(&difference.packet(1)).unwrap().body, Body::Differs(read) if read == difference));
    assert!(matches!(Content::read(&report.packet(1)).unwrap().body, Body::Report(read) if read == report));
    assert!(matches!(Content::read(&bare.packet(1)).unwrap().body, Body::Report(read) if read == bare));
}

#[test]
fn the_largest_part_of_a_state_fits_a_packet() {
    let bytes = [1; StatePart::BYTES_MAX];
    let most = crate::together::STATE_BYTES_MAX as u32;
    let part = StatePart {
        seat: 7,
        seats: 8,
        present: 255,
        check_every: 255,
        tick: u32::MAX,
        len: most,
        at: most - 300,
        bytes: &bytes,
    };
    assert!(part.packet(u16::MAX).content().len() <= crate::packet::PACKET_BYTES_MAX);
}

#[test]
fn what_no_end_writes_is_refused() {
    let read = |bytes: &[u8]| match Content::read(&Packet::new(bytes).unwrap())?.body {
        Body::Inputs(relay) => relay.each(&blank(), |_, _| {}),
        _ => Ok(()),
    };
    let tick = [0; 4];
    let with = |head: &[u8], rest: &[u8]| [head, &tick, rest].concat();
    assert_eq!(read(&[]), Err(Malformed::TooShort));
    assert_eq!(read(&[9, 0, 0]), Err(Malformed::UnknownValue), "a kind that does not exist");
    assert_eq!(read(&with(&[0, 0, 0], &[0])), Err(Malformed::UnknownValue), "no tick");
    assert_eq!(read(&with(&[0, 0, 0], &[2, 0])), Err(Malformed::TooShort), "a tick is missing");
    assert_eq!(read(&with(&[0, 0, 0], &[1, 0, 0])), Err(Malformed::TooLong), "a byte too many");
    assert_eq!(read(&with(&[0, 0, 0], &[1, 8])), Err(Malformed::UnknownValue), "a seat that does not exist");
    assert_eq!(read(&with(&[0, 0, 0], &[1, 0x80, 2, 8])), Err(Malformed::UnknownValue), "present, but does not exist");
    assert_eq!(read(&with(&[1, 0, 0, 3, 3, 0, 9], &[0, 0])), Err(Malformed::UnknownValue), "no such seat");
    assert_eq!(read(&with(&[1, 0, 0, 0, 9, 0, 9], &[0, 0])), Err(Malformed::UnknownValue), "too many seats");
    assert_eq!(
        read(&with(&[1, 0, 0, 0, 2, 4, 9], &[0, 0])),
        Err(Malformed::UnknownValue),
        "present, but does not exist"
    );
    assert_eq!(read(&with(&[1, 0, 0, 0, 2, 0, 0], &[0, 0])), Err(Malformed::UnknownValue), "checks without a distance");
    assert_eq!(
        read(&with(&[1, 0, 0, 0, 2, 0, 9], &[1, 0, 7, 7])),
        Err(Malformed::UnknownValue),
        "longer than its length"
    );
    assert_eq!(read(&with(&[2, 0, 0], &[8, 0])), Err(Malformed::UnknownValue), "no such seat");
    assert_eq!(read(&with(&[2, 0, 0], &[3, 8])), Err(Malformed::UnknownValue), "it differs from itself");
    assert_eq!(read(&with(&[16, 0, 0], &[2])), Err(Malformed::UnknownValue), "neither with nor without a check");
}
