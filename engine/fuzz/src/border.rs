//! The border of a host, to which a neighbour sends anything.

use crate::contract::Shown;
use crate::input::Input as Fuzzed;
use ringshard::world::border::{Border, BorderSettings, Contract, Neighbour, NeighbourId, Rect};
use ringshard::world::exchange::{Change, Exchange};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::Map;
use ringshard_world::codec::Writer;
use std::collections::BTreeSet;

const ENTITIES: usize = 64;
const CONTRACT: u32 = 9;
/// The border's first session is the one after.
const INCARNATION: u64 = 1_000;
const NEIGHBOUR: NeighbourId = NeighbourId(1);
/// Longest piece.
const PIECE_BYTES_MAX: usize = 600;

/// Each piece is a message, or the content of one whose header is right: letters and entries. What the core of the host sees
/// is what the border counts, and never more than its share.
pub fn border(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let (mut cores, end) = Exchange::with_border(1, ENTITIES);
    let mut core = cores.pop().expect("there is a core");
    let settings = BorderSettings { incarnation: INCARNATION, hold: Duration::ZERO, ..BorderSettings::default() };
    let mut border = Border::new(end, contract(), settings);
    let (mut now, mut number, mut seen) = (Instant::from_nanos(1_000_000_000), 0, BTreeSet::new());
    while !input.is_empty() {
        now = now + Duration::from_millis(17);
        turn(&mut border, now);
        let mode = input.byte();
        let piece = input.piece(PIECE_BYTES_MAX);
        if mode % 4 == 0 {
            border.receive(now, NEIGHBOUR, piece);
        } else {
            // Some come late, or twice.
            number += u64::from(mode % 4 != 3);
            let back = if mode % 4 == 3 { u64::from(mode / 4 % 8) } else { 0 };
            border.receive(now, NEIGHBOUR, &message(now, number.saturating_sub(back), piece));
        }
        turn(&mut border, now);
        let mut take = |changes: &[Change<Shown>]| {
            for change in changes {
                match change {
                    Change::State { id, .. } => _ = seen.insert(id.index),
                    Change::Gone { id } => _ = seen.remove(&id.index),
                }
            }
        };
        core.receive(&mut take, |_, _| ());
        core.commands(|command| assert!(command.content().len() < 100, "the contract refuses longer ones"));
        assert_eq!(seen.len() as u64, border.stats().replicas);
        assert!(seen.iter().all(|&index| usize::from(index) >= ENTITIES / 2), "a replica has a place of the border");
    }
    border.forget(NEIGHBOUR);
    border.turn(now, &[]);
    assert_eq!(border.stats().replicas, 0, "nothing is left of a neighbour that is forgotten");
}

fn contract() -> Contract<Shown> {
    Contract {
        number: CONTRACT,
        blank: Shown::default(),
        map: Map::default(),
        sight: vec![1_000.0; 2],
        hitboxes: 1,
        is_command: |bytes| bytes.len() < 100,
        is_event: |bytes| bytes.len() < 100,
    }
}

fn turn(border: &mut Border<Shown>, now: Instant) {
    let area = vec![Rect { min: [0.0, 0.0], max: [1_000.0, 1_000.0] }];
    border.turn(now, &[Neighbour { id: NEIGHBOUR, area }]);
    while border.poll_send().is_some() {}
}

/// A message of the neighbour's first session to the border's first one.
fn message(now: Instant, number: u64, content: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 100];
    let mut writer = Writer::new(&mut buffer);
    let mut write = || {
        writer.u8(1)?;
        writer.u32(CONTRACT)?;
        writer.u64(7)?;
        writer.u64(INCARNATION + 1)?;
        writer.varint_u64(number)?;
        writer.varint_u64(now.as_micros())?;
        writer.varint_u64(0)?;
        writer.u64(0)?;
        writer.i64(0)?;
        writer.varint_u64(1)
    };
    write().expect("a header has less than 100 bytes");
    [writer.written(), content].concat()
}
