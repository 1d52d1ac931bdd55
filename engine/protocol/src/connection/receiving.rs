//! Acts on the frames of an authentic datagram.

use super::channels::Disposition;
use super::compression::decompress;
use super::control_frames::ControlKind;
use super::frame_cost::frame_cost;
use super::keys::Role;
use super::rekeying::{RequestOutcome, ResponseOutcome, request_name};
use super::resources::{Resources, draw_secret};
use super::sealing::Refused;
use super::state::Connection;
use crate::limits::CHANNELS;
use crate::time::Instant;
use crate::wire::{
    Ack, Channel, ConnectionId, Delivery, DisconnectReason, Fragment, Frame, Frames, Header, IntegrityFrame,
    NUMBER_BYTES, mark_consumed,
};

/// What an authentic datagram brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ingested {
    /// This many messages to deliver in place, and nothing that anything follows from: no answer, event or timer.
    Messages(u32),
    /// This many messages to deliver in place, and frames that the connection acted on: [`Connection::wants_datagram`],
    /// [`Connection::read`], [`Connection::poll_event`] and [`Connection::deadline`] may have changed.
    Acted(u32),
    /// The same, and the peer answers a path challenge with this value.
    PathResponse(u32, u64),
    /// The peer closed the connection.
    PeerLeft(DisconnectReason),
    /// The connection must end.
    End(DisconnectReason),
}

/// What happens with a frame.
enum FrameOutcome {
    /// It is a message that is delivered in place.
    Deliver,
    /// It is a message that must not be delivered in place.
    Consumed,
    /// It is no message.
    Done,
    /// The connection ends, or the driver must act.
    Stop(Ingested),
}

impl Connection {
    /// Acts on the frames of a datagram that [`Connection::open`] opened. Messages to deliver in place stay where they
    /// are, for [`crate::wire::Messages`]. Others wait for [`Connection::read`].
    ///
    /// # Errors
    /// [`Refused::NoMemory`]; the connection does not change.
    #[inline]
    pub fn ingest(
        &mut self,
        now: Instant,
        header: &Header,
        bytes: usize,
        plaintext: &mut [u8],
        resources: &mut Resources,
    ) -> Result<Ingested, Refused> {
        if resources.pool.is_low() && self.would_keep(plaintext, resources.pool.is_exhausted()) {
            return Err(Refused::NoMemory);
        }
        let expected = self.replay.highest() + 1;
        self.note_datagram(now, header, bytes);
        let (mut frames, mut messages) = (Frames::new(plaintext), 0);
        loop {
            let at = plaintext.len() - frames.remaining();
            match frames.next() {
                None => return Ok(Ingested::Messages(messages)),
                Some(Frame::Message(channel, _)) if channel.delivery() == Delivery::Unreliable => messages += 1,
                Some(_) => return Ok(self.act_on_all(now, header, expected, plaintext, at, messages, resources)),
            }
        }
    }

    /// Acts on the frames from `at` on; before them are `messages` to deliver in place. `expected` is the highest
    /// sequence before this datagram, plus 1.
    #[allow(clippy::too_many_arguments, reason = "the rest of `ingest`, which is the hot path")]
    fn act_on_all(
        &mut self,
        now: Instant,
        header: &Header,
        expected: u64,
        plaintext: &mut [u8],
        mut at: usize,
        mut messages: u32,
        resources: &mut Resources,
    ) -> Ingested {
        if let Some(transport) = &mut self.transport {
            transport.consumed.clear();
        }
        let (mut ack_eliciting, mut response) = (false, None);
        let mut frames = Frames::new(&plaintext[at..]);
        while let Some(frame) = frames.next() {
            let next = plaintext.len() - frames.remaining();
            let outcome = self.act_on(now, header.sequence, frame, resources);
            if !matches!(outcome, FrameOutcome::Deliver) {
                resources.frame_cost += frame_cost(&frame);
            }
            match outcome {
                FrameOutcome::Deliver => messages += 1,
                FrameOutcome::Consumed => self.consumed_mut(now).push(at as u16),
                FrameOutcome::Done => {}
                FrameOutcome::Stop(Ingested::PathResponse(_, value)) => response = Some(value),
                FrameOutcome::Stop(stop) => return stop,
            }
            ack_eliciting |= frame.is_ack_eliciting();
            at = next;
        }
        if ack_eliciting {
            self.transport_mut(now).acks.received(now, header.sequence, expected);
        }
        if let Some(transport) = &mut self.transport {
            transport.consumed.drain(..).for_each(|at| mark_consumed(plaintext, at.into()));
        }
        match response {
            Some(value) => Ingested::PathResponse(messages, value),
            None => Ingested::Acted(messages),
        }
    }

    #[inline]
    fn note_datagram(&mut self, now: Instant, header: &Header, bytes: usize) {
        if header.sequence > self.replay.highest() {
            self.highest_at = now;
        }
        self.replay.commit(header.sequence);
        self.heartbeat.heard(now);
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += bytes as u64;
        if header.connection != self.id {
            self.received_under_other_id(header.connection);
        }
    }

    #[cold]
    fn consumed_mut(&mut self, now: Instant) -> &mut Vec<u16> {
        &mut self.transport_mut(now).consumed
    }

    /// Puts the next message that could not be delivered in place into `message`. Returns its channel, or None if there
    /// is no message. Call it after every datagram: these messages go before those of later datagrams.
    ///
    /// # Errors
    /// The reason to end the connection, if a message cannot be decompressed.
    pub fn read(
        &mut self,
        message: &mut Vec<u8>,
        resources: &mut Resources,
    ) -> Result<Option<Channel>, DisconnectReason> {
        let Some(ready) = self.transport.as_mut().and_then(|transport| transport.channels.next_ready()) else {
            return Ok(None);
        };
        let restored = if ready.compressed {
            decompress(ready.buffer.bytes(), message)
        } else {
            message.clear();
            message.extend_from_slice(ready.buffer.bytes());
            Ok(())
        };
        resources.pool.give_back(ready.buffer);
        match restored {
            Ok(()) => Ok(Some(ready.channel)),
            Err(_) => {
                resources.drops.bad_compression += 1;
                Err(DisconnectReason::BadCompression)
            }
        }
    }

    /// Whether [`Self::read`] has a message.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.transport.as_ref().is_some_and(|transport| transport.channels.has_ready())
    }

    /// Whether `sequence` is the highest received.
    pub(crate) fn is_newest(&self, sequence: u64) -> bool {
        sequence == self.replay.highest()
    }

    /// Whether accepting a datagram would take memory (PROTOCOL.md#memory-pressure).
    #[cold]
    fn would_keep(&self, plaintext: &[u8], exhausted: bool) -> bool {
        // How many messages of each ordered channel this datagram would deliver before the current one.
        let mut ahead = [0; CHANNELS];
        let channels = self.transport.as_ref().map(|transport| &transport.channels);
        let distance = |channel, number| channels.map_or(number, |it| it.distance(channel, number));
        Frames::new(plaintext).any(|frame| match frame {
            Frame::Compressed(..) => true,
            Frame::Fragment(fragment) => {
                // A begun message has its memory. The message that others wait for may use the reserve.
                let begun = channels.is_some_and(|it| it.has_begun(fragment.channel, fragment.number));
                let next = distance(fragment.channel, fragment.number) == 0 && !exhausted;
                !(begun || next && fragment.channel.delivery().is_reliable())
            }
            Frame::Message(channel, body) if channel.delivery() == Delivery::ReliableOrdered => {
                let (number, _) = split_number(body);
                let distance = distance(channel, number);
                let next = &mut ahead[channel.index()];
                let kept = distance < 0x8000 && distance > *next;
                *next += u16::from(distance == *next);
                kept || channels.is_some_and(|it| it.has_ready())
            }
            _ => false,
        })
    }

    #[cold]
    fn received_under_other_id(&mut self, id: ConnectionId) {
        assert!(self.has_id(id), "the driver finds a connection by its id");
        if self.role() == Role::Server {
            // The client uses its new id.
            self.id = id;
            self.other_id = None;
        }
    }

    fn role(&self) -> Role {
        self.rekeying.keys().role
    }

    /// Acts on any frame except a message of an unreliable channel.
    fn act_on(&mut self, now: Instant, sequence: u64, frame: Frame<'_>, resources: &mut Resources) -> FrameOutcome {
        match frame {
            Frame::Message(channel, body) => {
                return match channel.delivery() {
                    Delivery::Unreliable => FrameOutcome::Deliver,
                    Delivery::UnreliableSequenced => self.sequenced(now, channel, body, resources),
                    _ => self.reliable(now, channel, body, false, resources),
                };
            }
            Frame::Compressed(channel, body) => return self.compressed(now, channel, body, resources),
            Frame::Fragment(fragment) => return self.fragment(now, &fragment, resources),
            Frame::Ack(ack) => return self.ack(now, &ack, resources),
            Frame::BadAck => return impossible_ack(resources),
            Frame::Ping(value) => self.transient.pong = Some(value),
            Frame::Pong(value) => self.stats.pongs_in += u64::from(self.heartbeat.pong(now, value)),
            Frame::PathChallenge(value) => self.transient.path_response = Some(value),
            Frame::PathResponse(value) => return FrameOutcome::Stop(Ingested::PathResponse(0, value)),
            Frame::Disconnect(reason) => return FrameOutcome::Stop(Ingested::PeerLeft(reason)),
            Frame::NewId(id) => self.new_id(id, sequence, resources),
            Frame::Integrity(frame) => self.integrity_frame(frame, resources),
            Frame::RekeyRequest(key) => return self.rekey_request(now, key, resources),
            Frame::RekeyResponse { to, key } => match self.rekeying.answered(now, to, key) {
                ResponseOutcome::Switched => self.transport_mut(now).controls.drop_rekey_request(),
                ResponseOutcome::Ignored => {}
                ResponseOutcome::WeakKey => return weak_key(resources),
            },
            Frame::Probe => {}
            Frame::Bad => resources.drops.bad_frame += 1,
        }
        FrameOutcome::Done
    }

    fn ack(&mut self, now: Instant, ack: &Ack<'_>, resources: &mut Resources) -> FrameOutcome {
        let next_sequence = self.next_sequence;
        let Connection { transport: Some(transport), rekeying, .. } = self else {
            // Nothing ack-eliciting was sent. The protocol tolerates such an acknowledgment.
            return if ack.largest < next_sequence { FrameOutcome::Done } else { impossible_ack(resources) };
        };
        let control_acked = |kind| {
            if kind == ControlKind::RekeyResponse {
                rekeying.response_acknowledged();
            }
        };
        match transport.acknowledged(now, ack, next_sequence, &mut resources.pool, control_acked) {
            Ok(()) => FrameOutcome::Done,
            Err(_) => impossible_ack(resources),
        }
    }

    fn sequenced(&mut self, now: Instant, channel: Channel, body: &[u8], resources: &mut Resources) -> FrameOutcome {
        let (number, bytes) = split_number(body);
        if !self.numbers_mut(channel).take_newer(number) {
            resources.drops.outdated += 1;
            return FrameOutcome::Consumed;
        }
        if !self.has_ready() {
            return FrameOutcome::Deliver;
        }
        // Older messages wait to be read: this one must not overtake them.
        if !self.transport_mut(now).channels.unreliable(channel, bytes, false, &mut resources.pool) {
            resources.drops.no_memory += 1;
        }
        FrameOutcome::Consumed
    }

    fn reliable(
        &mut self,
        now: Instant,
        channel: Channel,
        body: &[u8],
        compressed: bool,
        resources: &mut Resources,
    ) -> FrameOutcome {
        let (number, bytes) = split_number(body);
        let channels = &mut self.transport_mut(now).channels;
        match channels.message(now, channel, number, bytes, compressed, &mut resources.pool) {
            Ok(Disposition::InPlace) => FrameOutcome::Deliver,
            Ok(Disposition::Buffered) => FrameOutcome::Consumed,
            Ok(Disposition::Duplicate) => {
                resources.duplicates += 1;
                FrameOutcome::Consumed
            }
            Err(_) => beyond_window(resources),
        }
    }

    fn compressed(&mut self, now: Instant, channel: Channel, body: &[u8], resources: &mut Resources) -> FrameOutcome {
        let bytes = match channel.delivery() {
            Delivery::Unreliable => body,
            Delivery::UnreliableSequenced => {
                let (number, bytes) = split_number(body);
                if !self.numbers_mut(channel).take_newer(number) {
                    resources.drops.outdated += 1;
                    return FrameOutcome::Done;
                }
                bytes
            }
            _ => return self.reliable(now, channel, body, true, resources),
        };
        if !self.transport_mut(now).channels.unreliable(channel, bytes, true, &mut resources.pool) {
            resources.drops.no_memory += 1;
        }
        FrameOutcome::Done
    }

    fn fragment(&mut self, now: Instant, fragment: &Fragment<'_>, resources: &mut Resources) -> FrameOutcome {
        let channels = &mut self.transport_mut(now).channels;
        if fragment.channel.delivery().is_reliable() {
            match channels.fragment(now, fragment, &mut resources.pool) {
                Ok(new) => resources.duplicates += u64::from(!new),
                Err(_) => return beyond_window(resources),
            }
            return FrameOutcome::Done;
        }
        let (abandoned, refused) = (channels.abandoned(), channels.pieces_refused());
        let complete = channels.unreliable_fragment(now, fragment, &mut resources.pool);
        resources.drops.fragments_abandoned += channels.abandoned() - abandoned;
        resources.drops.fragments_refused += channels.pieces_refused() - refused;
        if complete
            && fragment.channel.delivery() == Delivery::UnreliableSequenced
            && !self.numbers_mut(fragment.channel).take_newer(fragment.number)
        {
            self.transport_mut(now).channels.discard_newest(&mut resources.pool);
            resources.drops.outdated += 1;
        }
        FrameOutcome::Done
    }

    fn new_id(&mut self, id: ConnectionId, sequence: u64, resources: &mut Resources) {
        // Only a server gives new ids, and only for its own slot.
        let same_slot = id.core() == self.id.core() && id.slot() == self.id.slot();
        if self.role() == Role::Server || !same_slot {
            resources.drops.bad_frame += 1;
        } else if id != self.id && sequence > self.id_changed_by {
            // A late copy of an earlier id is ignored.
            self.id_changed_by = sequence;
            self.other_id = Some(self.id);
            self.id = id;
        }
    }

    fn rekey_request(&mut self, now: Instant, key: &[u8; 32], resources: &mut Resources) -> FrameOutcome {
        let Resources { random, key_agreements, .. } = resources;
        match self.rekeying.requested(now, key, || key_agreements.take(now).then(|| draw_secret(random))) {
            RequestOutcome::Answer(answer) => {
                let controls = &mut self.transport_mut(now).controls;
                controls.drop_rekey_request();
                controls.answer_rekey(request_name(key), answer);
            }
            RequestOutcome::AnswerAgain => self.transport_mut(now).controls.queue(ControlKind::RekeyResponse),
            RequestOutcome::Ignore => resources.drops.rekey_refused += 1,
            RequestOutcome::WeakKey => return weak_key(resources),
        }
        FrameOutcome::Done
    }

    fn integrity_frame(&mut self, frame: IntegrityFrame, resources: &mut Resources) {
        let role = self.role();
        if !self.integrity.received(frame, role) {
            resources.drops.bad_frame += 1;
        }
    }
}

fn impossible_ack(resources: &mut Resources) -> FrameOutcome {
    resources.drops.impossible_ack += 1;
    FrameOutcome::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
}

fn weak_key(resources: &mut Resources) -> FrameOutcome {
    resources.drops.weak_key += 1;
    FrameOutcome::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
}

fn beyond_window(resources: &mut Resources) -> FrameOutcome {
    if resources.pool.is_exhausted() {
        // Perhaps there was only no memory, which is not the peer's fault.
        return FrameOutcome::Stop(Ingested::End(DisconnectReason::ShortOfMemory));
    }
    resources.drops.beyond_window += 1;
    FrameOutcome::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
}

/// A message's number and its bytes. The reader has checked that there is a number.
fn split_number(body: &[u8]) -> (u16, &[u8]) {
    let (number, bytes) = body.split_first_chunk::<NUMBER_BYTES>().expect("a frame without its number is a bad one");
    (u16::from_le_bytes(*number), bytes)
}
