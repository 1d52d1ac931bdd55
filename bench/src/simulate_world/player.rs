//! One player: a bot, and its link.

use crate::bots::{Member, Player as Bot};
use ringshard_link::sim::SimLink;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Instant;
use std::net::SocketAddr;

pub struct Player {
    pub bot: Bot,
    pub link: SimLink,
    pub server: SocketAddr,
}

impl Player {
    pub fn step(&mut self, now: Instant) {
        let Player { bot, link, .. } = self;
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                bot.receive(now, arrival.datagram(index), &mut buffer);
            }
        });
        if let Some(reason) = bot.serve(now) {
            panic!("a player lost its connection: {reason}");
        }
        self.transmit(now);
    }

    pub fn transmit(&mut self, now: Instant) {
        let path = Path::new(0, self.server);
        let client = self.bot.connection_mut();
        while let Some(len) = client.transmit_len(now) {
            let Some(room) = self.link.reserve(path, len) else { break };
            client.transmit(now, room);
        }
        self.link.submit();
    }
}
