//! What of SCTP reaches str0m.
//!
//! str0m's SCTP bounds the bytes of incomplete messages, and nothing else: neither the streams, nor the fragments, nor what
//! arrives after a gap, nor the range that an acknowledgment names. Each of these lets a peer fill memory, or makes one packet
//! cost milliseconds. A correct client needs little of it, so what goes beyond ends the peer.
//!
//! This stands between DTLS and SCTP: it sees what a peer has authenticated, and what str0m acknowledges. An acknowledgment is
//! the only proof that str0m has taken a chunk or skipped it, so nothing counts as done before.

use super::bounds::{
    AHEAD_MAX, CHUNKS_PER_SECOND, FRAGMENTS_AHEAD_MAX, FRAGMENTS_OF_MESSAGE_MAX, GAP_END_MAX, INITS_MAX,
    ORDERED_FRAGMENTS_MAX, ORDERED_MAX, STRANDED_MAX,
};
use super::end::End;
use std::cell::Cell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes of a packet before its first chunk.
const HEADER_BYTES: usize = 12;
/// Bytes of a chunk before its value.
const CHUNK_HEADER_BYTES: usize = 4;
/// Bytes of a DATA chunk's value before the data.
const DATA_HEADER_BYTES: usize = 12;
/// Bytes of a SACK chunk's value before the gaps.
const SACK_HEADER_BYTES: usize = 12;

const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const SACK: u8 = 3;
const HEARTBEAT: u8 = 4;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_ACK: u8 = 8;
const COOKIE_ACK: u8 = 11;
const SHUTDOWN_COMPLETE: u8 = 14;
const RECONFIG: u8 = 130;
const FORWARD_TSN: u8 = 192;
const I_FORWARD_TSN: u8 = 194;

const ENDS: u8 = 1;
const BEGINS: u8 = 2;
const UNORDERED: u8 = 4;

thread_local! {
    /// How a DTLS provider tells why it ends a session, which str0m has no way for. `Peer` asks after each call of str0m.
    static VERDICT: Cell<Option<End>> = const { Cell::new(None) };
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// Why the peer that was just polled must end. Says so once.
pub(super) fn verdict() -> Option<End> {
    VERDICT.take()
}

/// Packets that were dropped since this was last asked, because peers sent too many chunks.
pub(super) fn dropped() -> u64 {
    DROPPED.take()
}

/// What a peer has sent of SCTP.
#[derive(Debug)]
pub(super) struct Inbound {
    inits: u32,
    /// The data channel's stream: the first one that has data.
    stream: Option<u16>,
    /// str0m has taken or skipped all chunks up to this one. None before SCTP has begun.
    acknowledged: Option<u32>,
    /// What has arrived after that, in order. None for what is missing.
    ahead: VecDeque<Option<Data>>,
    fragments_ahead: usize,
    /// Fragments of the unordered message whose beginning is acknowledged, and whose end is not.
    begun: usize,
    /// Acknowledged fragments of unordered messages that can never be complete.
    stranded: usize,
    ordered_fragments: usize,
    /// When a second's worth of chunks is free again.
    whole_at: Instant,
}

/// A chunk of data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Data {
    flags: u8,
    /// Its number among ordered messages.
    number: u16,
}

impl Data {
    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn is_fragment(self) -> bool {
        !self.has(BEGINS) || !self.has(ENDS)
    }
}

struct Chunk<'a> {
    kind: u8,
    flags: u8,
    value: &'a [u8],
}

/// The chunks of a packet. An error stands for one whose length is wrong, and is the last.
fn chunks(packet: &[u8]) -> impl Iterator<Item = Result<Chunk<'_>, End>> {
    let mut rest = packet.get(HEADER_BYTES..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<CHUNK_HEADER_BYTES>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let Some(value) = rest.get(CHUNK_HEADER_BYTES..length) else {
            rest = &[];
            return Some(Err(End::Misbehaved));
        };
        let chunk = Chunk { kind: header[0], flags: header[1], value };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(chunk))
    })
}

impl Inbound {
    pub(super) fn new(now: Instant) -> Inbound {
        Inbound {
            inits: 0,
            stream: None,
            acknowledged: None,
            ahead: VecDeque::new(),
            fragments_ahead: 0,
            begun: 0,
            stranded: 0,
            ordered_fragments: 0,
            whole_at: now,
        }
    }

    /// Whether a packet of the peer passes. If it ends the peer, [`verdict`] says why.
    pub(super) fn passes(&mut self, packet: &[u8], now: Instant) -> bool {
        if !self.charge(1 + chunks(packet).count(), now) {
            DROPPED.set(DROPPED.get() + 1);
            return false;
        }
        let taken = chunks(packet).try_for_each(|chunk| self.take(&chunk?));
        note(taken)
    }

    /// Reads what str0m acknowledges in a packet to the peer.
    pub(super) fn sends(&mut self, packet: &[u8]) {
        let mut acknowledged = Ok(());
        for chunk in chunks(packet).flatten().filter(|chunk| chunk.kind == SACK) {
            acknowledged = acknowledged.and_then(|()| self.acknowledge(be32(chunk.value, 0).ok_or(End::Failed)?));
        }
        note(acknowledged);
    }

    fn charge(&mut self, chunks: usize, now: Instant) -> bool {
        let cost = Duration::from_secs(1) / CHUNKS_PER_SECOND * u32::try_from(chunks).unwrap_or(u32::MAX);
        let then = self.whole_at.max(now) + cost;
        let fits = then <= now + Duration::from_secs(1);
        if fits {
            self.whole_at = then;
        }
        fits
    }

    /// str0m finds the next chunk by what it understands of this one, so a length that says something else hides chunks.
    fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), End> {
        let value = chunk.value;
        let is_fit = match chunk.kind {
            DATA => return self.take_data(chunk),
            INIT | INIT_ACK => return self.begin(value),
            // The client closes its channel.
            RECONFIG => return Err(End::Closed),
            SACK => is_fit_sack(value),
            FORWARD_TSN => self.is_fit_forward(value),
            HEARTBEAT => be16(value, 2).is_some_and(|length| usize::from(length) == value.len()),
            SHUTDOWN => value.len() == 4,
            SHUTDOWN_ACK | COOKIE_ACK | SHUTDOWN_COMPLETE => value.is_empty(),
            I_FORWARD_TSN => false,
            _ => true,
        };
        if is_fit { Ok(()) } else { Err(End::Misbehaved) }
    }

    fn begin(&mut self, value: &[u8]) -> Result<(), End> {
        let first = be32(value, 12).ok_or(End::Misbehaved)?;
        self.inits += 1;
        if self.inits > INITS_MAX {
            return Err(End::Misbehaved);
        }
        self.acknowledged.get_or_insert(first.wrapping_sub(1));
        Ok(())
    }

    fn take_data(&mut self, chunk: &Chunk<'_>) -> Result<(), End> {
        let (Some(tsn), Some(stream), Some(number)) =
            (be32(chunk.value, 0), be16(chunk.value, 4), be16(chunk.value, 6))
        else {
            return Err(End::Misbehaved);
        };
        let acknowledged = self.acknowledged.ok_or(End::Misbehaved)?;
        if chunk.value.len() < DATA_HEADER_BYTES || *self.stream.get_or_insert(stream) != stream {
            return Err(End::Misbehaved);
        }
        let data = Data { flags: chunk.flags & (BEGINS | ENDS | UNORDERED), number };
        // Until the answer to the opening of a channel arrives, a client sends ordered messages.
        if !data.has(UNORDERED) && number >= ORDERED_MAX {
            return Err(End::Misbehaved);
        }
        match usize::try_from(tsn.wrapping_sub(acknowledged).cast_signed()) {
            // str0m ignores what it has acknowledged.
            Err(_) | Ok(0) => Ok(()),
            Ok(ahead) if ahead > AHEAD_MAX => Err(End::Misbehaved),
            Ok(ahead) => self.put(ahead - 1, data),
        }
    }

    fn put(&mut self, index: usize, data: Data) -> Result<(), End> {
        if self.ahead.len() <= index {
            self.ahead.resize(index + 1, None);
        }
        if let Some(first) = self.ahead[index].replace(data) {
            // Which of two str0m has taken, nobody knows.
            return if first == data { Ok(()) } else { Err(End::Misbehaved) };
        }
        if data.is_fragment() {
            self.fragments_ahead += 1;
            self.ordered_fragments += usize::from(!data.has(UNORDERED));
        }
        if self.fragments_ahead > FRAGMENTS_AHEAD_MAX || self.ordered_fragments > ORDERED_FRAGMENTS_MAX {
            return Err(End::Misbehaved);
        }
        Ok(())
    }

    /// Whether all that a FORWARD-TSN skips is of the one stream: str0m keeps what it hears of others.
    fn is_fit_forward(&self, value: &[u8]) -> bool {
        value.len() >= 4
            && value.len().is_multiple_of(4)
            && value[4..].chunks_exact(4).all(|skipped| be16(skipped, 0) == self.stream)
    }

    /// str0m has taken or skipped all up to `tsn`.
    fn acknowledge(&mut self, tsn: u32) -> Result<(), End> {
        let Some(before) = self.acknowledged.replace(tsn) else { return Ok(()) };
        let mut left = usize::try_from(tsn.wrapping_sub(before).cast_signed()).map_err(|_| End::Misbehaved)?;
        while left > 0
            && let Some(data) = self.ahead.pop_front()
        {
            self.fragments_ahead -= usize::from(data.is_some_and(Data::is_fragment));
            self.settle(data)?;
            left -= 1;
        }
        if left > 0 { self.settle(None) } else { Ok(()) }
    }

    /// Follows an acknowledged chunk, or None for one that the client gave up.
    fn settle(&mut self, data: Option<Data>) -> Result<(), End> {
        let Some(data) = data else {
            // str0m then drops all unordered fragments before.
            (self.begun, self.stranded) = (0, 0);
            return Ok(());
        };
        let is_unordered_fragment = data.is_fragment() && data.has(UNORDERED);
        let goes_on = is_unordered_fragment && !data.has(BEGINS) && self.begun > 0;
        if !goes_on {
            self.stranded += std::mem::take(&mut self.begun);
        }
        match (goes_on || data.has(BEGINS), data.has(ENDS)) {
            _ if !is_unordered_fragment => {}
            // The message is complete.
            (true, true) => self.begun = 0,
            (true, false) => self.begun += 1,
            (false, _) => self.stranded += 1,
        }
        if self.begun > FRAGMENTS_OF_MESSAGE_MAX || self.stranded > STRANDED_MAX {
            return Err(End::Misbehaved);
        }
        Ok(())
    }
}

fn note(result: Result<(), End>) -> bool {
    if let Err(end) = result {
        VERDICT.set(Some(end));
    }
    result.is_ok()
}

/// Whether the gaps are in order, and not far: str0m looks at each chunk in each of them.
fn is_fit_sack(value: &[u8]) -> bool {
    let (Some(gaps), Some(repeated)) = (be16(value, 8), be16(value, 10)) else { return false };
    let (gaps, repeated) = (usize::from(gaps), usize::from(repeated));
    if value.len() != SACK_HEADER_BYTES + 4 * (gaps + repeated) {
        return false;
    }
    let mut last = 0;
    value[SACK_HEADER_BYTES..].chunks_exact(4).take(gaps).all(|gap| {
        let (start, end) = (be16(gap, 0).unwrap_or(0), be16(gap, 2).unwrap_or(0));
        let is_fit = last < start && start <= end && end <= GAP_END_MAX;
        last = end;
        is_fit
    })
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
