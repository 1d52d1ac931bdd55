//! A client of a world.

use crate::server_address;
use ringshard_link::sim::SimLink;
use ringshard_protocol::Client;
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};
use std::net::SocketAddr;

/// A client with its link, and all that it received.
pub struct TestClient {
    /// The client itself.
    pub client: Client,
    /// Its link.
    pub link: SimLink,
    /// The address that it started from.
    pub address: SocketAddr,
    /// The messages that it received, in order.
    pub received: Vec<(Channel, Vec<u8>)>,
    /// What it reported, and when.
    pub events: Vec<(Instant, ClientEvent)>,
    /// Its messages that reached the server, in order, where the server keeps them ([`crate::Answer::Keep`]).
    pub received_by_server: Vec<(Channel, Vec<u8>)>,
    /// The id that the server gave its connection and that the client may not know yet.
    renamed: Option<ConnectionId>,
}

impl TestClient {
    pub(super) fn new(client: Client, link: SimLink, address: SocketAddr) -> Self {
        TestClient {
            client,
            link,
            address,
            received: Vec::new(),
            events: Vec::new(),
            received_by_server: Vec::new(),
            renamed: None,
        }
    }

    /// Whether the server may know its connection by this id.
    pub(super) fn has_id(&self, id: ConnectionId) -> bool {
        self.client.id() == Some(id) || self.renamed == Some(id)
    }

    pub(super) fn rename(&mut self, id: ConnectionId) {
        self.renamed = Some(id);
    }

    /// Receives, does what is due, and sends what waits.
    pub(super) fn step(&mut self, now: Instant) {
        let TestClient { client, link, received, .. } = self;
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |arrival| {
            for datagram in arrival.datagrams() {
                let messages = client.receive(now, datagram).into_iter().flatten();
                received.extend(messages.map(|message| (message.channel, message.bytes.to_vec())));
                while let Some(channel) = client.read(&mut buffer) {
                    received.push((channel, buffer.clone()));
                }
            }
        });
        client.advance(now);
        self.transmit(now);
        let TestClient { client, events, .. } = self;
        events.extend(std::iter::from_fn(|| client.poll_event()).map(|event| (now, event)));
    }

    /// Sends what waits.
    pub(super) fn transmit(&mut self, now: Instant) {
        let path = Path::new(0, server_address());
        while let Some(len) = self.client.transmit_len(now) {
            let datagram = self.link.reserve(path, len).expect("a simulated link has room");
            self.client.transmit(now, datagram);
        }
        self.link.submit();
    }

    /// The messages that it received, in order.
    pub fn messages(&self) -> Vec<&[u8]> {
        self.received.iter().map(|(_, message)| &message[..]).collect()
    }

    /// The messages that it received on this channel, in order.
    pub fn messages_on(&self, channel: Channel) -> Vec<&[u8]> {
        self.received.iter().filter(|(of, _)| *of == channel).map(|(_, message)| &message[..]).collect()
    }

    /// Why it closed, where it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.events.iter().find_map(|&(_, event)| match event {
            ClientEvent::Closed(reason) => Some(reason),
            _ => None,
        })
    }

    /// For each time that it connected: whether its session was resumed.
    pub fn resumptions(&self) -> Vec<bool> {
        let resumed = |(_, event): &(Instant, ClientEvent)| match event {
            ClientEvent::Connected { resumed, .. } => Some(*resumed),
            _ => None,
        };
        self.events.iter().filter_map(resumed).collect()
    }
}
