//! A [`Client`] with its socket, its clock and its memory.

use crate::connect::{ConnectError, fresh_seed, open_first};
use crate::inbox::{Event, Inbox};
use crate::route::Route;
use crate::socket::{Received, SocketStats};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::connection::{Connection, SendError};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, Message};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Datagrams that one [`Driver::update`] receives at most, so that a flood cannot hold up a frame.
const DATAGRAMS_PER_UPDATE: usize = 1_024;

/// One connection to one server, over a UDP socket. The crate's documentation shows a frame.
///
/// A driver that is dropped disconnects.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    route: Route,
    /// The zero of the client's clock.
    start: std::time::Instant,
    inbox: Inbox,
    /// The connection was lost since the last flush, and perhaps the address of the socket with it.
    lost: bool,
    /// The datagram being received or sent. One byte more than the largest, so that larger ones are noticed.
    datagram: Box<[u8; DATAGRAM_BYTES_MAX + 1]>,
    /// The message being read, which arrived too early, in fragments or compressed.
    message: Vec<u8>,
}

impl Driver {
    /// Begins to connect. [`Event::Connected`] or [`Event::Closed`] reports the outcome.
    ///
    /// Resolving a name may block; an address does not. Of several addresses, the first that this host has a route to is
    /// used.
    ///
    /// # Errors
    /// [`ConnectError`]. A server that does not answer is no error here.
    pub fn connect(server: impl ToSocketAddrs, config: ClientConfig) -> Result<Self, ConnectError> {
        let (server, socket) = open_first(server)?;
        let client = Client::new(config, Instant::ZERO, fresh_seed()?).map_err(ConnectError::Key)?;
        let mut driver = Driver {
            client,
            route: Route::new(server, socket),
            start: std::time::Instant::now(),
            inbox: Inbox::default(),
            lost: false,
            datagram: Box::new([0; DATAGRAM_BYTES_MAX + 1]),
            message: Vec::new(),
        };
        driver.flush();
        Ok(driver)
    }

    /// Receives everything that has arrived, advances the client's clock, and sends what is due. Never blocks.
    ///
    /// While 4 MiB or 65,536 messages wait in [`Self::poll_event`], nothing more is received: the operating system drops
    /// what its buffer does not hold, and the server sends reliable messages again.
    pub fn update(&mut self) {
        self.receive();
        let now = self.now();
        self.client.advance(now);
        self.flush();
    }

    /// The oldest message or event that was not taken yet. Take all of them after each [`Self::update`].
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        self.inbox.pop()
    }

    /// Queues a message, which leaves at the next [`Self::flush`] or [`Self::update`]. Small messages share datagrams.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken. After [`SendError::Overflow`] the connection ends: [`Self::send_room`]
    /// says how much more may be queued.
    pub fn send(&mut self, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let sent = self.client.send(self.now(), channel, message);
        if sent != Err(SendError::Full) {
            return sent;
        }
        self.flush();
        self.client.send(self.now(), channel, message)
    }

    /// Sends what is due. Never blocks: when the send buffer of the operating system is full, the rest leaves later.
    pub fn flush(&mut self) {
        let now = self.now();
        if std::mem::take(&mut self.lost) && !self.client.is_connected() {
            // If there is no other address, the former one is tried again.
            let _ = self.route.reopen();
        }
        while let Some(len) = self.client.transmit_len(now) {
            assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "the client's datagrams have a valid size");
            let place = self.client.place(now);
            self.client.transmit(now, &mut self.datagram[..len]);
            if !self.route.send(place, &self.datagram[..len]) {
                break;
            }
        }
        self.take_events();
        if !self.client.is_moving() {
            self.route.settle();
        }
    }

    /// Waits until something has arrived, for `timeout` at most, and not beyond the protocol's next deadline. For programs
    /// that have nothing else to do until the next [`Self::update`].
    ///
    /// Returns at once while [`Self::poll_event`] has something, or the next update will have.
    pub fn wait(&mut self, timeout: Duration) {
        if self.inbox.is_empty() && !self.client.connection().is_some_and(Connection::has_ready) {
            let deadline = self.client.deadline().since(self.now());
            self.route.wait(timeout.min(deadline), &mut self.datagram[..]);
        }
    }

    /// Disconnects, and tells the server. [`Event::Closed`] follows within about 100 ms, while [`Self::update`] or
    /// [`Self::flush`] is called: the Disconnect is sent several times, because an overloaded server drops datagrams that
    /// arrive together. A driver that is dropped meanwhile sends the rest at once.
    pub fn disconnect(&mut self) {
        self.client.disconnect_spread();
        self.flush();
    }

    /// Moves the connection to a new socket. Call it when the network of this host has changed, for example from Wi-Fi to
    /// mobile: the connection goes on from the new address at once. Without it, the driver notices only after the
    /// timeout, and then reconnects if [`ClientConfig::reconnect`] is set.
    ///
    /// # Errors
    /// [`ConnectError::Socket`]; the former socket stays in use.
    pub fn rebind(&mut self) -> Result<(), ConnectError> {
        let address = self.route.server();
        self.route.reopen().map_err(|source| ConnectError::Socket { address, source })?;
        self.client.address_changed(self.now());
        self.flush();
        Ok(())
    }

    /// Whether messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Whether there is no connection and will be none. Messages may still wait in [`Self::poll_event`].
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Bytes of reliable messages that can still be queued; each message costs 64 bytes beside its size.
    pub fn send_room(&self) -> usize {
        self.client.send_room()
    }

    /// The server's address.
    pub fn server(&self) -> SocketAddr {
        self.route.server()
    }

    /// The session moves to another server, as the present one says in a message of the game: connects to it, and goes on
    /// there. The present connection stays until the other server accepts, and for good if it does not
    /// (PROTOCOL.md#moves). [`Event::Connected`] with `resumed` reports that it has moved. `core` is the core of the other server that expects
    /// the session. Without a connection, and while another move is under way, this does nothing.
    ///
    /// # Errors
    /// [`ConnectError`]: this host has no route there, or the key is no key.
    pub fn move_to(&mut self, server: SocketAddr, key: PublicKey, core: u8) -> Result<(), ConnectError> {
        if self.client.is_moving() || !self.client.is_connected() {
            return Ok(());
        }
        let place = self.route.open(server).map_err(|source| ConnectError::Socket { address: server, source })?;
        self.client.move_to(self.now(), key, core, place).map_err(ConnectError::Key)?;
        self.flush();
        Ok(())
    }

    /// The address of the driver's own socket.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.route.local_addr()
    }

    /// What the socket did so far. [`Self::client`] has the counts of the connection.
    pub fn stats(&self) -> &SocketStats {
        self.route.stats()
    }

    /// The client, to look at: round-trip time, counters, drops.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs `change` on the client, with the time by its clock. For what has no method here: rates, the quality of channels,
    /// congestion control, keys.
    ///
    /// ```no_run
    /// # fn limit(driver: &mut ringshard_client::Driver) {
    /// driver.with_client(|client, now| client.set_rate(now, Some(64_000)));
    /// # }
    /// ```
    pub fn with_client<T>(&mut self, change: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let now = self.now();
        change(&mut self.client, now)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    fn receive(&mut self) {
        self.read_messages();
        for _ in 0..DATAGRAMS_PER_UPDATE {
            if !self.inbox.has_room() {
                return;
            }
            match self.route.receive(&mut self.datagram[..]) {
                Received::Datagram(len) => self.take_datagram(len),
                Received::Failed => {}
                Received::Nothing => return,
            }
        }
    }

    /// Hands in the datagram that was received, and takes all that it gave.
    fn take_datagram(&mut self, len: usize) {
        let now = self.now();
        let Driver { client, route, inbox, lost, datagram, .. } = self;
        let messages = client.receive(now, &mut datagram[..len]);
        *lost |= take_events(client, route, inbox);
        messages.into_iter().flatten().for_each(|message| inbox.push_message(message));
        self.read_messages();
    }

    /// Takes what the client has put together, while there is room: decompressed, it may be much larger than the datagram
    /// that completed it.
    fn read_messages(&mut self) {
        let Driver { client, route, inbox, lost, message, .. } = self;
        while inbox.has_room()
            && let Some(channel) = client.read(message)
        {
            inbox.push_message(Message { channel, bytes: message });
        }
        *lost |= take_events(client, route, inbox);
    }

    fn take_events(&mut self) {
        let Driver { client, route, inbox, lost, .. } = self;
        *lost |= take_events(client, route, inbox);
    }
}

/// Moves the client's events to the inbox, and follows the client to another server; gives whether the connection was lost.
fn take_events(client: &mut Client, route: &mut Route, inbox: &mut Inbox) -> bool {
    let mut lost = false;
    while let Some(event) = client.poll_event() {
        lost |= matches!(event, ClientEvent::Reconnecting(_));
        match event {
            ClientEvent::Moved { place } => route.go_to(place),
            event => inbox.push_event(event),
        }
    }
    lost
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.client.disconnect();
        self.flush();
    }
}
