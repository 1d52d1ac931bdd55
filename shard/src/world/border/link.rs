//! One neighbour: the session with it, what it is shown, and what it shows.
//!
//! A *session* begins when a host learns of a neighbour, and again when the neighbour falls silent. Content counts only in
//! messages that name the session of the receiver, so nothing of a former session or process is taken for new. When a host sees
//! a new session of its neighbour, it forgets what that one has shown, and shows everything again.

use super::area::NeighbourId;
use super::clock::Clock;
use super::contract::Contract;
use super::inbound::Inbound;
use super::letter::Letter;
use super::letters::{Delivered, Letters};
use super::message::Header;
use super::outbound::Outbound;
use super::own::Own;
use super::rows::Rows;
use super::settings::{BorderSettings, MESSAGES_PER_TURN_MAX};
use super::stats::BorderStats;
use super::window::{Novelty, Window};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::Fields;
use ringshard_world::codec::{Malformed, Reader, Writer};

/// A message leaves at least so often.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Arrivals are acknowledged within this time.
const ACKNOWLEDGE: Duration = Duration::from_millis(30);
/// What is not acknowledged after two round trips and this time is lost.
const RESEND: Duration = Duration::from_millis(150);
/// Most messages that are held until they are due, or until the next turn.
const HELD_MAX: usize = 256;

/// A neighbour.
#[derive(Debug)]
pub(super) struct Link<S> {
    /// The session of this host.
    session: u64,
    /// The session of the neighbour; 0 if it is not known.
    peer: u64,
    /// When the last message arrived that names this session.
    heard_at: Option<Instant>,
    sent_at: Option<Instant>,
    /// The last message of this session.
    number: u64,
    window: Window,
    /// Messages that were shown, with all that they carried: these are acknowledged.
    shown: Window,
    /// Messages of this session that have arrived at the neighbour.
    arrived: Window,
    pub(super) clock: Clock,
    /// Something that has arrived is to be acknowledged.
    owes: bool,
    held: Vec<Held>,
    pub(super) outbound: Outbound<S>,
    pub(super) inbound: Inbound<S>,
    pub(super) letters: Letters,
}

/// A message that is shown when it is due.
#[derive(Debug)]
struct Held {
    due: Instant,
    number: u64,
    /// Letters and entries.
    content: Vec<u8>,
}

/// What all links use.
pub(super) struct Common<'a, S> {
    pub(super) contract: &'a Contract<S>,
    pub(super) settings: &'a BorderSettings,
    pub(super) rows: &'a mut Rows<S>,
    pub(super) stats: &'a mut BorderStats,
}

impl<S: Fields> Link<S> {
    pub(super) fn new(neighbour: NeighbourId, session: u64) -> Self {
        Link {
            session,
            peer: 0,
            heard_at: None,
            sent_at: None,
            number: 0,
            window: Window::default(),
            shown: Window::default(),
            arrived: Window::default(),
            clock: Clock::default(),
            owes: false,
            held: Vec::new(),
            outbound: Outbound::new(),
            inbound: Inbound::new(neighbour),
            letters: Letters::new(),
        }
    }

    /// Whether the neighbour is silent.
    pub(super) fn is_dark(&self) -> bool {
        self.heard_at.is_none()
    }

    /// Everything of the neighbour vanishes.
    pub(super) fn close(&mut self, common: &mut Common<'_, S>) {
        self.inbound.clear(common.rows);
        common.stats.commands_lost += self.letters.give_up() as u64;
    }

    /// If the neighbour was silent for too long, its entities vanish, and a new session begins.
    pub(super) fn darken(&mut self, now: Instant, next_session: impl FnOnce() -> u64, common: &mut Common<'_, S>) {
        if self.heard_at.is_none_or(|at| now.since(at) < common.settings.dark_after) {
            return;
        }
        self.close(common);
        common.stats.darkened += 1;
        self.session = next_session();
        (self.peer, self.heard_at, self.number) = (0, None, 0);
        self.letters.expected = 1;
        self.forget_arrivals();
        self.outbound.restart();
    }

    fn forget_arrivals(&mut self) {
        (self.window, self.shown, self.arrived, self.clock) = Default::default();
        self.owes = false;
        self.held.clear();
    }

    /// Takes a message of the neighbour.
    ///
    /// # Errors
    /// [`Malformed`] when its header is.
    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8], common: &mut Common<'_, S>) -> Result<(), Malformed> {
        let mut reader = Reader::new(bytes);
        let header = Header::read(common.contract.number, &mut reader)?;
        // Sessions of a neighbour increase. While none is established, any may be the present one.
        if header.session < self.peer && !self.is_dark() {
            common.stats.stale += 1;
            return Ok(());
        }
        if header.session != self.peer {
            self.meet(header.session, common);
        }
        if header.to != self.session {
            // It does not know this session: it learns it from the next message.
            self.owes = true;
            common.stats.messages_in += 1;
            return Ok(());
        }
        if self.held.len() >= HELD_MAX {
            // Without an acknowledgment, what it carries is sent again.
            common.stats.overflowed += 1;
            return Ok(());
        }
        match self.window.note(header.number) {
            Novelty::Repeated => common.stats.repeated += 1,
            Novelty::Stale => common.stats.stale += 1,
            Novelty::New => {
                common.stats.messages_in += 1;
                self.hear(now, &header, &bytes[bytes.len() - reader.remaining()..], common);
            }
        }
        Ok(())
    }

    /// The neighbour has a new session: it knows nothing, and what it showed in the former one is void.
    fn meet(&mut self, session: u64, common: &mut Common<'_, S>) {
        if self.peer != 0 {
            self.close(common);
        }
        self.peer = session;
        self.letters.expected = 1;
        self.forget_arrivals();
        self.outbound.restart();
    }

    fn hear(&mut self, now: Instant, header: &Header, content: &[u8], common: &mut Common<'_, S>) {
        self.heard_at = Some(now);
        self.clock.note(now, header.at, header.lag);
        if header.arrived.newest >= self.arrived.newest {
            self.arrived = header.arrived;
        }
        common.stats.commands_taken += self.letters.acknowledge(header.expected) as u64;
        let due = self.clock.arrival(header.at).map_or(now, |at| at.min(now) + common.settings.hold);
        let place = self.held.partition_point(|held| (held.due, held.number) <= (due, header.number));
        self.held.insert(place, Held { due, number: header.number, content: content.into() });
    }

    /// Shows what is due. `deliver` passes a letter to its core; it gets the name here of the entity that it comes from, and of
    /// the neighbour's entity that it concerns.
    pub(super) fn show(
        &mut self,
        now: Instant,
        common: &mut Common<'_, S>,
        mut deliver: impl FnMut(&Letter, &mut Inbound<S>, &mut Common<'_, S>) -> Delivered,
    ) {
        let due = self.held.partition_point(|held| held.due <= now);
        for held in self.held.drain(..due).collect::<Vec<_>>() {
            let mut reader = Reader::new(&held.content);
            let Link { inbound, letters, owes, shown, .. } = self;
            let taken = Letters::read(&mut reader).and_then(|received| {
                *owes |= !received.is_empty() || reader.remaining() > 0;
                if inbound.take(held.number, common.contract, &mut reader, common.rows, common.stats)? {
                    shown.note(held.number);
                }
                letters.take(&received, |letter| deliver(letter, inbound, common));
                Ok(())
            });
            common.stats.malformed += u64::from(taken.is_err());
        }
        self.inbound.forget(now, self.window.newest, common.rows);
    }

    /// Time after which a message without an acknowledgment is lost.
    fn resend_after(&self) -> Duration {
        let round_trip = self.clock.estimate().map_or(0, |estimate| 2 * estimate.error_us.min(1_000_000));
        RESEND + Duration::from_micros(2 * round_trip)
    }

    /// Writes the messages of this turn, and passes them to `send`.
    pub(super) fn write(
        &mut self,
        now: Instant,
        own: &Own<S>,
        common: &mut Common<'_, S>,
        buffer: &mut [u8],
        mut send: impl FnMut(&[u8]),
    ) {
        let resend_after = self.resend_after();
        if !self.is_dark() {
            self.outbound.settle(now, &self.arrived, resend_after, common.stats);
            self.outbound.collect(now, own, common.settings);
        }
        for _ in 0..MESSAGES_PER_TURN_MAX {
            let has_content = !self.is_dark() && (self.outbound.has_more() || self.letters.are_due(now, resend_after));
            let waited = self.sent_at.map_or(Duration::MAX, |at| now.since(at));
            if !has_content && waited < if self.owes { ACKNOWLEDGE } else { HEARTBEAT } {
                return;
            }
            send(self.message(now, own, resend_after, common, buffer));
        }
    }

    fn message<'a>(
        &mut self,
        now: Instant,
        own: &Own<S>,
        resend_after: Duration,
        common: &mut Common<'_, S>,
        buffer: &'a mut [u8],
    ) -> &'a [u8] {
        self.number += 1;
        self.sent_at = Some(now);
        self.owes = false;
        let header = Header {
            session: self.session,
            to: self.peer,
            number: self.number,
            at: now.as_micros(),
            arrived: self.shown,
            lag: self.clock.lag(),
            expected: self.letters.expected,
        };
        let mut writer = Writer::new(buffer);
        header.write(common.contract.number, &mut writer).expect("a message has room for its header");
        // A silent neighbour gets no letters: they would wait for a session that may never come.
        let none = &mut Letters::new();
        let letters = if self.is_dark() { none } else { &mut self.letters };
        let written = letters.write(now, resend_after, &mut writer).expect("a message has room for letters");
        common.stats.commands_out += written as u64;
        if !self.is_dark() {
            let Common { contract, settings, stats, .. } = common;
            self.outbound.write(now, self.number, own, contract, settings, stats, &mut writer);
        }
        let len = writer.used();
        common.stats.messages_out += 1;
        common.stats.bytes_out += len as u64;
        &buffer[..len]
    }
}
