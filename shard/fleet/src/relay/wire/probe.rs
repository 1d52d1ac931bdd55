//! What nodes measure links with.

use super::{Reader, VERSION};
use crate::model::Quality;
use crate::relay::RelayKey;
use crate::topology::PlaceId;

/// Most links in one answer. A node that knows of more tells them in turns.
pub const LINKS_MAX: usize = 110;
/// Instead of a loss: the link is down.
const DOWN: u8 = 255;

/// A question of one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Run of the asking node.
    pub run: u64,
    /// Rises from probe to probe.
    pub number: u64,
    /// The asking node.
    pub from: PlaceId,
    /// The asked node.
    pub to: PlaceId,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Run of the answering node.
    pub run: u64,
    /// Number of the probe.
    pub number: u64,
    /// The answering node.
    pub from: PlaceId,
    /// The asking node.
    pub to: PlaceId,
    /// Run of the asking node.
    pub asked_run: u64,
    /// What the answering node measured of its links, and what others have told it of theirs.
    pub links: Vec<LinkReport>,
}

/// What a node measured of a link of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkReport {
    /// The node that measured it.
    pub from: PlaceId,
    /// The node or host at its other end.
    pub to: PlaceId,
    /// How good it is.
    pub quality: Quality,
}

impl Probe {
    pub(in crate::relay) fn write(&self, key: &RelayKey, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        head(3, 0, self.run, self.number, [self.from, self.to], bytes);
        key.seal(bytes, start);
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Option<Probe> {
        let zero = reader.byte()?;
        let (run, number, from, to) = (reader.long()?, reader.long()?, reader.place()?, reader.place()?);
        (zero == 0 && reader.0.is_empty()).then_some(Probe { run, number, from, to })
    }
}

impl Answer {
    pub(in crate::relay) fn write(&self, key: &RelayKey, bytes: &mut Vec<u8>) {
        assert!(self.links.len() <= LINKS_MAX, "an answer has few links");
        let start = bytes.len();
        head(4, self.links.len() as u8, self.run, self.number, [self.from, self.to], bytes);
        bytes.extend_from_slice(&self.asked_run.to_le_bytes());
        bytes.push(0);
        for LinkReport { from, to, quality } in &self.links {
            let loss = if quality.up { quality.loss_percent.min(100) } else { DOWN };
            bytes.extend_from_slice(&from.0.to_le_bytes());
            bytes.extend_from_slice(&to.0.to_le_bytes());
            bytes.extend_from_slice(&quality.round_trip_ms.to_le_bytes());
            bytes.push(loss);
        }
        key.seal(bytes, start);
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Option<Answer> {
        let count = usize::from(reader.byte()?);
        let (run, number, from, to) = (reader.long()?, reader.long()?, reader.place()?, reader.place()?);
        let (asked_run, zero) = (reader.long()?, reader.byte()?);
        if count > LINKS_MAX || zero != 0 {
            return None;
        }
        let mut links = Vec::with_capacity(count);
        for _ in 0..count {
            let (from, to) = (reader.place()?, reader.place()?);
            let (round_trip_ms, loss) = (reader.short()?, reader.byte()?);
            let quality = match loss {
                DOWN => Quality::DOWN,
                0..=100 => Quality { up: true, round_trip_ms, loss_percent: loss },
                _ => return None,
            };
            links.push(LinkReport { from, to, quality });
        }
        reader.0.is_empty().then_some(Answer { run, number, from, to, asked_run, links })
    }
}

fn head(kind: u8, count: u8, run: u64, number: u64, places: [PlaceId; 2], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&[kind, VERSION, count]);
    bytes.extend_from_slice(&run.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    for place in places {
        bytes.extend_from_slice(&place.0.to_le_bytes());
    }
}
