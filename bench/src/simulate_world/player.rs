//! One player: a client, a bot and a link.

use crate::bots::bot::Bot;
use crate::load::fleet::Workload;
use ringshard_link::sim::SimLink;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Instant;
use std::net::SocketAddr;

pub struct Player {
    pub client: Client,
    pub bot: Bot,
    pub link: SimLink,
    pub server: SocketAddr,
}

impl Player {
    pub fn step(&mut self, now: Instant) {
        let Player { client, bot, link, .. } = self;
        let mut kept = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    bot.on_message(message.channel, message.bytes);
                }
                while let Some(channel) = client.read(&mut kept) {
                    bot.on_message(channel, &kept);
                }
            }
        });
        if client.deadline() <= now {
            client.advance(now);
        }
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, ClientEvent::Closed(_)), "a player lost its connection: {event:?}");
            bot.on_event(event);
        }
        bot.advance(now, client);
        self.transmit(now);
    }

    pub fn transmit(&mut self, now: Instant) {
        let path = Path::new(0, self.server);
        while let Some(len) = self.client.transmit_len(now) {
            let Some(room) = self.link.reserve(path, len) else { break };
            self.client.transmit(now, room);
        }
        self.link.submit();
    }
}
