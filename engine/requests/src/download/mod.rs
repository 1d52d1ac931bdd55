//! Downloads of a client: opened by name, fetched in ranges, verified (PROTOCOL.md#downloads).
//!
//! [`Downloads`] does no I/O and reads no clock. The caller follows these steps:
//!
//! 1. Say when a session begins and ends: [`Downloads::online`], [`Downloads::offline`].
//! 2. Pass in each message of kind 22 or 24: [`Downloads::receive`].
//! 3. Then take events from [`Downloads::poll_event`] and send what [`Downloads::poll_send`] writes, until both have nothing.
//!    Events come first: what the application takes makes room in the window.
//! 4. Come back at [`Downloads::deadline`] at the latest.
//!
//! Times are in ms, from any start, and never go back.
//!
//! A download outlives its session: the next one goes on where it was. Across restarts of the program, the application keeps
//! the bytes, and shows them again as [`Held`]. The hash is always that of the whole content.
//!
//! # How much is asked for
//! All downloads share a window of bytes that are asked for and not taken yet. It grows with each range that arrives within
//! 500 ms, and shrinks when ranges take longer than 2 s or are lost. So no more than about a second of the server's rate
//! waits there, and a download of a higher priority soon has its turn. Bytes that the application does not take stay in the
//! window.

mod outcome;
mod range;
mod transfer;
mod wanted;

#[cfg(test)]
mod tests;

pub use outcome::{CannotOpen, DownloadId, DownloadStats, Event, Failure};
pub use wanted::{Held, Trust, Wanted};

use crate::limits::{DOWNLOADS_OPEN_MAX, FETCH_BYTES_MAX, FETCHES_OPEN_MAX, PIECE_BYTES_MAX};
use crate::message::download::{FromClient, FromServer, Malformed, Signature, check_name};
use range::Range;
use std::collections::VecDeque;
use transfer::{FETCH_REPEAT_MS, OnPiece, State, Transfer};

/// Checks a signature over a message with the public key that the application trusts.
pub type Verify = Box<dyn Fn(&[u8], &Signature) -> bool + Send>;

/// Bytes asked for at once: at least, and at the start.
const WINDOW_MIN: u32 = 64 * 1024;
const WINDOW_START: u32 = 128 * 1024;
/// Bytes asked for at once, at most, unless the application says otherwise.
const WINDOW_MAX: u32 = 2 * 1024 * 1024;
/// A range that takes no longer makes the window grow, in ms.
const FAST_MS: u64 = 500;
/// A range that takes longer makes the window shrink, in ms.
const SLOW_MS: u64 = 2_000;
/// The shortest range, unless the content ends before.
const RANGE_MIN: u32 = 2 * PIECE_BYTES_MAX as u32;
/// Events that wait. Each download makes two at most, besides its bytes.
const EVENTS_MAX: usize = 4 * DOWNLOADS_OPEN_MAX;

/// All downloads of a client.
pub struct Downloads {
    verify: Option<Verify>,
    /// The highest priority first; of the same priority, the oldest.
    transfers: Vec<Transfer>,
    next_id: u32,
    online: bool,
    window: u32,
    window_max: u32,
    /// When a byte that was missing arrived last, in ms.
    arrived: u64,
    /// When the youngest range was asked for that bytes have arrived of, in ms.
    served: u64,
    stops: VecDeque<u32>,
    events: VecDeque<Event>,
    stats: DownloadStats,
}

impl Downloads {
    /// Starts without downloads. `verify` checks signatures; without it, only downloads that need no signature can be opened.
    pub fn new(verify: Option<Verify>) -> Downloads {
        Downloads {
            verify,
            transfers: Vec::with_capacity(DOWNLOADS_OPEN_MAX),
            next_id: 1,
            online: false,
            window: WINDOW_START,
            window_max: WINDOW_MAX,
            arrived: 0,
            served: 0,
            stops: VecDeque::new(),
            events: VecDeque::new(),
            stats: DownloadStats::default(),
        }
    }

    /// Bounds the bytes that are asked for and not taken yet: at least 64 KiB, at most 8 MiB. They are memory, too.
    pub fn set_window_max(&mut self, bytes: u32) {
        self.window_max = bytes.clamp(WINDOW_MIN, FETCH_BYTES_MAX * FETCHES_OPEN_MAX as u32);
        self.window = self.window.min(self.window_max);
    }

    /// Begins a download.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&mut self, now: u64, wanted: Wanted) -> Result<DownloadId, CannotOpen> {
        check_name(&wanted.name)?;
        if wanted.trust == Trust::Signature && self.verify.is_none() {
            return Err(CannotOpen::NoKey);
        }
        if self.transfers.len() >= DOWNLOADS_OPEN_MAX {
            return Err(CannotOpen::TooMany);
        }
        if self.events.len() + 2 * self.transfers.len() >= EVENTS_MAX {
            return Err(CannotOpen::EventsWait);
        }
        let id = DownloadId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.insert(Transfer::new(id, now, wanted));
        Ok(id)
    }

    /// Changes the priority of a download that has not ended.
    pub fn set_priority(&mut self, id: DownloadId, priority: i32) {
        if let Some(index) = self.index(id.0) {
            let mut transfer = self.transfers.remove(index);
            transfer.wanted.priority = priority;
            self.insert(transfer);
        }
    }

    /// Ends a download. It has no further events.
    pub fn cancel(&mut self, id: DownloadId) {
        if let Some(index) = self.index(id.0) {
            self.remove(index);
        }
        self.events.retain(|event| event.id() != id);
    }

    /// How many bytes the application has of a download, and the size of its content; None if it has ended or is not open yet.
    pub fn progress(&self, id: DownloadId) -> Option<(u64, u64)> {
        let transfer = &self.transfers[self.index(id.0)?];
        transfer.content().map(|(_, size)| (transfer.held_size(), size))
    }

    /// Counts since the start.
    pub fn stats(&self) -> DownloadStats {
        self.stats
    }

    /// A session with a server begins.
    pub fn online(&mut self, now: u64) {
        self.offline();
        self.online = true;
        self.transfers.iter_mut().for_each(|transfer| transfer.reopen(now));
    }

    /// The session has ended. Downloads wait for the next one.
    pub fn offline(&mut self) {
        self.online = false;
        self.stops.clear();
        self.window = self.window.min(WINDOW_START);
        self.transfers.iter_mut().for_each(|transfer| transfer.reopen(0));
    }

    /// Takes a message of kind 22 or 24.
    ///
    /// # Errors
    /// [`Malformed`]: the server violates the protocol. The message is counted and changes nothing.
    pub fn receive(&mut self, now: u64, message: &[u8]) -> Result<(), Malformed> {
        let message = FromServer::read(message).inspect_err(|_| self.stats.malformed += 1)?;
        let number = match message {
            FromServer::Opened(opened) => opened.download,
            FromServer::Piece { download, .. } => download,
        };
        let Some(index) = self.index(number) else {
            self.stats.strays += 1;
            return Ok(());
        };
        let result = match message {
            FromServer::Opened(opened) => self.transfers[index].opened(now, &opened, self.verify.as_ref()),
            FromServer::Piece { offset, bytes, .. } => self.piece(now, index, offset, bytes).map(|()| None),
        };
        match result {
            Ok(event) => self.events.extend(event),
            Err(why) => self.fail(index, why),
        }
        Ok(())
    }

    fn piece(&mut self, now: u64, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let transfer = &mut self.transfers[index];
        let asked = transfer.ranges.iter().find(|range| range.holds(offset, bytes.len())).and_then(|range| range.asked);
        match transfer.piece(now, offset, bytes) {
            Ok(OnPiece::New { completed }) => {
                self.arrived = now;
                self.served = self.served.max(asked.unwrap_or(0));
                self.stats.bytes += bytes.len() as u64;
                match completed {
                    Some((took, length)) if took <= FAST_MS => self.window += length,
                    Some((took, length)) if took > SLOW_MS => self.window = self.window.saturating_sub(length / 2),
                    _ => {}
                }
                self.window = self.window.clamp(WINDOW_MIN, self.window_max);
                Ok(())
            }
            result => {
                self.stats.bytes_unasked += bytes.len() as u64;
                result.map(|_| ())
            }
        }
    }

    /// Overwrites `out` with the next message to send. False: there is none now.
    pub fn poll_send(&mut self, now: u64, out: &mut Vec<u8>) -> bool {
        out.clear();
        if !self.online {
            return false;
        }
        self.repeat_lost(now);
        // Downloads may be given up while Opens and Fetches are looked for.
        self.write_stop(out) || self.write_open(now, out) || self.write_fetch(now, out) || self.write_stop(out)
    }

    /// When [`Downloads::poll_send`] has something to send if nothing arrives before. None: never.
    pub fn deadline(&self) -> Option<u64> {
        let opens = self.transfers.iter().filter_map(|transfer| match transfer.state {
            State::Opening { next, .. } => Some(next),
            State::Fetching => None,
        });
        let waiting = self.transfers.iter().flat_map(|transfer| &transfer.ranges).filter(|range| !range.is_complete());
        let fetches = waiting.filter_map(|range| range.asked).map(|asked| self.repeat_at(asked));
        opens.chain(fetches).min().filter(|_| self.online)
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        for index in 0..self.transfers.len() {
            if let Some(bytes) = self.transfers[index].take_bytes() {
                return Some(bytes);
            }
            if let Some(end) = self.transfers[index].end() {
                let id = self.remove(index);
                return Some(match end {
                    Ok((hash, size)) => Event::Done { id, hash, size },
                    Err(why) => Event::Failed { id, why },
                });
            }
        }
        None
    }

    /// When a range that was asked for at `asked` counts as lost.
    ///
    /// A server sends ranges in the order of the Fetches. So one that a younger range has overtaken is lost; any other waits
    /// for as long as bytes arrive.
    fn repeat_at(&self, asked: u64) -> u64 {
        let from = if asked < self.served { asked } else { asked.max(self.arrived) };
        from + FETCH_REPEAT_MS
    }

    fn repeat_lost(&mut self, now: u64) {
        let mut lost = false;
        for index in 0..self.transfers.len() {
            for at in 0..self.transfers[index].ranges.len() {
                let range = &self.transfers[index].ranges[at];
                let is_due = range.asked.is_some_and(|asked| !range.is_complete() && now >= self.repeat_at(asked));
                if is_due {
                    self.transfers[index].ranges[at].asked = None;
                    lost = true;
                }
            }
        }
        if lost {
            self.window = (self.window / 2).max(WINDOW_MIN);
        }
    }

    fn write_stop(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(download) = self.stops.pop_front() else { return false };
        FromClient::Stop { download }.write(out);
        true
    }

    fn write_open(&mut self, now: u64, out: &mut Vec<u8>) -> bool {
        let is_due = |it: &Transfer| matches!(it.state, State::Opening { next, .. } if next <= now);
        while let Some(index) = self.transfers.iter().position(is_due) {
            let transfer = &mut self.transfers[index];
            let State::Opening { times, .. } = transfer.state else { unreachable!("it is due to be opened") };
            if transfer.open_sent(now) {
                self.stats.repeats += u64::from(times > 0);
                FromClient::Open { download: transfer.id.0, name: &transfer.wanted.name }.write(out);
                return true;
            }
            self.fail(index, Failure::NoAnswer);
        }
        false
    }

    fn write_fetch(&mut self, now: u64, out: &mut Vec<u8>) -> bool {
        while let Some((index, at)) = self.next_range() {
            let transfer = &mut self.transfers[index];
            if transfer.fetch_sent(at, now) {
                let range = &transfer.ranges[at];
                self.stats.repeats += u64::from(range.times > 1);
                let (offset, length) = range.missing();
                let (hash, _) = transfer.content().expect("a download that fetches has a content");
                FromClient::Fetch { download: transfer.id.0, hash, offset, length }.write(out);
                return true;
            }
            self.fail(index, Failure::NoAnswer);
        }
        false
    }

    /// The range that is asked for next: its transfer and its place. Makes a new one if the window has room.
    fn next_range(&mut self) -> Option<(usize, usize)> {
        let ranges = self.transfers.iter().flat_map(|transfer| &transfer.ranges);
        let (bytes, asked) = ranges.fold((0, 0), |(bytes, asked), range| {
            (bytes + range.length(), asked + usize::from(range.asked.is_some() && !range.is_complete()))
        });
        if asked >= FETCHES_OPEN_MAX {
            return None;
        }
        let length_max = (self.window / 8).next_multiple_of(PIECE_BYTES_MAX as u32).clamp(RANGE_MIN, FETCH_BYTES_MAX);
        let has_room = bytes == 0 || bytes + length_max <= self.window;
        let open = self.transfers.iter_mut().enumerate().filter(|(_, transfer)| transfer.state == State::Fetching);
        for (index, transfer) in open {
            let to_ask = |range: &Range| range.asked.is_none() && !range.is_complete();
            if let Some(at) = transfer.ranges.iter().position(to_ask) {
                return Some((index, at));
            }
            if has_room && transfer.add_range(length_max).is_some() {
                return Some((index, transfer.ranges.len() - 1));
            }
        }
        None
    }

    fn index(&self, number: u32) -> Option<usize> {
        self.transfers.iter().position(|transfer| transfer.id.0 == number)
    }

    fn insert(&mut self, transfer: Transfer) {
        let key = |it: &Transfer| (std::cmp::Reverse(it.wanted.priority), it.id);
        let place = self.transfers.partition_point(|it| key(it) < key(&transfer));
        self.transfers.insert(place, transfer);
    }

    fn remove(&mut self, index: usize) -> DownloadId {
        let transfer = self.transfers.remove(index);
        let was_opened = !matches!(transfer.state, State::Opening { times: 0, .. });
        if self.online && was_opened {
            // Without room for it, the server closes the download when it is idle for long enough.
            self.stops.truncate(EVENTS_MAX);
            self.stops.push_back(transfer.id.0);
        }
        transfer.id
    }

    fn fail(&mut self, index: usize, why: Failure) {
        let id = self.remove(index);
        self.events.push_back(Event::Failed { id, why });
    }
}
