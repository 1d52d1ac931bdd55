//! One download.

use super::Verify;
use super::outcome::{DownloadId, Event, Failure};
use super::range::{Kept, Range};
use super::wanted::{Held, Trust, Wanted};
use crate::message::download::{Hash, Opened, UNSIGNED, signed_bytes};
use std::collections::VecDeque;

/// When an Open is repeated that has no answer, in ms: at first, and at most.
const OPEN_REPEAT_MS: u64 = 2_000;
const OPEN_REPEAT_MAX_MS: u64 = 8_000;
/// When a Fetch is repeated that nothing arrives for, in ms.
pub const FETCH_REPEAT_MS: u64 = 3_000;
/// How often an Open or a Fetch is sent before the server counts as silent.
const TIMES_MAX: u32 = 8;
/// How often a server may put the client off without a byte in between.
const REFUSALS_MAX: u32 = 10;
/// The shortest and the longest wait of a client that the server puts off, in ms.
const WAIT_MS: (u64, u64) = (250, 60_000);
/// Bytes that nobody asked for, before anything has arrived.
const UNASKED_MAX: u64 = 256 * 1024;

/// One download.
pub struct Transfer {
    pub id: DownloadId,
    pub wanted: Wanted,
    pub state: State,
    /// What the server said: hash and size. It stays when the download is opened again.
    content: Option<(Hash, u64)>,
    /// What the application has.
    held: Held,
    /// Ranges that are being fetched, in order. The first begins where `held` ends, and each where the one before ends.
    pub ranges: VecDeque<Range>,
    /// Refusals since the last byte.
    refusals: u32,
    unasked: u64,
    unasked_max: u64,
}

/// How far a download is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// An Open is due at `next`, in ms, and was sent `times` times.
    Opening { next: u64, times: u32 },
    /// The server has it open.
    Fetching,
}

/// What a piece leads to.
pub enum OnPiece {
    /// It has bytes that were missing. If it completed its range: how long that took, in ms, and the bytes of the range.
    New { completed: Option<(u64, u32)> },
    /// It was of no use.
    Useless,
}

impl Transfer {
    pub fn new(id: DownloadId, now: u64, mut wanted: Wanted) -> Transfer {
        let held = std::mem::take(&mut wanted.held);
        Transfer {
            id,
            wanted,
            state: State::Opening { next: now, times: 0 },
            content: None,
            held,
            ranges: VecDeque::new(),
            refusals: 0,
            unasked: 0,
            unasked_max: UNASKED_MAX,
        }
    }

    /// Bytes that the application has.
    pub fn held_size(&self) -> u64 {
        self.held.size()
    }

    /// Hash and size of the content, once the server has said so.
    pub fn content(&self) -> Option<(Hash, u64)> {
        self.content
    }

    /// The connection is lost: everything is asked for again.
    pub fn reopen(&mut self, next: u64) {
        self.state = State::Opening { next, times: 0 };
        for range in &mut self.ranges {
            (range.asked, range.times) = (None, 0);
        }
    }

    /// An Open is sent at `now`. False: it was sent too often.
    pub fn open_sent(&mut self, now: u64) -> bool {
        let State::Opening { times, .. } = self.state else { unreachable!("only an opening download sends Opens") };
        let wait = (OPEN_REPEAT_MS << times.min(4)).min(OPEN_REPEAT_MAX_MS);
        self.state = State::Opening { next: now + wait, times: times + 1 };
        times < TIMES_MAX
    }

    /// A Fetch of the range at `index` is sent at `now`. False: it was sent too often.
    pub fn fetch_sent(&mut self, index: usize, now: u64) -> bool {
        let range = &mut self.ranges[index];
        if range.times > 0 {
            self.unasked_max += u64::from(range.length());
        }
        (range.asked, range.times) = (Some(now), range.times + 1);
        range.times <= TIMES_MAX
    }

    /// The range that comes next, if there is any left; it is at most `length_max` bytes long.
    pub fn add_range(&mut self, length_max: u32) -> Option<u32> {
        let (_, size) = self.content?;
        let offset = self.ranges.back().map_or(self.held.size(), Range::end);
        let length = (size - offset).min(u64::from(length_max)) as u32;
        if length == 0 {
            return None;
        }
        self.ranges.push_back(Range::new(offset, length));
        Some(length)
    }

    /// The server has answered. Returns what the application learns.
    ///
    /// # Errors
    /// The download has failed.
    pub fn opened(&mut self, now: u64, opened: &Opened, verify: Option<&Verify>) -> Result<Option<Event>, Failure> {
        if let State::Opening { times: 0, .. } = self.state {
            // An answer from before, or to nothing.
            return Ok(None);
        }
        match opened.status {
            200 => {}
            // The server has closed it, or has another content by now: ask again.
            409 | 410 => return self.put_off(now, opened.status, 0).map(|()| None),
            429 | 503 => return self.put_off(now, opened.status, u64::from(opened.wait)).map(|()| None),
            status => return Err(Failure::Refused(status)),
        }
        let Opened { hash, size, .. } = *opened;
        if self.content.is_some_and(|before| before != (hash, size)) {
            return Err(Failure::Changed);
        }
        self.check(opened, verify)?;
        self.state = State::Fetching;
        let first = self.content.is_none();
        self.content = Some((hash, size));
        Ok(first.then_some(Event::Opened { id: self.id, hash, size }))
    }

    fn put_off(&mut self, now: u64, status: u16, wait: u64) -> Result<(), Failure> {
        self.refusals += 1;
        if self.refusals > REFUSALS_MAX {
            return Err(Failure::Refused(status));
        }
        // Without a wait of the server's, a server that closes every download at once is asked ever more rarely.
        let own = WAIT_MS.0 << (self.refusals - 1).min(5);
        let wait = if self.refusals == 1 && wait == 0 { 0 } else { wait.max(own).clamp(WAIT_MS.0, WAIT_MS.1) };
        self.reopen(now + wait);
        Ok(())
    }

    fn check(&self, opened: &Opened, verify: Option<&Verify>) -> Result<(), Failure> {
        let Opened { hash, size, signature, .. } = opened;
        if self.wanted.begun.is_some_and(|begun| begun != *hash) || self.held.size() > *size {
            return Err(Failure::Changed);
        }
        if *size > self.wanted.size_max {
            return Err(Failure::TooLarge { size: *size, size_max: self.wanted.size_max });
        }
        match self.wanted.trust {
            Trust::Server => Ok(()),
            Trust::Hash(wanted) if wanted == *hash => Ok(()),
            Trust::Hash(_) => Err(Failure::OtherContent),
            Trust::Signature => {
                let message = signed_bytes(&self.wanted.name, *size, hash);
                let is_signed = *signature != UNSIGNED && verify.is_some_and(|verify| verify(&message, signature));
                if is_signed { Ok(()) } else { Err(Failure::NotSigned) }
            }
        }
    }

    /// A piece has arrived.
    ///
    /// # Errors
    /// The server sends too much that nobody asked for.
    pub fn piece(&mut self, now: u64, offset: u64, bytes: &[u8]) -> Result<OnPiece, Failure> {
        let range = self.ranges.iter_mut().find(|range| range.times > 0 && range.holds(offset, bytes.len()));
        if let Some(range) = range
            && range.keep(offset, bytes) == Kept::New
        {
            (self.refusals, range.times) = (0, 1);
            self.unasked_max += bytes.len() as u64;
            let took = range.asked.map(|asked| now.saturating_sub(asked));
            let completed = took.filter(|_| range.is_complete()).map(|took| (took, range.length()));
            return Ok(OnPiece::New { completed });
        }
        self.unasked += bytes.len() as u64;
        match self.unasked > self.unasked_max {
            true => Err(Failure::NotAskedFor(self.unasked)),
            false => Ok(OnPiece::Useless),
        }
    }

    /// The next bytes for the application.
    pub fn take_bytes(&mut self) -> Option<Event> {
        self.ranges.front().filter(|range| range.is_complete())?;
        let range = self.ranges.pop_front().expect("it was found just now");
        let offset = range.offset;
        let bytes = range.into_bytes();
        self.held.add(&bytes);
        Some(Event::Bytes { id: self.id, offset, bytes })
    }

    /// How the download ends, once the application has all bytes.
    pub fn end(&self) -> Option<Result<(Hash, u64), Failure>> {
        let (hash, size) = self.content.filter(|(_, size)| *size == self.held.size())?;
        match self.held.hash() == hash {
            true => Some(Ok((hash, size))),
            false => Some(Err(Failure::Damaged)),
        }
    }
}
