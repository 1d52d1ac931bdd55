//! Snapshots and a client's view.

use crate::contract::{Game, Own, Shown};
use crate::input::Input as Fuzzed;
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::limits::{BASELINE_AGE_MAX, WORLD_ENTITIES_MAX};
use ringshard_world::messages::{Owner, SnapshotHeader, kinds};
use ringshard_world::state::{DIFFERENCE_BYTES_MAX, fields};
use ringshard_world::view::{Change, digest_on};
use ringshard_world::{EntityId, Position, Rules, State, View};
use std::collections::BTreeMap;

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 600;
/// The number of the first snapshot.
const FIRST: u16 = 0xFFF0;

/// What a view must know after the snapshots that it took.
struct Model {
    known: BTreeMap<u16, EntityId>,
    /// The snapshots of this presence, oldest first, with their owner blocks.
    taken: Vec<(u16, Owner<Own>)>,
}

/// Reads each piece as a snapshot, or as the owner block and the entries of the next one. The changes that a view reports
/// lead to its contents; it acknowledges the snapshots that it took, and builds owner blocks on no others.
pub fn world(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let mut view = View::new(&Game, FIRST);
    let mut model = Model { known: BTreeMap::new(), taken: Vec::new() };
    while !input.is_empty() {
        let (mode, parts) = (input.byte(), input.byte());
        let piece = input.piece(MESSAGE_BYTES_MAX);
        read_difference(mode, piece);
        read_owner(piece);
        if mode == u8::MAX {
            let first = view.newest().map_or(FIRST, |newest| newest.number.wrapping_add(1));
            view.begin(first);
            (model.known, model.taken) = (BTreeMap::new(), Vec::new());
        }
        let message = if mode % 4 == 0 { piece.to_vec() } else { next_snapshot(&view, mode, parts, piece) };
        let before = (view.received(), *view.owner());
        match view.take(&message, |change| note(&mut model.known, change)) {
            Ok(true) => note_owner(&view, &message, &mut model.taken),
            Ok(false) | Err(_) => assert_eq!((view.received(), *view.owner()), before),
        }
        check_acknowledgment(&view, &model.taken);
    }
    check(&mut view, &model.known);
}

/// A difference leads to a state. The difference to that state, written anew, is not longer and leads to the same state.
fn read_difference(changed: u8, bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let position = Position { x: 1, y: 1 << 31, z: u32::MAX };
    let base = State { position, rotation: [1, 0, 0xFFFF], ..State::blank(Game.blank_shown()) };
    let read = base.read_difference(changed, &mut reader);
    assert!(changed <= fields::ALL || read.is_err());
    let Ok(state) = read else { return };
    let mut buffer = [0; DIFFERENCE_BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    state.write_difference(&base, changed, &mut writer).expect("that is the largest");
    assert!(writer.used() <= bytes.len() - reader.remaining());
    assert_eq!(base.read_difference(changed, &mut Reader::new(writer.written())), Ok(state));
}

/// An owner block, written anew, has no part that did not change, and is read as the same one.
fn read_owner(message: &[u8]) {
    let base = Owner { body: Some(EntityId { index: 1, generation: 2 }), own: Own { fuel: 3, ..Own::default() } };
    let mut reader = Reader::new(message);
    let Ok(header) = SnapshotHeader::read(&mut reader) else { return };
    let Ok(owner) = header.read_owner(base, &mut reader) else { return };
    let mut buffer = [0; SnapshotHeader::BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    header.write(&owner, header.baseline, &base, &mut writer).expect("that is the largest");
    assert!(writer.used() <= message.len() - reader.remaining());
    let mut reader = Reader::new(writer.written());
    let again = SnapshotHeader::read(&mut reader).expect("it was written");
    assert_eq!((again.number, again.tick, again.lead), (header.number, header.tick, header.lead));
    assert_eq!((again.input_age, again.baseline), (header.input_age, header.baseline));
    assert_eq!(again.input_interval, header.input_interval);
    assert_eq!(again.read_owner(base, &mut reader), Ok(owner));
}

/// A snapshot with this owner block and these entries. `mode` says by how much it is newer than the last.
fn next_snapshot(view: &View<Game>, mode: u8, parts: u8, rest: &[u8]) -> Vec<u8> {
    let (number, tick) = view.newest().map_or((FIRST.wrapping_sub(1), 0), |newest| (newest.number, newest.tick));
    let ahead = if mode % 4 == 3 { mode / 4 } else { 1 };
    let number = number.wrapping_add(ahead.into());
    let tick = tick.wrapping_add(u32::from(mode % 2));
    [&[kinds::DELTA_SYNC][..], &number.to_le_bytes(), &tick.to_le_bytes(), &[mode, mode, parts], rest].concat()
}

fn note(known: &mut BTreeMap<u16, EntityId>, change: Change) {
    match change {
        Change::Entered(id) => assert_eq!(known.insert(id.index, id), None),
        Change::Updated(id) => assert_eq!(known.get(&id.index), Some(&id)),
        Change::Left(id) => assert_eq!(known.remove(&id.index), Some(id)),
    }
}

/// The owner block of a snapshot that was taken is the one that its bytes make of its baseline.
fn note_owner(view: &View<Game>, message: &[u8], taken: &mut Vec<(u16, Owner<Own>)>) {
    let mut reader = Reader::new(message);
    let header = SnapshotHeader::read(&mut reader).expect("it was taken");
    let base = match header.baseline {
        0 => Owner { body: None, own: Game.blank_own() },
        back => {
            let wanted = header.number.wrapping_sub(back);
            let found = taken.iter().rev().find(|(number, _)| *number == wanted);
            found.expect("a baseline was taken before").1
        }
    };
    assert_eq!(header.read_owner(base, &mut reader), Ok(*view.owner()));
    taken.push((header.number, *view.owner()));
}

fn check_acknowledgment(view: &View<Game>, taken: &[(u16, Owner<Own>)]) {
    let Some((newest, before)) = view.received() else { return assert!(taken.is_empty()) };
    assert_eq!(taken.last().map(|(number, _)| *number), Some(newest));
    // Numbers wrap at 2^16: only the last 64 count.
    let mut behind = 0;
    let mut expected = 0;
    for pair in taken.windows(2).rev() {
        behind += u32::from(pair[1].0.wrapping_sub(pair[0].0));
        if behind > u64::BITS {
            break;
        }
        expected |= 1 << (behind - 1);
    }
    assert_eq!(before, expected);
}

fn check(view: &mut View<Game>, known: &BTreeMap<u16, EntityId>) {
    assert!(view.len() == known.len() && known.len() <= WORLD_ENTITIES_MAX);
    let mut digest = 0;
    for &id in known.values() {
        let seen = view.entity(id).expect("it is in view");
        let state: &State<Shown> = seen.state();
        digest = digest_on(digest, id, state);
        assert!((1..=BASELINE_AGE_MAX as usize + 1).contains(&seen.samples().len()));
    }
    assert_eq!(view.digest(), digest);
}
