//! The session with a peer: the protocol of the server, unchanged. One end answers as a server, the other connects.

use super::path::Route;
use crate::limits::*;
use crate::outbox::{Arriving, Outbox};
use ringshard_protocol::client::{ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::connection::{HeartbeatConfig, SendError, TransportConfig};
use ringshard_protocol::crypto::{PreSharedKey, PublicKey, SecretKey, Suites};
use ringshard_protocol::endpoint::{EndCause, Event, Received};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason, Message};
use ringshard_protocol::{Client, Endpoint, EndpointConfig};
use std::collections::VecDeque;

/// Connections that a peer may have at a time: one, and those that its attempts to resume its session begin.
const CONNECTIONS_PER_PEER: usize = 4;

/// What happened to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionEvent {
    /// There is a connection; true if it continues the session before it.
    Connected { resumed: bool },
    /// The connection is lost. The session can be resumed.
    Suspended,
    /// The session is over.
    Ended(DisconnectReason),
}

/// One end of the session with a peer.
#[derive(Debug)]
pub(crate) enum Session {
    /// This end answers. Each peer has its own endpoint: it has a pre-shared key of its own, and takes room from nobody.
    Answers {
        endpoint: Box<Endpoint>,
        connection: Option<ConnectionId>,
        /// What the endpoint reported and nobody has polled.
        events: VecDeque<SessionEvent>,
    },
    /// This end connects.
    Connects(Box<Client>),
}

impl Session {
    /// The end that answers.
    pub(crate) fn answering(
        secret: SecretKey,
        pre_shared: PreSharedKey,
        transport: TransportConfig,
        now: Instant,
        seed: [u8; 32],
    ) -> Self {
        let config = EndpointConfig {
            core: 0,
            cores: 1,
            connections_max: CONNECTIONS_PER_PEER,
            suites: Suites::native(),
            heartbeat: HeartbeatConfig { interval: PEER_HEARTBEAT, timeout: PEER_TIMEOUT },
            secret,
            pre_shared: Some(pre_shared),
            transport,
            message_bytes_max: PEER_MESSAGE_BYTES_MAX,
            integrity: None,
        };
        let endpoint = Box::new(Endpoint::new(config, now, seed));
        Session::Answers { endpoint, connection: None, events: VecDeque::new() }
    }

    /// The end that connects; None if the peer's key is none.
    pub(crate) fn connecting(
        peer: PublicKey,
        pre_shared: PreSharedKey,
        transport: TransportConfig,
        now: Instant,
        seed: [u8; 32],
    ) -> Option<Self> {
        let mut config = ClientConfig::new(peer);
        (config.pre_shared, config.transport, config.reconnect) = (Some(pre_shared), transport, true);
        let client = Client::new(config, now, seed).ok()?;
        Some(Session::Connects(Box::new(client)))
    }

    /// Takes a datagram, and delivers its messages.
    pub(crate) fn receive(&mut self, now: Instant, datagram: Arriving<'_>, deliver: &mut dyn FnMut(Message<'_>)) {
        let Arriving { via, from, bytes: datagram } = datagram;
        match self {
            Session::Answers { endpoint, connection, events } => {
                let received = endpoint.receive(now, via.path(from), datagram);
                take_events(endpoint, connection, events);
                if let Received::Messages { id, messages, .. } = received
                    && *connection == Some(id)
                {
                    messages.for_each(deliver);
                }
            }
            Session::Connects(client) => client.receive(now, datagram).into_iter().flatten().for_each(deliver),
        }
    }

    /// Delivers what arrived in pieces, too early, or compressed. `scratch` is overwritten.
    pub(crate) fn read(&mut self, scratch: &mut Vec<u8>, deliver: &mut dyn FnMut(Message<'_>)) {
        while let Some(channel) = match self {
            Session::Answers { endpoint, connection, .. } => connection.and_then(|id| endpoint.read(id, scratch)),
            Session::Connects(client) => client.read(scratch),
        } {
            deliver(Message { channel, bytes: scratch });
        }
    }

    pub(crate) fn send(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        match self {
            Session::Answers { endpoint, connection, .. } => {
                endpoint.send(now, connection.ok_or(SendError::NotConnected)?, channel, message)
            }
            Session::Connects(client) => client.send(now, channel, message),
        }
    }

    /// Bytes of reliable messages that the peer has not acknowledged, or that have not left.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        match self {
            Session::Answers { endpoint, connection, .. } => {
                connection.and_then(|id| endpoint.info(id)).map_or(0, |info| info.unacknowledged_bytes)
            }
            Session::Connects(client) => client.connection().map_or(0, |connection| connection.unacknowledged_bytes()),
        }
    }

    /// Round-trip time and share of lost packets.
    pub(crate) fn quality(&self) -> Option<(Option<Duration>, f64)> {
        match self {
            Session::Answers { endpoint, connection, .. } => {
                endpoint.info((*connection)?).map(|info| (info.round_trip, info.loss))
            }
            Session::Connects(client) => client.connection().map(|it| (it.round_trip(), it.loss())),
        }
    }

    /// This end sends over another path now.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        if let Session::Connects(client) = self {
            client.address_changed(now);
        }
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        match self {
            Session::Answers { endpoint, .. } => endpoint.sweep(now),
            Session::Connects(client) => client.advance(now),
        }
    }

    /// Ends the session. What [`Self::transmit`] then sends tells the peer.
    pub(crate) fn disconnect(&mut self) {
        match self {
            Session::Answers { endpoint, connection, .. } => {
                if let Some(id) = *connection {
                    endpoint.disconnect(id, DisconnectReason::Closed);
                }
            }
            Session::Connects(client) => client.disconnect(),
        }
    }

    /// Hands the datagrams that are due to the outbox. Gives how many.
    pub(crate) fn transmit(&mut self, now: Instant, route: Option<Route>, outbox: &mut Outbox) -> u64 {
        match (self, route) {
            (Session::Answers { endpoint, .. }, _) => {
                let before = endpoint.stats().datagrams_out;
                outbox.set_now(now);
                endpoint.flush(now, outbox);
                endpoint.stats().datagrams_out - before
            }
            (Session::Connects(client), Some(Route { via, to, .. })) => {
                let mut sent = 0;
                while outbox.has_room()
                    && let Some(len) = client.transmit_len(now)
                {
                    let room = outbox.room(via, to, len).expect("the outbox has room");
                    client.transmit(now, room);
                    sent += 1;
                }
                sent
            }
            (Session::Connects(_), None) => 0,
        }
    }

    /// When to call [`Self::advance`] and [`Self::transmit`] next, at the latest.
    pub(crate) fn deadline(&self) -> Instant {
        match self {
            Session::Answers { endpoint, .. } => endpoint.deadline(),
            Session::Connects(client) => client.deadline(),
        }
    }

    /// The next event, oldest first.
    pub(crate) fn poll_event(&mut self) -> Option<SessionEvent> {
        match self {
            Session::Answers { endpoint, connection, events } => {
                take_events(endpoint, connection, events);
                events.pop_front()
            }
            Session::Connects(client) => Some(match client.poll_event()? {
                ClientEvent::Connected { resumed, .. } => SessionEvent::Connected { resumed },
                ClientEvent::Moved { .. } => unreachable!("nobody moves a session between players"),
                ClientEvent::Reconnecting(_) => SessionEvent::Suspended,
                ClientEvent::Closed(CloseReason::Disconnected(reason)) => SessionEvent::Ended(reason),
                ClientEvent::Closed(_) => SessionEvent::Ended(DisconnectReason::TimedOut),
            }),
        }
    }
}

fn take_events(endpoint: &mut Endpoint, current: &mut Option<ConnectionId>, events: &mut VecDeque<SessionEvent>) {
    while let Some(event) = endpoint.poll_event() {
        events.extend(answering_event(event, endpoint, current));
    }
}

/// What an event of the endpoint says of the session: there is one at a time, and a new one takes the place of the former.
fn answering_event(event: Event, endpoint: &mut Endpoint, current: &mut Option<ConnectionId>) -> Option<SessionEvent> {
    match event {
        Event::Joined { id, .. } => {
            if let Some(former) = current.replace(id) {
                endpoint.disconnect(former, DisconnectReason::Closed);
            }
            Some(SessionEvent::Connected { resumed: false })
        }
        Event::Resumed { id, .. } => {
            *current = Some(id);
            Some(SessionEvent::Connected { resumed: true })
        }
        Event::Renamed { id, former } => {
            if *current == Some(former) {
                *current = Some(id);
            }
            None
        }
        Event::Suspended { id, .. } if *current == Some(id) => {
            *current = None;
            Some(SessionEvent::Suspended)
        }
        Event::Ended { id: Some(id), cause, .. } if *current == Some(id) => {
            *current = None;
            let (EndCause::Client(reason) | EndCause::Server(reason)) = cause else {
                return Some(SessionEvent::Ended(DisconnectReason::TimedOut));
            };
            Some(SessionEvent::Ended(reason))
        }
        // A session that was suspended and is over now.
        Event::Ended { id: None, .. } if current.is_none() => Some(SessionEvent::Ended(DisconnectReason::TimedOut)),
        // Players do not expect sessions from elsewhere.
        Event::Suspended { .. } | Event::Ended { .. } | Event::Integrity(..) | Event::Awaited { .. } => None,
    }
}
