//! A client of a fleet, as its driver needs it.

use super::workload::Workload;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent, CloseReason};
use ringshard_protocol::time::Instant;

/// A client of a fleet: its connection, and what it does with it.
pub trait Member: Send + 'static {
    /// Begins to connect. `seed` is fresh.
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]);

    /// The connection. Only after [`Self::begin`].
    fn connection(&self) -> &Client;

    /// The connection, to send its datagrams.
    fn connection_mut(&mut self) -> &mut Client;

    /// Takes a datagram. `buffer` is for messages that have to be put together. Returns whether the member is to be served
    /// in this round; otherwise it is served at its deadline.
    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool;

    /// Everything that arrived has been received: lets time pass, and queues what is due. Returns why the connection is gone,
    /// once.
    fn serve(&mut self, now: Instant) -> Option<CloseReason>;

    /// When to serve it again.
    fn deadline(&self) -> Instant;

    /// Prefetches what [`Self::prefetch`] reads. Reads nothing itself.
    fn prefetch_front(&self) {}

    /// Prefetches what the next datagram, in or out, touches.
    fn prefetch(&self) {}

    /// Prefetches what lies behind pointers in what [`Self::prefetch`] has prefetched.
    fn prefetch_rest(&self) {}
}

/// A workload with its connection.
pub struct Connected<W> {
    client: Option<Client>,
    pub workload: W,
}

impl<W: Workload> Connected<W> {
    /// Not connected yet.
    pub fn new(workload: W) -> Self {
        Connected { client: None, workload }
    }
}

impl<W: Workload> Member for Connected<W> {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        self.client = Some(Client::new(config, now, seed).expect("the server's key is valid"));
    }

    fn connection(&self) -> &Client {
        self.client.as_ref().expect("a member begins first")
    }

    fn connection_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("a member begins first")
    }

    /// Always to be served: reliable messages are acknowledged in time, and more may leave.
    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        let Connected { client: Some(client), workload } = self else { return true };
        let Some(messages) = client.receive(now, datagram) else { return true };
        for message in messages {
            workload.on_message(message.channel, message.bytes);
        }
        while let Some(channel) = client.read(buffer) {
            workload.on_message(channel, buffer);
        }
        true
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        let Connected { client: Some(client), workload } = self else { return None };
        if client.deadline() <= now {
            client.advance(now);
        }
        let mut closed = None;
        while let Some(event) = client.poll_event() {
            if let ClientEvent::Closed(reason) = event {
                closed = Some(reason);
            }
            workload.on_event(event);
        }
        workload.advance(now, client);
        closed
    }

    fn deadline(&self) -> Instant {
        self.connection().deadline().min(self.workload.deadline())
    }
}
