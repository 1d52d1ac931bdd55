//! A range that is being fetched, and what has arrived of it.

/// Parts of a range that do not touch, at most. A piece that would make more is not kept.
const PARTS_MAX: usize = 32;

/// A range that is being fetched, and what has arrived of it.
#[derive(Debug)]
pub struct Range {
    /// Where it begins in the content.
    pub offset: u64,
    /// When it was asked for, in ms; None: it is to be asked for.
    pub asked: Option<u64>,
    /// How often it was asked for.
    pub times: u32,
    bytes: Vec<u8>,
    /// What has arrived, as begin and end within the range, in order, none touching the next.
    parts: Vec<(u32, u32)>,
}

/// What a piece was good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// It has bytes that were missing.
    New,
    /// All of it was there.
    Known,
    /// There are too many gaps.
    NoRoom,
}

impl Range {
    /// A range of `length` bytes.
    pub fn new(offset: u64, length: u32) -> Range {
        Range { offset, asked: None, times: 0, bytes: vec![0; length as usize], parts: Vec::new() }
    }

    /// Bytes of the range.
    pub fn length(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Where it ends in the content.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length())
    }

    /// Whether everything has arrived.
    pub fn is_complete(&self) -> bool {
        self.parts == [(0, self.length())]
    }

    /// From the first byte that is missing to the last: offset in the content, and length.
    pub fn missing(&self) -> (u64, u32) {
        let begin = self.parts.first().filter(|part| part.0 == 0).map_or(0, |part| part.1);
        let end = self.parts.last().filter(|part| part.1 == self.length()).map_or(self.length(), |part| part.0);
        (self.offset + u64::from(begin), end.saturating_sub(begin))
    }

    /// Whether a piece lies within the range.
    pub fn holds(&self, offset: u64, length: usize) -> bool {
        offset >= self.offset && offset.checked_add(length as u64).is_some_and(|end| end <= self.end())
    }

    /// Keeps a piece that [`holds`](Range::holds) accepts. Bytes that were there already stay as they were.
    pub fn keep(&mut self, offset: u64, piece: &[u8]) -> Kept {
        let begin = (offset - self.offset) as u32;
        let end = begin + piece.len() as u32;
        let touched = |part: &(u32, u32)| part.0 <= end && begin <= part.1;
        if self.parts.iter().any(|part| part.0 <= begin && end <= part.1) {
            return Kept::Known;
        }
        if self.parts.len() >= PARTS_MAX && !self.parts.iter().any(touched) {
            return Kept::NoRoom;
        }
        let mut at = begin;
        for index in 0..=self.parts.len() {
            let (from, to) = self.parts.get(index).copied().unwrap_or((end, end));
            if from > at {
                let gap = at as usize..from.min(end) as usize;
                let source = (at - begin) as usize..(gap.end - begin as usize);
                self.bytes[gap].copy_from_slice(&piece[source]);
            }
            at = at.max(to);
            if at >= end {
                break;
            }
        }
        let merged = self
            .parts
            .iter()
            .filter(|part| touched(part))
            .fold((begin, end), |(low, high), part| (low.min(part.0), high.max(part.1)));
        self.parts.retain(|part| !touched(part));
        let place = self.parts.partition_point(|part| part.0 < merged.0);
        self.parts.insert(place, merged);
        Kept::New
    }

    /// The bytes of a complete range.
    pub fn into_bytes(self) -> Vec<u8> {
        assert!(self.is_complete(), "a range is handed on before it is complete");
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The model keeps each byte apart: the first piece that has it wins.
        #[test]
        fn pieces_in_any_order_that_overlap_and_repeat_give_what_arrived_first(
            pieces in proptest::collection::vec((0u32..200, 1u32..40, any::<u8>()), 1..60),
        ) {
            let mut range = Range::new(1_000, 200);
            let mut model = vec![None; 200];
            for (begin, length, value) in pieces {
                let piece = vec![value; length as usize];
                let offset = 1_000 + u64::from(begin);
                let span = begin as usize..(begin + length) as usize;
                prop_assert_eq!(range.holds(offset, piece.len()), span.end <= 200);
                if span.end > 200 {
                    continue;
                }
                let is_new = model[span.clone()].iter().any(Option::is_none);
                match range.keep(offset, &piece) {
                    Kept::NoRoom => continue,
                    kept => prop_assert_eq!(kept == Kept::New, is_new),
                }
                model[span].iter_mut().for_each(|byte| *byte = byte.or(Some(value)));
                prop_assert!(range.parts.windows(2).all(|pair| pair[0].1 < pair[1].0));
                let first = model.iter().position(Option::is_none).unwrap_or(200);
                let last = model.iter().rposition(Option::is_none).map_or(first, |last| last + 1);
                let expected = (1_000 + first as u64, (last - first) as u32);
                prop_assert_eq!(range.missing(), expected);
                prop_assert_eq!(range.is_complete(), first == 200);
            }
            for (at, byte) in model.iter().enumerate().filter_map(|(at, byte)| byte.map(|byte| (at, byte))) {
                prop_assert_eq!(range.bytes[at], byte);
            }
        }
    }

    #[test]
    fn a_piece_with_gaps_all_around_is_not_kept_once_there_are_too_many() {
        let mut range = Range::new(0, 1_000);
        for index in 0..PARTS_MAX as u64 {
            assert_eq!(range.keep(index * 2, &[1]), Kept::New);
        }
        assert_eq!(range.keep(500, &[1]), Kept::NoRoom);
        assert_eq!(range.keep(1, &[1]), Kept::New, "it closes a gap");
    }
}
