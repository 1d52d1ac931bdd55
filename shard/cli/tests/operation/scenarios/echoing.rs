//! A client of a server that sends each message back.

use super::events::Events;
use super::ledger::Ledger;
use super::steps::EventName;
use ringshard_client::protocol::wire::{DeniedReason, DisconnectReason};
use ringshard_client::{Channel, ClientConfig, CloseReason, Driver, Event, PublicKey, SendError};
use std::net::SocketAddr;

/// Room that a reliable message needs beside its bytes.
const MESSAGE_COST_BYTES: usize = 64;

pub struct Echoing {
    pub events: Events,
    pub ledger: Ledger,
    driver: Driver,
    is_closing: bool,
}

impl Echoing {
    pub fn new(server: SocketAddr, key: PublicKey, reconnect: bool, number: usize) -> Self {
        let config = ClientConfig { reconnect, ..ClientConfig::new(key) };
        let driver = Driver::connect(server, config).expect("loopback has a route");
        Echoing { events: Events::default(), ledger: Ledger::new(number), driver, is_closing: false }
    }

    pub fn turn(&mut self) {
        let Echoing { events, ledger, driver, is_closing } = self;
        driver.update();
        while let Some(event) = driver.poll_event() {
            match event {
                Event::Connected { resumed: false, .. } => events.push(EventName::Connected, None),
                Event::Connected { resumed: true, .. } => events.push(EventName::Resumed, None),
                Event::Message(message) => ledger.note_received(message.channel, message.bytes),
                Event::Reconnecting(reason) => events.push(EventName::Reconnecting, Some(words(reason, *is_closing))),
                Event::Closed(reason) => events.push(EventName::Closed, Some(words(reason, *is_closing))),
            }
        }
    }

    /// Sends a message; false while too much waits to be sent.
    pub fn send(&mut self, channel: Channel, bytes: &[u8]) -> bool {
        if channel.delivery().is_reliable() && self.driver.send_room() < bytes.len() + MESSAGE_COST_BYTES {
            return false;
        }
        match self.driver.send(channel, bytes) {
            Ok(()) => self.ledger.note_sent(channel, bytes.to_vec()),
            Err(SendError::Full | SendError::RateLimited) => return false,
            Err(error) => panic!("a message of {} bytes on channel {channel}: {error}", bytes.len()),
        }
        true
    }

    /// # Panics
    /// When the client takes a message that is too long.
    pub fn refuse(&mut self, channel: Channel, bytes: usize) {
        assert_eq!(self.driver.send(channel, &vec![0; bytes]), Err(SendError::TooLong));
    }

    /// Whether all reliable messages that were sent are acknowledged.
    pub fn is_idle(&self) -> bool {
        self.driver.client().message_bytes() == 0
    }

    pub fn rekey(&mut self) {
        self.driver.with_client(|client, now| client.rekey(now));
    }

    /// How often the keys of the connection were replaced.
    pub fn key_changes(&self) -> u64 {
        self.driver.client().connection().map_or(0, |connection| connection.key_changes())
    }

    pub fn close(&mut self) {
        self.is_closing = true;
        self.driver.disconnect();
    }
}

/// The reason in the words of scenarios.json.
pub fn words(reason: CloseReason, is_closing: bool) -> String {
    let words = match reason {
        CloseReason::Denied(DeniedReason::WrongKey, _) | CloseReason::WrongKey => "wrong key",
        CloseReason::Disconnected(DisconnectReason::Closed) if is_closing => "closed here",
        CloseReason::Disconnected(DisconnectReason::Closed) => "closed by the server",
        CloseReason::Disconnected(DisconnectReason::ShuttingDown) => "shutting down",
        CloseReason::Disconnected(DisconnectReason::TimedOut) => "timeout",
        other => return other.to_string(),
    };
    words.to_owned()
}
