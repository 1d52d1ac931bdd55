//! The way of a datagram in: from the link to the messages in it.
//!
//! Nothing that a datagram says changes a timer, an address, a window or a counter of a connection before the datagram
//! has proved authentic.

use super::Endpoint;
use super::budget::Prices;
use super::entry::Entry;
use super::life::Departure;
use super::observer::show;
use super::offenders::Offence;
use super::sender::{Origin, Sender};
use crate::connection::{ConnectionEvent, Ingested, Refused, Resources};
use crate::link::Path;
use crate::time::Instant;
use crate::wire::{Channel, ConnectionId, Header, Messages, flags};

/// The outcome of [`Endpoint::receive`].
#[derive(Debug)]
pub enum Received<'a> {
    /// Messages of a connection, in the order they were sent; perhaps none.
    Messages {
        /// The connection.
        id: ConnectionId,
        /// The messages in the datagram.
        messages: Messages<'a>,
        /// Whether more messages wait in [`Endpoint::read`]. Read them before you hand in the next datagram.
        more: bool,
    },
    /// The datagram, unchanged, belongs to a connection of this other core.
    OtherCore(u8, &'a mut [u8]),
    /// Nothing for the caller. The datagram was used or dropped, and counted either way.
    Nothing,
}

impl Endpoint {
    /// Takes a datagram and opens it in place. Drain [`Self::poll_event`] before you read the messages: the connection
    /// may have just joined, or may have a new id.
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, path: Path, datagram: &'a mut [u8]) -> Received<'a> {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        show(&mut self.observer, true, path, datagram);
        let Ok(header) = Header::decode(datagram) else { return self.bad_size(path) };
        if header.flags == flags::FORWARDED {
            return self.receive_forwarded(now, path, &header, datagram);
        }
        self.receive_from(now, path, None, &header, datagram)
    }

    /// Takes a datagram of the client at `origin`, behind a gateway; without one, of the client at the end of the path.
    #[inline]
    pub(super) fn receive_from<'a>(
        &mut self,
        now: Instant,
        path: Path,
        origin: Option<Origin>,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        if header.connection.generation() == 0 {
            return self.receive_unencrypted(now, path, origin, header, datagram);
        }
        if header.connection.core() != self.core {
            return self.for_other_core(path, header.connection.core(), datagram);
        }
        let Some(mut entry) = self.table.get_mut(header.connection) else {
            return self.not_connected(now, path, header.connection);
        };
        if !entry.connection.has_id(header.connection) {
            return self.unknown_connection(path);
        }
        if entry.is_closing() {
            // The server has sent this client its last datagram, and delivers no more of its messages.
            self.stats.late_in += 1;
            return Received::Nothing;
        }
        let bytes = datagram.len();
        let plaintext = match entry.connection.open(now, header, datagram) {
            Ok(plaintext) => plaintext,
            Err(refused) => return self.refused(path, refused),
        };
        if !entry.budget.allows(now) {
            entry.connection.stats.over_budget += 1;
            return self.refused(path, Refused::OverBudget);
        }
        if entry.is_half_open() {
            // Before anything in it is used: it is meant for the session that the client resumes.
            if self.awaits_session(header.connection) {
                return Received::Nothing;
            }
            self.establish(now, header.connection);
            let Some(established) = self.table.get_mut(header.connection).filter(|it| !it.is_closing()) else {
                return Received::Nothing;
            };
            entry = established;
        }
        let ingested = match ingest(now, entry, header, bytes, plaintext, &mut self.resources, &self.prices) {
            Ok(ingested) => ingested,
            Err(refused) => return self.refused(path, refused),
        };
        let id = header.connection;
        let path_before = entry.path;
        if origin.is_none()
            && path_before == path
            && !entry.connection.is_changing_id()
            && let Ingested::Messages(messages) = ingested
        {
            self.stats.messages_in += u64::from(messages);
            return Received::Messages { id, messages: Messages::new(plaintext), more: false };
        }
        let sender = Sender { path, origin };
        if path_before != path {
            self.heard_on_other_path(now, id, sender, header, bytes);
        } else if origin.is_some() {
            self.heard_behind_gateway(sender, header);
        }
        // The caller knows the connection by its newest id, whichever the client still uses.
        let id = self.table.id_in_slot(id.slot().into()).unwrap_or(id);
        self.ingested(now, path, id, ingested, plaintext)
    }

    /// A packet outside a connection: admission answers it, perhaps that of another core.
    fn receive_unencrypted<'a>(
        &mut self,
        now: Instant,
        path: Path,
        origin: Option<Origin>,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        // If the server had more cores before its restart, any core will do.
        let core = header.connection.core();
        if header.connection != ConnectionId::NONE && core != self.core && usize::from(core) < self.cores {
            return self.for_other_core(path, core, datagram);
        }
        let (admission, mut context) = self.admission();
        let sender = Sender { path, origin };
        admission.receive(now, sender, datagram, &mut context);
        Received::Nothing
    }

    #[cold]
    pub(super) fn bad_size(&mut self, path: Path) -> Received<'static> {
        self.resources.drops.bad_size += 1;
        self.offenders.note(Offence::BadSize, path.peer);
        Received::Nothing
    }

    /// Counts a datagram whose connection does not exist: it is late, or there never was such a connection.
    #[cold]
    fn not_connected(&mut self, now: Instant, path: Path, id: ConnectionId) -> Received<'static> {
        if !self.table.has_just_ended(now, id) {
            return self.unknown_connection(path);
        }
        self.stats.late_in += 1;
        Received::Nothing
    }

    #[cold]
    fn unknown_connection(&mut self, path: Path) -> Received<'static> {
        self.resources.drops.unknown_connection += 1;
        self.offenders.note(Offence::UnknownConnection, path.peer);
        Received::Nothing
    }

    /// Counts a datagram that its connection refused, and notes its sender.
    #[cold]
    fn refused(&mut self, path: Path, refused: Refused) -> Received<'static> {
        *self.resources.drops.counter_of(refused) += 1;
        let offence = match refused {
            Refused::WrongFlags => Offence::WrongFlags,
            Refused::Replayed => Offence::Replayed,
            Refused::NotAuthentic => Offence::NotAuthentic,
            Refused::OverBudget => Offence::OverBudget,
            // Not its sender's fault.
            Refused::NoMemory => return Received::Nothing,
        };
        self.offenders.note(offence, path.peer);
        Received::Nothing
    }

    /// Acts on an authentic datagram, and returns its messages.
    fn ingested<'a>(
        &mut self,
        now: Instant,
        path: Path,
        id: ConnectionId,
        ingested: Ingested,
        plaintext: &'a [u8],
    ) -> Received<'a> {
        let (id, messages) = match ingested {
            Ingested::Messages(messages) | Ingested::Acted(messages) => (id, messages),
            Ingested::PathResponse(messages, value) => {
                self.path_response(now, path, id, value);
                // The connection may have a new id since.
                (self.table.id_in_slot(id.slot().into()).unwrap_or(id), messages)
            }
            Ingested::PeerLeft(reason) => {
                self.leave(now, id, Departure::Client(reason));
                return Received::Nothing;
            }
            Ingested::End(reason) => {
                self.disconnect(id, reason);
                return Received::Nothing;
            }
        };
        self.stats.messages_in += u64::from(messages);
        let more = self.follow_up(now, id);
        Received::Messages { id, messages: Messages::new(plaintext), more }
    }

    /// Does what is due after a datagram: answers, timers, events. Returns whether messages wait to be read.
    fn follow_up(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some(entry) = self.table.get_mut(id) else { return false };
        self.stats.packets_lost += entry.newly_lost();
        let more = entry.connection.has_ready();
        let event = entry.connection.poll_event();
        self.activate(now, id);
        self.table.schedule(id);
        if let Some(ConnectionEvent::IntegrityAnswer(correct)) = event {
            self.integrity_answer(id, correct);
        }
        more
    }

    /// The next message of `id` that could not be delivered in place: it arrived in pieces, too early, or compressed.
    /// It replaces the contents of `message`. Returns its channel.
    pub fn read(&mut self, id: ConnectionId, message: &mut Vec<u8>) -> Option<Channel> {
        let entry = self.table.get_mut(id).filter(|entry| !entry.is_closing())?;
        match entry.connection.read(message, &mut self.resources) {
            Ok(None) => None,
            Ok(Some(channel)) => {
                self.stats.messages_in += 1;
                Some(channel)
            }
            Err(reason) => {
                self.disconnect(id, reason);
                None
            }
        }
    }

    pub(super) fn for_other_core<'a>(&mut self, path: Path, core: u8, datagram: &'a mut [u8]) -> Received<'a> {
        if usize::from(core) >= self.cores {
            return self.unknown_connection(path);
        }
        debug_assert!(core != self.core, "a core does not pass datagrams to itself");
        Received::OtherCore(core, datagram)
    }

    /// Counts datagrams that the caller dropped because they had waited too long.
    pub fn count_too_old(&mut self, datagrams: u64) {
        self.resources.drops.too_old += datagrams;
    }

    /// Counts a datagram that the caller dropped because its connection has had its share.
    pub fn count_over_share(&mut self) {
        self.resources.drops.over_share += 1;
    }

    /// Counts a datagram that the caller could not pass to its core.
    pub fn count_misrouted(&mut self) {
        self.resources.drops.misrouted += 1;
    }
}

/// Reads the frames of an opened datagram, and charges the client's budget for them.
#[inline]
fn ingest(
    now: Instant,
    entry: &mut Entry,
    header: &Header,
    bytes: usize,
    plaintext: &mut [u8],
    resources: &mut Resources,
    prices: &Prices,
) -> Result<Ingested, Refused> {
    let (bad_frames, work) = (resources.drops.bad_frame, resources.frame_cost);
    let ingested = entry.connection.ingest(now, header, bytes, plaintext, resources).inspect_err(|_| {
        // Opening and reading it cost as much as if it had been used.
        entry.budget.charge(now, prices, 1, 0, bytes);
    })?;
    let (bad_frames, work) = (resources.drops.bad_frame - bad_frames, resources.frame_cost - work);
    let messages = match ingested {
        Ingested::Messages(messages) | Ingested::Acted(messages) | Ingested::PathResponse(messages, _) => messages,
        Ingested::PeerLeft(_) | Ingested::End(_) => 0,
    };
    entry.budget.charge(now, prices, work + u64::from(messages), bad_frames, bytes);
    Ok(ingested)
}
