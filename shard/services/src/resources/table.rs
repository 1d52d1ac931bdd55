//! What one client has open, and what it still gets. No I/O and no waiting.

use super::counters::Counters;
use super::hold::Hold;
use super::source::{Body, Content};
use crate::counters::count;
use ringshard_requests::limits::{DOWNLOADS_OPEN_MAX, FETCHES_OPEN_MAX};
use ringshard_requests::message::download::{Hash, Opened, UNSIGNED};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Answers to Opens, and refusals, that wait to be sent.
const ANSWERS_MAX: usize = 2 * DOWNLOADS_OPEN_MAX;
/// A download that fetches nothing for so long is closed. Its client opens it again if it goes on.
pub const IDLE_MAX: Duration = Duration::from_secs(30);
/// Opens of a client per second, and at once after a pause.
const OPENS_PER_SECOND: f64 = 100.0;
const OPENS_AT_ONCE: f64 = 64.0;

/// What one client has open, and what it still gets.
pub struct Table {
    counters: Arc<Counters>,
    downloads: HashMap<u32, Download>,
    answers: VecDeque<Opened>,
    ranges: VecDeque<Range>,
    opens_left: f64,
    opens_counted: Instant,
    /// Numbers what is opened, so that an answer for a stopped download is told from one for its successor.
    serial: u64,
}

struct Download {
    name: String,
    state: State,
    used: Instant,
}

enum State {
    Opening { serial: u64, task: Option<AbortHandle> },
    Open { content: Content, _hold: Hold },
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Range {
    download: u32,
    /// Where the client asked from.
    start: u64,
    /// What is sent next.
    at: u64,
    end: u64,
}

/// What is sent next.
pub enum Next {
    /// An answer to an Open, or a refusal.
    Answer(Opened),
    /// A part of a content.
    Part(Part),
}

/// A part of a content, from `at` up to `end`.
pub struct Part {
    pub download: u32,
    pub at: u64,
    pub end: u64,
    pub body: Body,
}

/// What an Open leads to.
#[derive(PartialEq, Eq, Debug)]
pub enum OnOpen {
    /// The name is to be opened. The number comes back in [`Table::opened`].
    Begin(u64),
    /// There is nothing to do, or the answer is queued.
    Done,
}

impl Table {
    pub fn new(now: Instant, counters: Arc<Counters>) -> Table {
        Table {
            counters,
            downloads: HashMap::new(),
            answers: VecDeque::new(),
            ranges: VecDeque::new(),
            opens_left: OPENS_AT_ONCE,
            opens_counted: now,
            serial: 0,
        }
    }

    /// The client opens a name.
    pub fn open(&mut self, now: Instant, download: u32, name: &str) -> OnOpen {
        match self.downloads.get_mut(&download) {
            Some(known) if known.name == name => {
                known.used = now;
                match &known.state {
                    State::Opening { .. } => count(&self.counters.open_dropped),
                    State::Open { content, .. } => {
                        let answer = answer_for(download, content);
                        self.answer(answer);
                    }
                }
                return OnOpen::Done;
            }
            Some(_) => self.close(download),
            None => {}
        }
        let refusal = match () {
            () if !self.may_open(now) => Some(Opened::refusal(download, 429, 1_000)),
            () if !self.make_room() => Some(Opened::refusal(download, 429, 1_000)),
            () => None,
        };
        if let Some(refusal) = refusal {
            self.answer(refusal);
            return OnOpen::Done;
        }
        self.serial += 1;
        self.downloads.insert(
            download,
            Download { name: name.to_owned(), state: State::Opening { serial: self.serial, task: None }, used: now },
        );
        OnOpen::Begin(self.serial)
    }

    /// The task that opens the name of a download.
    pub fn opening(&mut self, download: u32, task: AbortHandle) {
        if let Some(Download { state: State::Opening { task: slot, .. }, .. }) = self.downloads.get_mut(&download) {
            *slot = Some(task);
        }
    }

    /// The name of a download is open, or cannot be opened: then the answer is a refusal. `serial` is from [`OnOpen::Begin`].
    pub fn opened(&mut self, now: Instant, (download, serial): (u32, u64), opened: Result<(Content, Hold), Opened>) {
        let is_waiting = |it: &&mut Download| matches!(it.state, State::Opening { serial: of, .. } if of == serial);
        let Some(known) = self.downloads.get_mut(&download).filter(is_waiting) else { return };
        match opened {
            Ok((content, hold)) => {
                let answer = answer_for(download, &content);
                known.state = State::Open { content, _hold: hold };
                known.used = now;
                self.answer(answer);
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Ends a download, and tells the client why.
    pub fn refuse(&mut self, refusal: Opened) {
        self.close(refusal.download);
        self.answer(refusal);
    }

    /// The client asks for a range.
    pub fn fetch(&mut self, now: Instant, (download, hash): (u32, Hash), (offset, length): (u64, u32)) {
        count(&self.counters.fetches);
        let Some(known) = self.downloads.get_mut(&download) else {
            count(&self.counters.fetches_refused);
            return self.answer(Opened::refusal(download, 410, 0));
        };
        // Its answer is on its way, or it is being opened again.
        let State::Open { content, .. } = &known.state else { return count(&self.counters.fetches_refused) };
        let end = offset.checked_add(u64::from(length));
        let status = match end {
            _ if content.hash != hash => Some(409),
            Some(end) if end <= content.size => None,
            _ => Some(416),
        };
        if let Some(status) = status {
            count(&self.counters.fetches_refused);
            return self.refuse(Opened::refusal(download, status, 0));
        }
        known.used = now;
        let range = Range { download, start: offset, at: offset, end: end.expect("checked above") };
        if self.ranges.iter().any(|it| it.download == download && it.start <= range.start && range.end <= it.end) {
            return count(&self.counters.fetches_repeated);
        }
        match self.ranges.len() < FETCHES_OPEN_MAX {
            true => {
                self.counters.ranges_waiting.fetch_add(1, Relaxed);
                self.ranges.push_back(range);
            }
            false => count(&self.counters.fetches_dropped),
        }
    }

    /// The client wants no more of a download.
    pub fn stop(&mut self, download: u32) {
        count(&self.counters.stops);
        self.close(download);
    }

    /// What is sent next: answers first, then ranges in the order in which the client asked.
    pub fn next(&mut self) -> Option<Next> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(Next::Answer(answer));
        }
        let range = *self.ranges.front()?;
        let State::Open { content, .. } = &self.downloads[&range.download].state else {
            unreachable!("only what is open has ranges");
        };
        let Range { download, at, end, .. } = range;
        Some(Next::Part(Part { download, at, end, body: content.body.clone() }))
    }

    /// Bytes of a part were sent, up to `at`.
    pub fn sent(&mut self, now: Instant, part: &Part, at: u64) {
        // The client may have stopped the download meanwhile.
        let Some(range) = self.ranges.front_mut().filter(|it| (it.download, it.at) == (part.download, part.at)) else {
            return;
        };
        range.at = at;
        if range.at == range.end {
            self.ranges.pop_front();
            self.counters.ranges_waiting.fetch_sub(1, Relaxed);
        }
        if let Some(known) = self.downloads.get_mut(&part.download) {
            known.used = now;
        }
    }

    /// Closes downloads that fetch nothing. Returns whether any download is left.
    pub fn close_idle(&mut self, now: Instant) -> bool {
        let is_idle = |it: &Download| matches!(it.state, State::Open { .. }) && now - it.used >= IDLE_MAX;
        let busy = |ranges: &VecDeque<Range>, download| ranges.iter().any(|range| range.download == download);
        let idle: Vec<u32> = self
            .downloads
            .iter()
            .filter(|(number, it)| is_idle(it) && !busy(&self.ranges, **number))
            .map(|it| *it.0)
            .collect();
        for download in idle {
            count(&self.counters.evicted);
            self.close(download);
        }
        !self.downloads.is_empty()
    }

    /// Downloads that are open, and ranges that wait.
    pub fn load(&self) -> (usize, usize) {
        (self.downloads.len(), self.ranges.len())
    }

    fn close(&mut self, download: u32) {
        if let Some(Download { state: State::Opening { task: Some(task), .. }, .. }) = self.downloads.remove(&download)
        {
            task.abort();
        }
        let before = self.ranges.len();
        self.ranges.retain(|range| range.download != download);
        self.counters.ranges_waiting.fetch_sub((before - self.ranges.len()) as u64, Relaxed);
        self.answers.retain(|answer| answer.download != download);
    }

    fn answer(&mut self, answer: Opened) {
        if self.answers.len() >= ANSWERS_MAX {
            return count(&self.counters.open_dropped);
        }
        count(if answer.status == 200 { &self.counters.opened } else { &self.counters.open_refused });
        self.answers.push_back(answer);
    }

    fn may_open(&mut self, now: Instant) -> bool {
        let earned = (now - self.opens_counted).as_secs_f64() * OPENS_PER_SECOND;
        (self.opens_left, self.opens_counted) = ((self.opens_left + earned).min(OPENS_AT_ONCE), now);
        let may = self.opens_left >= 1.0;
        if may {
            self.opens_left -= 1.0;
        }
        may
    }

    /// Closes the download that was idle for longest if there are too many. False if none is idle.
    fn make_room(&mut self) -> bool {
        if self.downloads.len() < DOWNLOADS_OPEN_MAX {
            return true;
        }
        let ranges = &self.ranges;
        let idle = self.downloads.iter().filter(|(number, it)| {
            matches!(it.state, State::Open { .. }) && !ranges.iter().any(|range| range.download == **number)
        });
        let Some(oldest) = idle.min_by_key(|(_, it)| it.used).map(|it| *it.0) else { return false };
        count(&self.counters.evicted);
        self.close(oldest);
        true
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.counters.ranges_waiting.fetch_sub(self.ranges.len() as u64, Relaxed);
        for download in self.downloads.values() {
            if let State::Opening { task: Some(task), .. } = &download.state {
                task.abort();
            }
        }
    }
}

fn answer_for(download: u32, content: &Content) -> Opened {
    let signature = content.signature.unwrap_or(UNSIGNED);
    Opened { download, status: 200, wait: 0, hash: content.hash, size: content.size, signature }
}
