//! A [`Client`] with its socket and its clock.

use crate::client::{Client, NewClientError, News, Scene};
use crate::connect::{ConnectError, fresh_seed, open_first};
use crate::route::Route;
use crate::socket::{Received, SocketStats};
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::Rules;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Datagrams that one [`Udp::poll`] receives at most, so that a flood cannot hold up a frame.
const DATAGRAMS_PER_POLL: usize = 1_024;

/// A client of a game over a UDP socket of the standard library. The crate's documentation shows a frame.
///
/// No call blocks, except [`Self::wait`], and no thread is started. A client that is dropped disconnects.
pub struct Udp<R: Rules> {
    client: Client<R>,
    route: Route,
    /// The zero of the client's clock.
    start: std::time::Instant,
    /// Lost connections for which the socket was changed.
    reconnects: u64,
    /// The datagram being received or sent. One byte more than the largest, so that larger ones are noticed.
    datagram: Box<[u8; DATAGRAM_BYTES_MAX + 1]>,
}

impl<R: Rules> Udp<R> {
    /// Begins to connect, and to enter the world with `ticket`. [`News::Entered`], [`News::Refused`] or [`News::Closed`]
    /// reports the outcome.
    ///
    /// Resolving a name may block; an address does not. Of several addresses, the first that this host has a route to is
    /// used.
    ///
    /// # Errors
    /// [`ConnectError`]. A server that does not answer is no error here.
    pub fn connect(
        server: impl ToSocketAddrs,
        rules: R,
        config: ClientConfig,
        ticket: &[u8],
    ) -> Result<Self, ConnectError> {
        let (server, socket) = open_first(server)?;
        let client = Client::new(rules, config, ticket, Instant::ZERO, fresh_seed()?).map_err(|error| match error {
            NewClientError::Key(key) => ConnectError::Key(key),
            NewClientError::Ticket(len) => ConnectError::Ticket(len),
        })?;
        let start = std::time::Instant::now();
        let datagram = Box::new([0; DATAGRAM_BYTES_MAX + 1]);
        let mut udp = Udp { client, route: Route::new(server, socket), start, reconnects: 0, datagram };
        udp.flush();
        Ok(udp)
    }

    /// Receives everything that has arrived, asks `input` for the input of each tick that is due, and sends what is due. Call
    /// it once per frame.
    pub fn poll(&mut self, input: impl FnMut(&Scene<'_, R>) -> R::Input) {
        self.receive();
        let now = self.now();
        self.client.update(now, input);
        self.flush();
    }

    /// The oldest news that was not taken. Take all of them in each frame: while they wait, nothing is received.
    pub fn news(&mut self) -> Option<News<R>> {
        self.client.news()
    }

    /// Receives what has arrived. [`Self::poll`] does so; a program that takes inputs by [`Client::advance`] calls it itself.
    pub fn receive(&mut self) {
        for _ in 0..DATAGRAMS_PER_POLL {
            if !self.client.has_room() {
                return;
            }
            match self.route.receive(&mut self.datagram[..]) {
                Received::Datagram(len) => {
                    let now = self.now();
                    self.client.receive(now, &mut self.datagram[..len]);
                    self.follow_session(now);
                }
                Received::Failed => {}
                Received::Nothing => return,
            }
        }
    }

    /// Opens a way to the server that the session moves to, and takes it once the session is there.
    fn follow_session(&mut self, now: Instant) {
        if let Some(address) = self.client.change_of_server()
            && let Ok(place) = self.route.open(address)
        {
            self.client.move_to(now, place);
        }
        let connection = self.client.connection();
        self.route.go_to(connection.server_place());
        if !connection.is_moving() {
            self.route.settle();
        }
    }

    /// Sends what is due: asks and events leave at once instead of with the next frame. Never blocks: when the send buffer
    /// of the operating system is full, the rest leaves later.
    pub fn flush(&mut self) {
        let reconnects = self.client.stats().reconnects;
        if reconnects != self.reconnects && !self.client.connection().is_connected() {
            // The address of the socket may be gone, too. If there is no other, the former one is tried again.
            let _ = self.route.reopen();
        }
        self.reconnects = reconnects;
        let now = self.now();
        self.follow_session(now);
        loop {
            self.client.flush(now);
            let place = self.client.place(now);
            let Some(len) = self.client.transmit(now, &mut self.datagram[..DATAGRAM_BYTES_MAX]) else { break };
            if !self.route.send(place, &self.datagram[..len]) {
                break;
            }
        }
    }

    /// Waits until something has arrived or an input is due, for `timeout` at most. For programs without frames, such as bots.
    pub fn wait(&mut self, timeout: Duration) {
        let deadline = self.client.deadline().since(self.now());
        self.route.wait(timeout.min(deadline), &mut self.datagram[..]);
    }

    /// Moves the connection to a new socket. Call it when the network of this host has changed, for example from Wi-Fi to
    /// mobile: the connection goes on from the new address at once.
    ///
    /// # Errors
    /// [`ConnectError::Socket`]; the former socket stays in use.
    pub fn rebind(&mut self) -> Result<(), ConnectError> {
        let address = self.route.server();
        self.route.reopen().map_err(|source| ConnectError::Socket { address, source })?;
        let now = self.now();
        self.client.address_changed(now);
        self.flush();
        Ok(())
    }

    /// Disconnects, and tells the server. [`News::Closed`] follows within about 100 ms, while [`Self::poll`] or
    /// [`Self::flush`] is called: the Disconnect is sent several times, because an overloaded server drops datagrams that
    /// arrive together. A client that is dropped meanwhile sends the rest at once.
    pub fn close(&mut self) {
        self.client.close_spread();
        self.flush();
    }

    /// The client: what it shows, its clocks and counts.
    pub fn client(&self) -> &Client<R> {
        &self.client
    }

    /// The client, to ask, tell, and set how it shows the world.
    pub fn client_mut(&mut self) -> &mut Client<R> {
        &mut self.client
    }

    /// The time by the client's clock.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// The server's address. It changes when the session moves to another server.
    pub fn server(&self) -> SocketAddr {
        self.route.server()
    }

    /// The address of the client's own socket.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.route.local_addr()
    }

    /// What the socket did so far.
    pub fn socket_stats(&self) -> &SocketStats {
        self.route.stats()
    }
}

impl<R: Rules> fmt::Debug for Udp<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Udp");
        debug.field("client", &self.client).field("route", &self.route);
        debug.finish_non_exhaustive()
    }
}

impl<R: Rules> Drop for Udp<R> {
    fn drop(&mut self) {
        self.client.close();
        self.flush();
    }
}
