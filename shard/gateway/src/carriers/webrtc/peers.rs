//! All peers of a thread, and whose a packet is.

use super::bounds::{CHECK_EVERY, HELD_BYTES_MAX, PACKET_BYTES};
use super::deadlines::Deadlines;
use super::offer;
use super::opening::Opening;
use super::outbox::Outbox;
use super::peer::{End, Peer, Pumped};
use super::{PeerId, crypto};
use crate::limits::{Place, Refused};
use crate::thread::{Port, Thread};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, IceCreds, Input, Rtc, RtcConfig};

/// A peer, and where its offer came from.
struct Entry {
    peer: Peer,
    /// The name of a STUN check: str0m's user name fragment of this peer.
    name: String,
    from: IpAddr,
    is_opening: bool,
    _place: Place,
}

/// What happened to peers, for the caller that runs their tasks.
#[derive(Default)]
pub(super) struct Changes {
    /// These have their place in the thread now.
    pub(super) opened: Vec<(PeerId, Rc<Port>)>,
    /// Datagrams for these may go again.
    pub(super) unblocked: Vec<PeerId>,
    /// These are gone.
    pub(super) ended: Vec<PeerId>,
}

/// The peers. Packets go in, and come out through `out`.
pub(super) struct Peers {
    thread: Rc<Thread>,
    config: RtcConfig,
    /// Where peers send to: at most one address of each family.
    candidates: Vec<SocketAddr>,
    entries: HashMap<PeerId, Box<Entry>>,
    names: HashMap<String, PeerId>,
    addresses: HashMap<SocketAddr, PeerId>,
    opening: Opening,
    deadlines: Deadlines,
    next_id: PeerId,
    pub(super) out: Outbox,
    pub(super) changes: Changes,
}

impl Peers {
    pub(super) fn new(thread: Rc<Thread>, candidates: Vec<SocketAddr>, out: Outbox) -> Peers {
        let crypto = crypto::provider();
        let certificate = crypto.dtls_provider.generate_certificate().expect("ring makes a key and signs with it");
        let config = RtcConfig::new()
            .set_crypto_provider(Arc::new(crypto))
            .set_dtls_cert(certificate)
            .set_ice_lite(true)
            .clear_codecs()
            .set_sctp_max_message_size(DATAGRAM_BYTES_MAX as u32)
            .set_sctp_max_buffered_amount(HELD_BYTES_MAX + DATAGRAM_BYTES_MAX)
            .set_mtu(PACKET_BYTES..=usize::MAX);
        Peers {
            thread,
            config,
            candidates,
            entries: HashMap::new(),
            names: HashMap::new(),
            addresses: HashMap::new(),
            opening: Opening::default(),
            deadlines: Deadlines::default(),
            next_id: 0,
            out,
            changes: Changes::default(),
        }
    }

    /// Begins with a peer. Returns the answer's SDP.
    pub(super) fn answer(
        &mut self,
        server: &str,
        from: SocketAddr,
        offer: &str,
        now: Instant,
    ) -> Result<String, Refused> {
        if !self.thread.knows(server) {
            return Err(Refused::UnknownServer);
        }
        let offer = offer::read(offer).map_err(|bad| Refused::Other(400, bad.to_string()))?;
        let place = self.thread.connection(from.ip())?;
        self.opening.begin(from.ip()).inspect_err(|_| self.thread.counters().webrtc_offers_refused.add(1))?;
        let name = IceCreds::new();
        let mut rtc = self.config.clone().set_local_ice_credentials(name.clone()).build(now);
        let answer = self.describe(&mut rtc, offer);
        let Some(answer) = answer else {
            self.opening.done(from.ip());
            return Err(Refused::Other(400, offer::BadOffer::NotSdp.to_string()));
        };
        let id = self.next_id;
        self.next_id += 1;
        let peer = Peer::new(rtc, Rc::clone(&self.thread), server, from, now);
        self.names.insert(name.ufrag.clone(), id);
        let entry = Entry { peer, name: name.ufrag, from: from.ip(), is_opening: true, _place: place };
        self.entries.insert(id, Box::new(entry));
        self.thread.counters().webrtc_offers.add(1);
        self.with(id, now, |peer, out| peer.expire(now, out));
        Ok(answer)
    }

    fn describe(&self, rtc: &mut Rtc, offer: str0m::change::SdpOffer) -> Option<String> {
        for address in &self.candidates {
            rtc.add_local_candidate(Candidate::host(*address, "udp").ok()?);
        }
        Some(rtc.sdp_api().accept_offer(offer).ok()?.to_sdp_string())
    }

    /// Takes a packet from the socket.
    pub(super) fn receive(&mut self, source: SocketAddr, packet: &[u8], now: Instant) {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        let found = match packet.first() {
            Some(0..=3) => self.find_by_name(packet),
            Some(20..=63) => self.addresses.get(&source).copied(),
            _ => {
                self.thread.counters().webrtc_invalid.add(1);
                return;
            }
        };
        let Some(id) = found else {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        };
        let destination = self.candidates.iter().find(|address| address.is_ipv4() == source.is_ipv4());
        let Some(destination) = destination.copied() else { return };
        let Ok(received) = Receive::new(Protocol::Udp, source, destination, packet) else {
            self.thread.counters().webrtc_invalid.add(1);
            return;
        };
        let entry = self.entries.get_mut(&id).expect("tables name peers that exist");
        if !entry.peer.admit(packet.len(), now) {
            self.thread.counters().webrtc_too_many.add(1);
            return;
        }
        let is_check = packet[0] < 20;
        let input = Input::Receive(now, received);
        if is_check && !entry.peer.accepts(&input) {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        }
        self.thread.counters().webrtc_packets.add(1);
        if is_check && !self.checked_from(id, source) {
            return;
        }
        let Input::Receive(_, received) = input else { unreachable!("made above") };
        self.with(id, now, |peer, out| peer.receive(now, received, out));
    }

    fn find_by_name(&self, packet: &[u8]) -> Option<PeerId> {
        let check = StunMessage::parse(packet).ok()?;
        let (name, _) = check.is_binding_request().then(|| check.split_username()).flatten()?;
        self.names.get(name).copied()
    }

    /// Notes where an authenticated check of a peer came from. False if that ended the peer.
    ///
    /// An address that another peer uses stays with that peer while it lives: an attacker with a peer of its own could otherwise
    /// take packets from others by sending checks with a forged source.
    fn checked_from(&mut self, id: PeerId, source: SocketAddr) -> bool {
        if self.addresses.get(&source).is_some_and(|owner| *owner != id) {
            self.thread.counters().webrtc_address_taken.add(1);
            return false;
        }
        let entry = self.entries.get_mut(&id).expect("a peer that was checked exists");
        match entry.peer.checked_from(source) {
            Ok(oldest) => {
                self.addresses.insert(source, id);
                if let Some(oldest) = oldest {
                    self.addresses.remove(&oldest);
                }
                true
            }
            Err(end) => {
                self.remove(id, end);
                false
            }
        }
    }

    /// Sends what waits for a client. None if the peer is gone.
    pub(super) fn pump(&mut self, id: PeerId, now: Instant) -> Option<Pumped> {
        let mut pumped = None;
        self.with(id, now, |peer, out| {
            let (what, again) = peer.pump(now, out)?;
            pumped = Some(what);
            Ok(again)
        });
        pumped
    }

    /// When the next peer is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Does what is due.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((entry_at, id)) = self.deadlines.pop(now) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if self.deadlines.is_due(id, &mut entry.peer.deadline, entry_at, now) {
                self.with(id, now, |peer, out| peer.expire(now, out));
            }
        }
    }

    /// Ends a peer's connection politely.
    pub(super) fn close(&mut self, id: PeerId, end: End) {
        if self.entries.contains_key(&id) {
            self.remove(id, end);
        }
    }

    /// Peers, and those of them whose channel is not open yet.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize) {
        (self.entries.len(), self.opening.count())
    }

    /// Has the peer do something, and sees to what follows from it.
    fn with(&mut self, id: PeerId, now: Instant, act: impl FnOnce(&mut Peer, &mut Outbox) -> Result<Instant, End>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let again = match act(&mut entry.peer, &mut self.out) {
            Ok(again) => again,
            Err(end) => return self.remove(id, end),
        };
        self.deadlines.set(id, &mut entry.peer.deadline, again.clamp(now, now + CHECK_EVERY));
        if entry.is_opening
            && let Some(port) = entry.peer.port()
        {
            entry.is_opening = false;
            self.opening.done(entry.from);
            self.thread.counters().webrtc_opened.add(1);
            self.changes.opened.push((id, port.clone()));
        }
        if entry.peer.take_unblocked() {
            self.changes.unblocked.push(id);
        }
    }

    fn remove(&mut self, id: PeerId, end: End) {
        let Some(mut entry) = self.entries.remove(&id) else { return };
        entry.peer.close(&mut self.out);
        self.names.remove(&entry.name);
        for address in entry.peer.addresses() {
            self.addresses.remove(address);
        }
        if entry.is_opening {
            self.opening.done(entry.from);
        }
        let counters = self.thread.counters();
        match end {
            End::Closed | End::Going => counters.webrtc_closed.add(1),
            End::Lost => counters.webrtc_lost.add(1),
            End::Late => counters.webrtc_late.add(1),
            End::Misbehaved => counters.webrtc_misbehaved.add(1),
            End::Refused => counters.webrtc_not_joined.add(1),
            End::Failed => counters.webrtc_failed.add(1),
        }
        self.changes.ended.push(id);
    }
}

#[cfg(test)]
impl Peers {
    /// Addresses that packets are told apart by.
    pub(super) fn addresses(&self) -> usize {
        self.addresses.len()
    }

    /// Names that checks are told apart by.
    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    /// Entries of the heap of deadlines.
    pub(super) fn deadlines(&self) -> usize {
        self.deadlines.len()
    }
}
