//! What both ends of a session send to each other.

use crate::random::Random;
use crate::simulate::model::session::PROBE_CHANNEL;
use ringshard_protocol::limits::{CHANNELS, MESSAGE_BYTES_MAX};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, Delivery};

/// A series of messages in one direction.
#[derive(Clone, Copy, Debug)]
struct Flow {
    to_server: bool,
    channel: Channel,
    sizes: (usize, usize),
    /// Probability of a message per tick.
    per_mille: u64,
    burst: u64,
    is_idle: bool,
}

/// All traffic of a session.
#[derive(Debug)]
pub struct Traffic {
    random: Random,
    flows: Vec<Flow>,
    /// Time between two ticks.
    pub tick: Duration,
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Direction.
    pub to_server: bool,
    pub channel: Channel,
    pub bytes: usize,
}

impl Traffic {
    /// Draws some flows with this amount of traffic.
    pub fn draw(random: &mut Random, traffic_per_mille: u64) -> Self {
        let mut random = random.fork();
        let tick = random.pick(&[16, 33, 50, 100, 250]);
        let count = random.between(2, 10);
        let flows = (0..count).map(|_| Flow::draw(&mut random, tick, traffic_per_mille)).collect();
        Traffic { random, flows, tick: Duration::from_millis(tick) }
    }

    /// Calls `send` with each message of this tick.
    pub fn tick(&mut self, mut send: impl FnMut(Outgoing)) {
        let Traffic { random, flows, .. } = self;
        for flow in flows {
            if random.chance(5) {
                flow.is_idle = !flow.is_idle;
            }
            if flow.is_idle || !random.chance(flow.per_mille) {
                continue;
            }
            for _ in 0..random.magnitude(1, flow.burst) {
                let (least, most) = flow.sizes;
                let bytes = random.magnitude(least as u64 + 1, most as u64 + 1) as usize - 1;
                send(Outgoing { to_server: flow.to_server, channel: flow.channel, bytes: bytes.min(most) });
            }
        }
    }
}

impl Flow {
    /// Larger messages are rarer, so that all flows have about the same rate in bytes.
    fn draw(random: &mut Random, tick_millis: u64, traffic_per_mille: u64) -> Flow {
        let channel = loop {
            let number = random.between(0, CHANNELS as u64 - 1) as u8;
            if let Some(channel) = Channel::new(number).filter(|&channel| channel != PROBE_CHANNEL) {
                break channel;
            }
        };
        let (sizes, hertz_milli, burst) = match random.between(0, 99) {
            ..10 => ((0, 7), 5_000, 4),
            ..60 => ((8, 200), 15_000, 2),
            ..75 => ((100, 1_500), 4_000, 3),
            ..85 => ((1_000, 20_000), 300, 2),
            ..93 => ((8, MESSAGE_BYTES_MAX), 200, 2),
            ..96 => ((MESSAGE_BYTES_MAX - 2, MESSAGE_BYTES_MAX), 100, 4),
            ..98 => ((0, 60), 30, 3_000),
            // Enough messages that 16-bit numbers wrap.
            _ => ((8, 30), 1_000_000, 40),
        };
        let unreliable = matches!(channel.delivery(), Delivery::Unreliable | Delivery::UnreliableSequenced);
        let burst = if unreliable { burst.min(4) } else { burst };
        let per_mille = (hertz_milli * tick_millis * traffic_per_mille / 1_000_000).clamp(1, 1000);
        Flow { to_server: random.chance(500), channel, sizes, per_mille, burst, is_idle: random.chance(300) }
    }
}
