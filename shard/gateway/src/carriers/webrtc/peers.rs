//! All peers of a thread, and whose a packet is.

use super::bounds::{
    CHECK_AFTER, CHECK_EVERY, HELD_BYTES_MAX, HELD_CHECK_BYTES_MAX, OPENING_PEERS_MAX, OPENING_PEERS_PER_ADDRESS_MAX,
    PACKET_BYTES,
};
use super::deadlines::Deadlines;
use super::end::End;
use super::offer;
use super::outbox::Outbox;
use super::peer::{Peer, Pumped};
use super::proof::{self, Proofs};
use super::{PeerId, crypto};
use crate::carriers::openings::{Opening, Openings};
use crate::limits::{Place, Refused};
use crate::thread::{Port, Thread};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

/// A peer, and what identifies it.
struct Entry {
    peer: Peer,
    /// The gateway's name and password for STUN, as this peer knows them. Its checks name it by the name.
    ours: IceCreds,
    /// The client's name and password.
    theirs: IceCreds,
    /// The latest check from an address that is not proven. It is answered after the proof, so that the client need not wait
    /// until it checks again.
    unproven: Option<(SocketAddr, Box<[u8]>)>,
    /// Until the channel is open.
    opening: Option<Opening>,
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
    /// Addresses that their peers have proven.
    addresses: HashMap<SocketAddr, PeerId>,
    proofs: Proofs,
    openings: Openings,
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
            proofs: Proofs::new(Instant::now()),
            openings: Openings::new(OPENING_PEERS_MAX, OPENING_PEERS_PER_ADDRESS_MAX),
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
        let network = self.thread.limits().network(from.ip())?;
        let opening = self.openings.begin(network);
        let opening = opening.inspect_err(|_| self.thread.counters().webrtc_offers_refused.add(1))?;
        let ours = proof::credentials();
        let mut rtc = self.config.clone().set_local_ice_credentials(ours.clone()).build(now);
        let answer = self.describe(&mut rtc, offer.sdp);
        let Some(answer) = answer else {
            return Err(Refused::Other(400, offer::BadOffer::NotSdp.to_string()));
        };
        let id = self.next_id;
        self.next_id += 1;
        let peer = Peer::new(rtc, Rc::clone(&self.thread), server, from, now);
        self.names.insert(ours.ufrag.clone(), id);
        let entry =
            Entry { peer, ours, theirs: offer.credentials, unproven: None, opening: Some(opening), _place: place };
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
        match packet.first() {
            Some(0..=3) => match StunMessage::parse(packet) {
                Ok(check) if check.is_binding_request() => self.checked(source, &check, packet, now),
                Ok(answer) if answer.is_successful_binding_response() => self.answered(source, &answer, packet, now),
                _ => self.thread.counters().webrtc_unknown.add(1),
            },
            Some(20..=63) => match self.addresses.get(&source).copied() {
                Some(id) => self.pass(id, source, packet, now),
                None => self.thread.counters().webrtc_unknown.add(1),
            },
            _ => self.thread.counters().webrtc_invalid.add(1),
        }
    }

    /// Takes a STUN check. The client must first prove an address that is new.
    fn checked(&mut self, source: SocketAddr, check: &StunMessage<'_>, packet: &[u8], now: Instant) {
        let id = check.split_username().and_then(|(name, _)| self.names.get(name).copied());
        let entry = id.and_then(|id| self.entries.get_mut(&id));
        let Some((id, entry)) = id.zip(entry) else {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        };
        if !check.verify(entry.ours.pass.as_bytes(), crypto::sha1_hmac) {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        }
        if self.addresses.get(&source) == Some(&id) {
            if self.uses(id, source) {
                self.pass(id, source, packet, now);
            }
            return;
        }
        if !entry.peer.may_ask(now) {
            self.thread.counters().webrtc_too_many.add(1);
            return;
        }
        self.thread.counters().webrtc_proofs_asked.add(1);
        let question = self.proofs.check(id, source, &entry.ours, &entry.theirs, now);
        self.out.push(source, question.into());
        entry.unproven = (packet.len() <= HELD_CHECK_BYTES_MAX).then(|| (source, packet.into()));
    }

    /// Takes an answer to a STUN check of the gateway. If it is right, the client has proven its address.
    fn answered(&mut self, source: SocketAddr, answer: &StunMessage<'_>, packet: &[u8], now: Instant) {
        let id = Proofs::peer(packet);
        let Some(entry) = self.entries.get_mut(&id) else {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        };
        if !self.proofs.proves(id, source, &entry.theirs, (answer, packet), now) {
            self.thread.counters().webrtc_unknown.add(1);
            return;
        }
        self.thread.counters().webrtc_packets.add(1);
        let waits = entry.unproven.take_if(|(from, _)| *from == source);
        if self.uses(id, source)
            && let Some((_, check)) = waits
        {
            self.pass(id, source, &check, now);
        }
    }

    /// Notes that a peer uses an address, which it has proven. False if that ended the peer.
    ///
    /// If another peer had that address, it has lost it since: a client's NAT may give a port to another client.
    pub(super) fn uses(&mut self, id: PeerId, address: SocketAddr) -> bool {
        let entry = self.entries.get_mut(&id).expect("a peer that proves an address exists");
        let oldest = match entry.peer.uses(address) {
            Ok(oldest) => oldest,
            Err(end) => {
                self.remove(id, end);
                return false;
            }
        };
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
        let former = self.addresses.insert(address, id).filter(|former| *former != id);
        if let Some(former) = former.and_then(|former| self.entries.get_mut(&former)) {
            self.thread.counters().webrtc_address_taken.add(1);
            former.peer.loses(address);
        }
        true
    }

    /// Gives a packet from a proven address to its peer.
    fn pass(&mut self, id: PeerId, source: SocketAddr, packet: &[u8], now: Instant) {
        let entry = self.entries.get_mut(&id).expect("tables name peers that exist");
        if !entry.peer.admit(packet.len(), now) {
            self.thread.counters().webrtc_too_many.add(1);
            return;
        }
        let destination = self.candidates.iter().find(|address| address.is_ipv4() == source.is_ipv4());
        let received = destination.and_then(|to| Receive::new(Protocol::Udp, source, *to, packet).ok());
        let Some(received) = received else {
            self.thread.counters().webrtc_invalid.add(1);
            return;
        };
        self.thread.counters().webrtc_packets.add(1);
        self.with(id, now, |peer, out| peer.receive(now, received, out));
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
        (self.entries.len(), self.openings.count())
    }

    /// Has the peer do something, and sees to what follows from it.
    fn with(&mut self, id: PeerId, now: Instant, act: impl FnOnce(&mut Peer, &mut Outbox) -> Result<Instant, End>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let again = match act(&mut entry.peer, &mut self.out) {
            Ok(again) => again,
            Err(end) => return self.remove(id, end),
        };
        self.deadlines.set(id, &mut entry.peer.deadline, again.clamp(now + CHECK_AFTER, now + CHECK_EVERY));
        if let Some(port) = entry.peer.port()
            && entry.opening.take().is_some()
        {
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
        self.names.remove(&entry.ours.ufrag);
        for address in entry.peer.addresses() {
            self.addresses.remove(address);
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

    /// The addresses of clients, as the thread knows them.
    pub(super) fn clients(&self) -> Vec<SocketAddr> {
        self.entries.values().filter_map(|entry| entry.peer.port()).map(|port| port.address()).collect()
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
