//! One peer: a browser's WebRTC connection, from its offer to its end.

use super::bounds::{
    ADDRESSES_EVER_MAX, ADDRESSES_MAX, HELD_BYTES_MAX, LABEL, OPENING_BYTES_MAX, OPENING_MAX, OPENING_PACKETS_MAX,
    PACKETS_PER_SECOND,
};
use super::deadlines::Deadline;
use super::outbox::Outbox;
use super::statistics::Statistics;
use crate::carrier::Carrier;
use crate::thread::{Port, Thread};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};
use str0m::net::Receive;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

/// Why a peer's connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum End {
    /// The client closed it.
    Closed,
    /// The client is not heard of any more.
    Lost,
    /// The client did not open its channel in time.
    Late,
    /// The client did what no correct client does.
    Misbehaved,
    /// The thread refused the client.
    Refused,
    /// The thread wants the client gone.
    Going,
    /// Its handshake or its association failed.
    Failed,
}

enum Stage {
    /// The channel is not open yet.
    Opening { until: Instant, packets: u32, bytes: usize },
    /// The channel is open, and the client has its place in the thread. It may send a second's worth of packets at `whole_at`.
    Open { channel: ChannelId, port: Rc<Port>, whole_at: Instant },
}

/// A peer. It does no I/O: packets go in, and come out through an [`Outbox`].
pub(super) struct Peer {
    rtc: Rtc,
    thread: Rc<Thread>,
    server: Box<str>,
    stage: Stage,
    /// Where its packets go: at first where the offer came from.
    address: SocketAddr,
    /// Where authenticated checks came from, the latest last.
    addresses: Vec<SocketAddr>,
    addresses_ever: u32,
    began: Instant,
    statistics: Rc<Statistics>,
    /// Datagrams wait because SCTP holds [`HELD_BYTES_MAX`] of them.
    blocked: bool,
    pub(super) deadline: Deadline,
}

/// What became of datagrams for a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pumped {
    /// All are on their way.
    All,
    /// The rest waits for acknowledgments.
    Blocked,
}

impl Peer {
    pub(super) fn new(rtc: Rtc, thread: Rc<Thread>, server: &str, address: SocketAddr, now: Instant) -> Peer {
        Peer {
            rtc,
            thread,
            server: server.into(),
            stage: Stage::Opening { until: now + OPENING_MAX, packets: 0, bytes: 0 },
            address,
            addresses: Vec::new(),
            addresses_ever: 0,
            began: now,
            statistics: Rc::default(),
            blocked: false,
            deadline: Deadline::default(),
        }
    }

    /// The client's place in the thread, once the channel is open.
    pub(super) fn port(&self) -> Option<&Rc<Port>> {
        match &self.stage {
            Stage::Opening { .. } => None,
            Stage::Open { port, .. } => Some(port),
        }
    }

    /// Whether a packet of so many bytes is within what a peer may send.
    pub(super) fn admit(&mut self, length: usize, now: Instant) -> bool {
        let fits = match &mut self.stage {
            Stage::Opening { packets, bytes, .. } => {
                let fits = *packets < OPENING_PACKETS_MAX && *bytes + length <= OPENING_BYTES_MAX;
                if fits {
                    *packets += 1;
                    *bytes += length;
                }
                fits
            }
            Stage::Open { whole_at, .. } => {
                let then = (*whole_at).max(now) + Duration::from_secs(1) / PACKETS_PER_SECOND;
                let fits = then <= now + Duration::from_secs(1);
                if fits {
                    *whole_at = then;
                }
                fits
            }
        };
        if fits {
            self.statistics.received(length);
        }
        fits
    }

    /// Whether the packet is from this peer. A STUN check is verified.
    pub(super) fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// Notes where an authenticated check came from. Returns an address that no longer counts.
    ///
    /// # Errors
    /// If the peer has used more addresses than a client has.
    pub(super) fn checked_from(&mut self, source: SocketAddr) -> Result<Option<SocketAddr>, End> {
        if let Some(known) = self.addresses.iter().position(|address| *address == source) {
            self.addresses[known..].rotate_left(1);
            return Ok(None);
        }
        self.addresses_ever += 1;
        self.statistics.addresses.add(1);
        if self.addresses_ever > ADDRESSES_EVER_MAX {
            return Err(End::Misbehaved);
        }
        let oldest = (self.addresses.len() == ADDRESSES_MAX).then(|| self.addresses.remove(0));
        self.addresses.push(source);
        Ok(oldest)
    }

    /// The addresses that packets of this peer may come from.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes a packet. Returns when the peer wants to be looked at again.
    pub(super) fn receive(&mut self, now: Instant, packet: Receive<'_>, out: &mut Outbox) -> Result<Instant, End> {
        self.rtc.handle_input(Input::Receive(now, packet)).map_err(|_| End::Failed)?;
        self.drain(out)
    }

    /// Does what is due. Returns when the peer wants to be looked at again.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Outbox) -> Result<Instant, End> {
        if matches!(self.stage, Stage::Opening { until, .. } if until <= now) {
            return Err(End::Late);
        }
        self.rtc.handle_input(Input::Timeout(now)).map_err(|_| End::Failed)?;
        if let Stage::Open { channel, .. } = &self.stage {
            let held = self.rtc.channel(*channel).map_or(0, |mut channel| channel.buffered_amount());
            self.statistics.buffered_bytes.set(held);
        }
        self.drain(out)
    }

    /// Sends the datagrams that wait for the client. Returns when the peer wants to be looked at again, too.
    pub(super) fn pump(&mut self, now: Instant, out: &mut Outbox) -> Result<(Pumped, Instant), End> {
        let mut again = self.expire(now, out)?;
        loop {
            let Stage::Open { channel, port, .. } = &self.stage else { return Ok((Pumped::All, again)) };
            let mut channel = self.rtc.channel(*channel).ok_or(End::Closed)?;
            if channel.buffered_amount() >= HELD_BYTES_MAX {
                self.blocked = true;
                self.statistics.stalls.add(1);
                return Ok((Pumped::Blocked, again));
            }
            let Some(datagram) = port.take() else { return Ok((Pumped::All, again)) };
            if !channel.write(true, &datagram).map_err(|_| End::Failed)? {
                return Err(End::Failed);
            }
            again = self.drain(out)?;
        }
    }

    /// Whether datagrams that had to wait may go now. Says so once.
    pub(super) fn take_unblocked(&mut self) -> bool {
        let Stage::Open { channel, .. } = &self.stage else { return false };
        if !self.blocked {
            return false;
        }
        let room = self.rtc.channel(*channel).is_some_and(|mut channel| channel.buffered_amount() < HELD_BYTES_MAX);
        self.blocked = !room;
        room
    }

    /// Says good-bye to the client. The peer is of no use afterwards.
    pub(super) fn close(&mut self, out: &mut Outbox) {
        if self.rtc.close().is_ok() {
            let _ = self.drain(out);
        }
    }

    /// Takes everything out of str0m, which its rules demand after each call that changes something.
    fn drain(&mut self, out: &mut Outbox) -> Result<Instant, End> {
        loop {
            match self.rtc.poll_output().map_err(|_| End::Failed)? {
                Output::Timeout(again) => {
                    return Ok(match self.stage {
                        Stage::Opening { until, .. } => again.min(until),
                        Stage::Open { .. } => again,
                    });
                }
                Output::Transmit(packet) => {
                    self.statistics.sent(packet.contents.len());
                    self.sends_to(packet.destination, &packet.contents);
                    out.push(packet.destination, packet.contents);
                }
                Output::Event(event) => self.handle(event)?,
            }
        }
    }

    /// Follows the client to another address, where DTLS goes. Answers to checks go wherever a check comes from.
    fn sends_to(&mut self, destination: SocketAddr, packet: &[u8]) {
        let is_dtls = packet.first().is_some_and(|first| (20..64).contains(first));
        if !is_dtls || destination == self.address {
            return;
        }
        self.address = destination;
        if let Stage::Open { port, .. } = &self.stage {
            port.moved(destination);
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::ChannelOpen(channel, label) => self.opened(channel, &label),
            Event::ChannelData(data) => self.received(&data),
            Event::ChannelClose(_) | Event::Closed => Err(End::Closed),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) if self.port().is_some() => {
                Err(End::Lost)
            }
            Event::MediaAdded(_) | Event::MediaData(_) | Event::RtpPacket(_) => Err(End::Misbehaved),
            _ => Ok(()),
        }
    }

    fn opened(&mut self, channel: ChannelId, label: &str) -> Result<(), End> {
        let is_first = matches!(self.stage, Stage::Opening { .. });
        let config = self.rtc.channel(channel).and_then(|channel| channel.config().cloned());
        if !is_first || label != LABEL || !config.is_some_and(|config| is_for_datagrams(&config)) {
            return Err(End::Misbehaved);
        }
        let port = self.thread.join(&self.server, self.address, Carrier::WebRtc).map_err(|_| End::Refused)?;
        self.statistics.opening_ms.add(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let shown = Rc::clone(&self.statistics);
        port.set_details(move || shown.show());
        self.stage = Stage::Open { channel, port: Rc::new(port), whole_at: Instant::now() };
        Ok(())
    }

    fn received(&self, data: &ChannelData) -> Result<(), End> {
        match &self.stage {
            Stage::Open { channel, port, .. } if *channel == data.id && data.binary => {
                port.received(&data.data).map_err(|_| End::Misbehaved)
            }
            _ => Err(End::Misbehaved),
        }
    }
}

/// Whether a channel neither orders nor repeats.
fn is_for_datagrams(config: &ChannelConfig) -> bool {
    !config.ordered && config.reliability == Reliability::MaxRetransmits { retransmits: 0 }
}
