//! A client as a game has it, and its news.

use crate::raw::client_config;
use crate::seat::Datagrams;
use ringshard_client::{Client, News, Rules, Scene};
use ringshard_protocol::time::Instant;
use std::net::SocketAddr;

/// A client, and the news that the test has not taken.
pub(crate) struct Player<R: Rules> {
    pub(crate) client: Client<R>,
    pub(crate) news: Vec<News<R>>,
    /// The servers that its session was sent to: that of place 1 comes first.
    servers: Vec<SocketAddr>,
}

impl<R: Rules> Player<R> {
    pub(crate) fn new(rules: R, ticket: &[u8], now: Instant, seed: [u8; 32]) -> Self {
        let client = Client::new(rules, client_config(), ticket, now, seed).unwrap_or_else(|error| panic!("{error}"));
        Player { client, news: Vec::new(), servers: Vec::new() }
    }

    /// Takes the news, and makes the inputs that are due.
    pub(crate) fn frame(&mut self, now: Instant, input: impl FnMut(&Scene<'_, R>) -> R::Input) {
        let Player { client, news, .. } = self;
        news.extend(std::iter::from_fn(|| client.news()));
        client.update(now, input);
    }
}

impl<R: Rules> Datagrams for Player<R> {
    fn receive(&mut self, now: Instant, datagram: &mut [u8]) {
        self.client.receive(now, datagram);
        if let Some(server) = self.client.change_of_server() {
            self.servers.push(server);
            self.client.move_to(now, self.servers.len() as u32);
        }
    }

    fn server(&mut self, now: Instant) -> Option<SocketAddr> {
        self.client.flush(now);
        let place = self.client.place(now) as usize;
        place.checked_sub(1).map(|index| self.servers[index])
    }

    fn transmit(&mut self, now: Instant, datagram: &mut [u8]) -> Option<usize> {
        self.client.transmit(now, datagram)
    }
}
