//! What the frames of an authentic datagram do.

use super::work::price_of;
use super::*;

/// What one frame came to.
enum Step {
    /// A message that can be delivered as it lies there.
    Deliver,
    /// Dealt with: not to be delivered from the datagram.
    Strike,
    /// Nothing that a reader of messages could mistake for one.
    Pass,
    /// The connection is over, or the driver must act.
    Stop(Ingested),
}

impl Connection {
    /// Takes in the frames of a datagram that [`Connection::open`] has opened, numbered as `header` says. Messages that are
    /// to be delivered are left in place for [`crate::wire::Messages`]; others wait in [`Connection::read`].
    ///
    /// # Errors
    /// [`Refused::NoMemory`]; the session is then as it was before.
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
        self.replay.commit(header.sequence);
        self.heartbeat.heard(now);
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += bytes as u64;
        if header.connection != self.id {
            self.called_by_other_name(header.connection);
        }
        if let Some(transport) = &mut self.transport {
            transport.struck.clear();
        }
        let (mut messages, mut asks, mut response) = (0, false, None);
        let mut frames = Frames::new(plaintext);
        let mut at = 0;
        while let Some(frame) = frames.next() {
            let next = plaintext.len() - frames.remaining();
            if let Frame::Message(channel, _) = frame
                && channel.delivery() == Delivery::Unreliable
            {
                messages += 1;
                at = next;
                continue;
            }
            let step = self.apply(now, header.sequence, frame, resources);
            if !matches!(step, Step::Deliver) {
                resources.work += price_of(&frame);
            }
            match step {
                Step::Deliver => messages += 1,
                Step::Strike => self.strikes(now).push(at as u16),
                Step::Pass => {}
                Step::Stop(Ingested::PathResponse(_, value)) => response = Some(value),
                Step::Stop(stop) => return Ok(stop),
            }
            asks |= frame.is_ack_eliciting();
            at = next;
        }
        if asks {
            self.transport_mut(now);
        }
        if let Some(transport) = &mut self.transport {
            transport.acks.received(now, header.sequence, expected, asks);
            transport.struck.drain(..).for_each(|at| mark_consumed(plaintext, at.into()));
        }
        Ok(match response {
            Some(value) => Ingested::PathResponse(messages, value),
            None => Ingested::Messages(messages),
        })
    }

    #[cold]
    fn strikes(&mut self, now: Instant) -> &mut Vec<u16> {
        &mut self.transport_mut(now).struck
    }

    /// The next message that could not be delivered from a datagram, put into `message`; gives its channel. None when
    /// there is none. Ask after every datagram: what waits here goes before what later datagrams bring.
    ///
    /// # Errors
    /// The reason to end the connection, when a message cannot be decompressed.
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

    /// Whether [`Self::read`] would give something.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.transport.as_ref().is_some_and(|transport| transport.channels.has_ready())
    }

    /// Whether a datagram holds something that costs memory to take in.
    #[cold]
    fn would_keep(&self, plaintext: &[u8], exhausted: bool) -> bool {
        // How many messages of each ordered channel would be delivered before the one at hand.
        let mut ahead = [0; CHANNELS];
        let channels = self.transport.as_ref().map(|transport| &transport.channels);
        let distance = |channel, number| channels.map_or(number, |it| it.distance(channel, number));
        Frames::new(plaintext).any(|frame| match frame {
            Frame::Compressed(..) => true,
            Frame::Fragment(fragment) => {
                // What is begun has its memory; the message that others wait for gets what is left.
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
    fn called_by_other_name(&mut self, id: ConnectionId) {
        assert!(self.is_called(id), "the driver finds a session by its name");
        if self.keys.role() == Role::Server {
            // The client has taken up its new name.
            self.id = id;
            self.other_id = None;
        }
    }

    /// Does what a frame asks for, other than a plain unreliable message.
    fn apply(&mut self, now: Instant, sequence: u64, frame: Frame<'_>, resources: &mut Resources) -> Step {
        match frame {
            Frame::Message(channel, body) => {
                return match channel.delivery() {
                    Delivery::Unreliable => Step::Deliver,
                    Delivery::UnreliableSequenced => self.sequenced(now, channel, body, resources),
                    _ => self.reliable(now, channel, body, false, resources),
                };
            }
            Frame::Compressed(channel, body) => return self.compressed(now, channel, body, resources),
            Frame::Fragment(fragment) => return self.fragment(now, &fragment, resources),
            Frame::Ack(ack) => {
                let next_sequence = self.next_sequence;
                let Connection { transport: Some(transport), keys, .. } = self else {
                    // Nothing of what it speaks of asked for it. It is not wrong for that.
                    return if ack.largest < next_sequence { Step::Pass } else { self.bad_ack(resources) };
                };
                let settled = |control| {
                    if control == Control::RekeyResponse {
                        keys.answer_acknowledged();
                    }
                };
                if transport.acknowledged(now, &ack, next_sequence, &mut resources.pool, settled).is_err() {
                    return self.bad_ack(resources);
                }
            }
            Frame::BadAck => return self.bad_ack(resources),
            Frame::Ping(value) => self.pending.pong = Some(value),
            Frame::Pong(value) => self.stats.pongs_in += u64::from(self.heartbeat.pong(now, value)),
            Frame::PathChallenge(value) => self.pending.path_response = Some(value),
            Frame::PathResponse(value) => return Step::Stop(Ingested::PathResponse(0, value)),
            Frame::Disconnect(reason) => return Step::Stop(Ingested::PeerLeft(reason)),
            Frame::NewId(id) => self.renamed(id, sequence, resources),
            Frame::Integrity(frame) => self.integrity(frame, resources),
            Frame::RekeyRequest(key) => return self.rekey_requested(now, key, resources),
            Frame::RekeyResponse { to, key } => match self.keys.answered(now, to, key) {
                Answered::Switched => self.transport_mut(now).controls.drop_rekey_request(),
                Answered::Ignored => {}
                Answered::Weak => return self.weak_key(resources),
            },
            Frame::Probe => {}
            Frame::Bad => resources.drops.bad_frame += 1,
        }
        Step::Pass
    }

    fn bad_ack(&mut self, resources: &mut Resources) -> Step {
        resources.drops.impossible_ack += 1;
        Step::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
    }

    fn weak_key(&mut self, resources: &mut Resources) -> Step {
        resources.drops.weak_key += 1;
        Step::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
    }

    fn beyond_window(&mut self, resources: &mut Resources) -> Step {
        if resources.pool.is_exhausted() {
            // What is kept may have found no room, which is no fault of the peer's.
            return Step::Stop(Ingested::End(DisconnectReason::ShortOfMemory));
        }
        resources.drops.beyond_window += 1;
        Step::Stop(Ingested::End(DisconnectReason::ProtocolViolation))
    }

    fn sequenced(&mut self, now: Instant, channel: Channel, body: &[u8], resources: &mut Resources) -> Step {
        let (number, bytes) = split_number(body);
        if !self.is_newer(channel, number) {
            resources.drops.outdated += 1;
            return Step::Strike;
        }
        if !self.has_ready() {
            return Step::Deliver;
        }
        // Older ones wait to be read: it must not overtake them.
        if !self.transport_mut(now).channels.unreliable(channel, bytes, false, &mut resources.pool) {
            resources.drops.no_memory += 1;
        }
        Step::Strike
    }

    /// Whether a sequenced message is newer than all that were delivered; it is then the newest.
    fn is_newer(&mut self, channel: Channel, number: u16) -> bool {
        let numbers = &mut self.numbers[unreliable_index(channel)];
        let newer = numbers.newest.is_none_or(|newest| (1..0x8000).contains(&number.wrapping_sub(newest)));
        if newer {
            numbers.newest = Some(number);
        }
        newer
    }

    fn reliable(
        &mut self,
        now: Instant,
        channel: Channel,
        body: &[u8],
        compressed: bool,
        resources: &mut Resources,
    ) -> Step {
        let (number, bytes) = split_number(body);
        let channels = &mut self.transport_mut(now).channels;
        match channels.message(now, channel, number, bytes, compressed, &mut resources.pool) {
            Ok(Arrived::InPlace) => Step::Deliver,
            Ok(Arrived::Kept) => Step::Strike,
            Ok(Arrived::Duplicate) => {
                resources.duplicates += 1;
                Step::Strike
            }
            Err(_) => self.beyond_window(resources),
        }
    }

    fn compressed(&mut self, now: Instant, channel: Channel, body: &[u8], resources: &mut Resources) -> Step {
        let bytes = match channel.delivery() {
            Delivery::Unreliable => body,
            Delivery::UnreliableSequenced => {
                let (number, bytes) = split_number(body);
                if !self.is_newer(channel, number) {
                    resources.drops.outdated += 1;
                    return Step::Pass;
                }
                bytes
            }
            _ => return self.reliable(now, channel, body, true, resources),
        };
        if !self.transport_mut(now).channels.unreliable(channel, bytes, true, &mut resources.pool) {
            resources.drops.no_memory += 1;
        }
        Step::Pass
    }

    fn fragment(&mut self, now: Instant, fragment: &Fragment<'_>, resources: &mut Resources) -> Step {
        let channels = &mut self.transport_mut(now).channels;
        if fragment.channel.delivery().is_reliable() {
            match channels.fragment(now, fragment, &mut resources.pool) {
                Ok(useful) => resources.duplicates += u64::from(!useful),
                Err(_) => return self.beyond_window(resources),
            }
            return Step::Pass;
        }
        let (abandoned, refused) = (channels.abandoned(), channels.pieces_refused());
        let complete = channels.unreliable_fragment(now, fragment, &mut resources.pool);
        resources.drops.fragments_abandoned += channels.abandoned() - abandoned;
        resources.drops.fragments_refused += channels.pieces_refused() - refused;
        if complete
            && fragment.channel.delivery() == Delivery::UnreliableSequenced
            && !self.is_newer(fragment.channel, fragment.number)
        {
            self.transport_mut(now).channels.discard_newest(&mut resources.pool);
            resources.drops.outdated += 1;
        }
        Step::Pass
    }

    fn renamed(&mut self, id: ConnectionId, sequence: u64, resources: &mut Resources) {
        // Only a server names connections, and only in its own slot.
        let mine = id.core() == self.id.core() && id.slot() == self.id.slot();
        if self.keys.role() == Role::Server || !mine {
            resources.drops.bad_frame += 1;
        } else if id != self.id && sequence > self.renamed_by {
            // A late copy of an earlier name means nothing any more.
            self.renamed_by = sequence;
            self.other_id = Some(self.id);
            self.id = id;
        }
    }

    fn rekey_requested(&mut self, now: Instant, key: &[u8; 32], resources: &mut Resources) -> Step {
        let Resources { random, exchanges, .. } = resources;
        match self.keys.requested(now, key, || exchanges.take(now).then(|| draw_secret(random))) {
            Answer::Key(answer) => {
                let controls = &mut self.transport_mut(now).controls;
                controls.drop_rekey_request();
                controls.answer_rekey(name_of(key), answer);
            }
            Answer::Again => self.transport_mut(now).controls.wait(Control::RekeyResponse),
            Answer::Nothing => resources.drops.rekey_refused += 1,
            Answer::Weak => return self.weak_key(resources),
        }
        Step::Pass
    }

    fn integrity(&mut self, frame: IntegrityFrame, resources: &mut Resources) {
        match (frame, self.keys.role()) {
            (IntegrityFrame::Challenge { index, nonce }, Role::Client) => {
                self.event = Some(ConnectionEvent::IntegrityChallenge { index, nonce });
            }
            (IntegrityFrame::Answer { to, mac }, Role::Server) => {
                // A copy of an answer to an earlier challenge says nothing about the one that waits now.
                let waits = |challenge: &mut Box<Challenge>| challenge.nonce.starts_with(&to);
                if let Some(challenge) = self.challenge.take_if(waits) {
                    let Challenge { key, nonce } = *challenge;
                    let right = hmac_sha256_verifies(&key, &[&self.transcript, &nonce], &mac);
                    self.event = Some(ConnectionEvent::IntegrityAnswer(right));
                }
            }
            _ => resources.drops.bad_frame += 1,
        }
    }
}

/// A message's number and its bytes. The frame was checked to have a number.
fn split_number(body: &[u8]) -> (u16, &[u8]) {
    let (number, bytes) = body.split_first_chunk::<NUMBER_BYTES>().expect("a frame without its number is a bad one");
    (u16::from_le_bytes(*number), bytes)
}

/// Position of an unreliable channel among those.
pub(super) fn unreliable_index(channel: Channel) -> usize {
    match channel.delivery() {
        Delivery::Unreliable => channel.index() / 4,
        _ => CHANNELS / 4 + channel.index() / 4,
    }
}
