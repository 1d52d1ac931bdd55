//! The server: an endpoint and its link, which can be killed and restarted.

use super::link::ObservedLink;
use crate::random::Random;
use crate::simulate::model::audit::Audit;
use crate::simulate::model::session::{End, Side, connection_name};
use ringshard_link::sim::Network;
use ringshard_protocol::endpoint::{Event, Received};
use ringshard_protocol::limits::{MESSAGE_MEMORY_BYTES_LOW, RECEIVE_DATAGRAMS_PER_TURN};
use ringshard_protocol::link::Link;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Endpoint, EndpointConfig};
use std::net::SocketAddr;

/// How soon a server is served again after its link had no room.
const AGAIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub struct Server {
    config: EndpointConfig,
    address: SocketAddr,
    /// None while it is down.
    pub running: Option<(Endpoint, ObservedLink)>,
    /// When it restarts, while it is down.
    pub back_at: Instant,
    /// It shuts down, and then stays down for this long.
    pub closing: Option<Duration>,
    buffer: Vec<u8>,
}

impl Server {
    /// A server that has not started.
    pub fn new(config: EndpointConfig, address: SocketAddr) -> Self {
        Server { config, address, running: None, back_at: Instant::ZERO, closing: None, buffer: Vec::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it with its key and no other state.
    pub fn start(&mut self, now: Instant, network: &Network, random: &mut Random) {
        let endpoint = Endpoint::new(self.config.clone(), now, random.seed());
        let link = ObservedLink::new(network.clone(), self.address, random.fork());
        self.running = Some((endpoint, link));
        self.back_at = Instant::NEVER;
    }

    /// Kills it.
    pub fn kill(&mut self, now: Instant, back_after: Duration, audit: &mut Audit) {
        if let Some((endpoint, link)) = self.running.take() {
            audit.check_endpoint(now, &endpoint, self.config.message_bytes_max);
            audit.totals.datagrams += link.datagrams;
        }
        self.back_at = now + back_after;
        self.closing = None;
        audit.server_is_gone(now);
    }

    /// When it is due.
    pub fn deadline(&self, now: Instant) -> Instant {
        let Some((endpoint, _)) = &self.running else { return self.back_at };
        match endpoint.is_flushed() && !endpoint.has_admissions_waiting() && self.closing.is_none() {
            true => endpoint.deadline(),
            false => endpoint.deadline().min(now + AGAIN),
        }
    }

    /// Receives, advances and sends.
    pub fn turn(&mut self, now: Instant, audit: &mut Audit) {
        let Server { running: Some((endpoint, link)), buffer, config, .. } = self else { return };
        link.receive(RECEIVE_DATAGRAMS_PER_TURN, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                let Received::Messages { id, messages, more } = endpoint.receive(now, path, datagram) else { continue };
                while let Some(event) = endpoint.poll_event() {
                    on_event(now, event, endpoint, audit);
                }
                let session = heard_session(now, id, audit);
                for message in messages {
                    audit.arrived_at_server(now, session, message.channel, message.bytes);
                }
                while more && let Some(channel) = endpoint.read(id, buffer) {
                    audit.arrived_at_server(now, session, channel, buffer);
                }
            }
        });
        if config.message_bytes_max - endpoint.message_bytes() < MESSAGE_MEMORY_BYTES_LOW {
            audit.memory_low_at = now;
        }
        endpoint.sweep(now);
        events(now, endpoint, link, audit);
        endpoint.flush(now, link);
        link.submit();
        events(now, endpoint, link, audit);
        if let Some(what) = link.take_fault() {
            audit.report_violation(now, format!("the server sent {what}"));
        }
        self.close(now, audit);
    }

    /// Continues a shutdown.
    fn close(&mut self, now: Instant, audit: &mut Audit) {
        let (Some((endpoint, _)), Some(back_after)) = (&mut self.running, self.closing) else { return };
        for session in &mut audit.sessions {
            session.must_end(now, Side::Server);
        }
        if endpoint.shut_down() == 0 {
            self.kill(now, back_after, audit);
        }
    }
}

/// An authentic message arrived on `id`. Returns its session if that is live.
fn heard_session(now: Instant, id: ConnectionId, audit: &mut Audit) -> Option<usize> {
    let Some(&session) = audit.by_id.get(&id) else {
        audit.report_violation(now, format!("messages on the unknown {}", connection_name(id)));
        return None;
    };
    let it = &mut audit.sessions[session];
    it.server_heard = now;
    (it.server == End::Live).then_some(session)
}

fn events(now: Instant, endpoint: &mut Endpoint, link: &mut ObservedLink, audit: &mut Audit) {
    while let Some(event) = endpoint.poll_event() {
        on_event(now, event, endpoint, audit);
    }
    audit.freed_slots.drain(..).for_each(|slot| link.forget_numbers(slot));
}

fn on_event(now: Instant, event: Event, endpoint: &Endpoint, audit: &mut Audit) {
    match event {
        Event::Joined { id, session } => audit.joined(now, id, session, address(endpoint, id)),
        Event::Resumed { id, session, former } => audit.resumed(now, id, session, former, address(endpoint, id)),
        Event::Renamed { id, former } => audit.renamed(now, id, former),
        Event::Suspended { id, session } => audit.suspended(now, id, session, endpoint.stats().silent_displaced),
        Event::Ended { id, session, cause } => audit.ended(now, id, session, cause),
        Event::Awaited { .. } => unreachable!("no session moves to this server"),
        Event::Integrity(id, right) => audit.checked(now, id, right),
    }
}

fn address(endpoint: &Endpoint, id: ConnectionId) -> Option<SocketAddr> {
    endpoint.info(id).map(|info| info.path.peer)
}

impl Audit {
    /// A message arrived at the server.
    fn arrived_at_server(&mut self, now: Instant, session: Option<usize>, channel: Channel, message: &[u8]) {
        match session {
            Some(session) => self.arrived(now, session, true, channel, message),
            None => self.report_violation(now, format!("channel {channel}: a message of a session that is over")),
        }
    }

    /// Checks what must always hold of an endpoint.
    pub fn check_endpoint(&mut self, now: Instant, endpoint: &Endpoint, message_bytes_max: usize) {
        let (stats, drops) = (endpoint.stats(), endpoint.drops());
        if endpoint.message_bytes() > message_bytes_max {
            self.report_violation(
                now,
                format!(
                    "{} bytes of messages are kept, above the limit of {message_bytes_max}",
                    endpoint.message_bytes()
                ),
            );
        }
        if stats.unvalidated_bytes_out > stats.unvalidated_bytes_in {
            self.report_violation(now, "more bytes were sent to unknown addresses than received from them");
        }
        self.check_drops(now, "server", drops);
    }

    /// Checks drops that only a misbehaving peer can cause.
    pub fn check_drops(&mut self, now: Instant, whose: &str, drops: &ringshard_protocol::stats::Drops) {
        let lies = ["impossible_ack", "beyond_window", "bad_compression", "bad_frame"];
        if let Some((name, count)) = drops.entries().find(|(name, count)| *count > 0 && lies.contains(name)) {
            self.report_violation(
                now,
                format!("the {whose} counts {name}: {count}, although both ends follow the protocol"),
            );
        }
    }
}
