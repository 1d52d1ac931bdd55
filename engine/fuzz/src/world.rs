//! World messages and a client's view.

use crate::input::Input as Fuzzed;
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::{Input, SnapshotHeader, Welcome};
use ringshard_world::view::{Change, digest_on};
use ringshard_world::{EntityId, Position, State, View};
use std::collections::BTreeMap;

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 600;

/// Reads each piece as every kind of message, and as the entries of the next snapshot. What is read is written as the same
/// bytes; the changes that a view reports lead to its contents; it acknowledges the snapshots that it took.
pub fn world(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let mut view = View::new();
    let mut known = BTreeMap::new();
    let mut taken = Vec::new();
    while !input.is_empty() {
        let mode = input.byte();
        let piece = input.piece(MESSAGE_BYTES_MAX);
        read_input(piece);
        read_welcome(piece);
        read_difference(mode, piece);
        let message = if mode % 4 == 0 { piece.to_vec() } else { next_snapshot(&view, mode, piece) };
        let before = view.received();
        match view.take(&message, |change| note(&mut known, change)) {
            Ok(true) => taken.extend(view.newest().map(|newest| newest.number)),
            Ok(false) | Err(_) => assert_eq!(view.received(), before),
        }
        check_acknowledgment(&view, &taken);
    }
    check(&view, &known);
}

fn read_input(message: &[u8]) {
    if let Ok(input) = Input::read(message) {
        let mut buffer = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut buffer);
        input.write(&mut writer).expect("that is the largest");
        assert_eq!(writer.written(), message);
    }
}

fn read_welcome(message: &[u8]) {
    if let Ok(Some(welcome)) = Welcome::read(message) {
        let mut buffer = [0; Welcome::BYTES];
        welcome.write(&mut Writer::new(&mut buffer)).expect("that is the size");
        assert_eq!(Welcome::read(&buffer), Ok(Some(welcome)));
        let far = welcome.map.size();
        assert!(far.iter().all(|length| length.is_finite() && *length > 0.0));
        assert!(welcome.map.contains(welcome.map.quantise(far)), "the far corner is taken to the edge");
    }
}

/// A difference leads to a state. The difference to that state, written anew, is not longer and leads to the same state.
fn read_difference(fields: u8, bytes: &[u8]) {
    let fields = fields & 0x1F;
    let mut reader = Reader::new(bytes);
    let base = State { position: Position { x: 1, y: 1 << 31, z: u32::MAX }, rotation: [1, 0, 0xFFFF], ..State::NONE };
    let Ok(state) = base.read_difference(fields, &mut reader) else { return };
    let mut buffer = [0; State::DIFFERENCE_BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    state.write_difference(&base, fields, &mut writer).expect("that is the largest");
    assert!(writer.used() <= bytes.len() - reader.remaining());
    assert_eq!(base.read_difference(fields, &mut Reader::new(writer.written())), Ok(state));
}

/// A snapshot with these entries. `mode` says by how much it is newer than the last.
fn next_snapshot(view: &View, mode: u8, entries: &[u8]) -> Vec<u8> {
    let SnapshotHeader { number, tick, .. } =
        view.newest().unwrap_or(SnapshotHeader { number: 0xFFF0, tick: 0, input: 0 });
    let ahead = if mode % 4 == 3 { mode / 4 } else { 1 };
    let mut message = vec![0; SnapshotHeader::BYTES];
    let header = SnapshotHeader {
        number: number.wrapping_add(ahead.into()),
        tick: tick.wrapping_add(u32::from(mode % 2)),
        input: 0,
    };
    header.write(&mut Writer::new(&mut message)).expect("that is the size");
    message.extend_from_slice(entries);
    message
}

fn note(known: &mut BTreeMap<u16, EntityId>, change: Change) {
    match change {
        Change::Entered(id) => assert_eq!(known.insert(id.index, id), None),
        Change::Updated(id) => assert_eq!(known.get(&id.index), Some(&id)),
        Change::Left(id) => assert_eq!(known.remove(&id.index), Some(id)),
    }
}

fn check_acknowledgment(view: &View, taken: &[u16]) {
    let Some((newest, before)) = view.received() else { return assert!(taken.is_empty()) };
    assert_eq!(taken.last(), Some(&newest));
    // Numbers wrap at 2^16: only the last 64 count.
    let mut behind = 0;
    let mut expected = 0;
    for pair in taken.windows(2).rev() {
        behind += u32::from(pair[1].wrapping_sub(pair[0]));
        if behind > u64::BITS {
            break;
        }
        expected |= 1 << (behind - 1);
    }
    assert_eq!(before, expected);
}

fn check(view: &View, known: &BTreeMap<u16, EntityId>) {
    assert!(view.len() == known.len() && known.len() <= WORLD_ENTITIES_MAX);
    let mut digest = 0;
    for &id in known.values() {
        let seen = view.entity(id).expect("it is in view");
        digest = digest_on(digest, id, seen.state());
        for tick in [f64::NAN, -1.0, 0.5, seen.tick() as f64 - 0.5, f64::INFINITY] {
            assert!(seen.pose(tick).position.iter().all(|axis| (0.0..=f64::from(u32::MAX)).contains(axis)));
        }
    }
    assert_eq!(view.digest(), digest);
}
