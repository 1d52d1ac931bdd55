//! One room: who is in it, and its last lines.

use super::limits::{HISTORY_LINES_MAX, HISTORY_PAGE, ROOM_NAME_BYTES_MAX};
use super::notice::Line;
use crate::AccountId;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A room.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) accounts: BTreeSet<AccountId>,
    lines: VecDeque<Arc<Line>>,
    /// Number of the last line; the first is 1.
    last: u64,
    /// When its last account left.
    pub(super) emptied_ms: u64,
}

impl Room {
    /// Number of the next line.
    pub(super) fn next_number(&self) -> u64 {
        self.last + 1
    }

    /// Keeps a line, and forgets the oldest one if there are too many.
    pub(super) fn keep(&mut self, line: Arc<Line>) {
        assert_eq!(line.number, self.next_number(), "lines of a room have consecutive numbers");
        self.last = line.number;
        if self.lines.len() == HISTORY_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines after a number, the oldest first; without a number the last ones. At most [`HISTORY_PAGE`].
    pub(super) fn page(&self, after: Option<u64>) -> Vec<Arc<Line>> {
        let start = match after {
            Some(after) => self.lines.partition_point(|line| line.number <= after),
            None => self.lines.len().saturating_sub(HISTORY_PAGE),
        };
        self.lines.range(start..).take(HISTORY_PAGE).cloned().collect()
    }
}

/// Whether a room may have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=ROOM_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(lines: u64) -> Room {
        let mut room = Room::default();
        for number in 1..=lines {
            let line = Line {
                room: "r".to_owned(),
                number,
                account: 1,
                name: "Ann".to_owned(),
                text: number.to_string(),
                at: 0,
            };
            room.keep(Arc::new(line));
        }
        room
    }

    fn numbers(page: &[Arc<Line>]) -> Vec<u64> {
        page.iter().map(|line| line.number).collect()
    }

    #[test]
    fn a_room_keeps_its_last_hundred_lines_and_gives_them_in_pages() {
        let room = room(250);
        assert_eq!(numbers(&room.page(None)), (231..=250).collect::<Vec<_>>());
        assert_eq!(numbers(&room.page(Some(0))), (151..=170).collect::<Vec<_>>());
        assert_eq!(numbers(&room.page(Some(245))), (246..=250).collect::<Vec<_>>());
        assert!(room.page(Some(u64::MAX)).is_empty());
    }
}
