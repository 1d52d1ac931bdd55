//! Quality of service: the order in which channels are served, and their rates. All of it can change at any time.

use crate::connection::token_bucket::TokenBucket;
use crate::limits::CHANNELS;
use crate::time::Instant;
use crate::wire::Channel;

/// Priority and rate of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChannelQuality {
    /// Reliable channels of a higher priority are served first. Among equals, the lower number goes first.
    pub priority: u8,
    /// Bytes of messages per second; None: no limit. Reliable messages beyond it wait, unreliable ones are refused.
    pub bytes_per_second: Option<u64>,
}

#[derive(Debug)]
struct Limit {
    bytes_per_second: u64,
    bucket: TokenBucket,
}

/// Rates of the channels and of the connection, and the order of service.
#[derive(Debug)]
pub(in crate::connection) struct QualityOfService {
    channels: [ChannelQuality; CHANNELS],
    limits: [Option<Limit>; CHANNELS],
    connection: Option<Limit>,
    /// Whether there is any limit.
    limited: bool,
    /// Reliable channels, in the order of service.
    order: Vec<Channel>,
}

impl QualityOfService {
    pub(super) fn new() -> Self {
        QualityOfService {
            channels: [ChannelQuality::default(); CHANNELS],
            limits: [const { None }; CHANNELS],
            connection: None,
            limited: false,
            order: Channel::all().filter(|channel| channel.delivery().is_reliable()).collect(),
        }
    }

    pub(in crate::connection) fn set_channel(&mut self, now: Instant, channel: Channel, quality: ChannelQuality) {
        self.channels[channel.index()] = quality;
        self.limits[channel.index()] = quality.bytes_per_second.map(|rate| Limit::new(now, rate));
        self.note_limits();
        self.order.sort_by_key(|channel| (u8::MAX - self.channels[channel.index()].priority, *channel));
        let priority = |channel: &Channel| self.channels[channel.index()].priority;
        assert!(self.order.is_sorted_by(|a, b| priority(a) >= priority(b)), "higher priorities are served first");
    }

    pub(in crate::connection) fn set_connection(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        self.connection = bytes_per_second.map(|rate| Limit::new(now, rate));
        self.note_limits();
    }

    fn note_limits(&mut self) {
        self.limited = self.connection.is_some() || self.limits.iter().any(Option::is_some);
    }

    /// Whether there is no rate limit at all.
    #[inline]
    pub(in crate::connection) fn is_unlimited(&self) -> bool {
        !self.limited
    }

    /// The reliable channel that is served at `position`.
    pub(super) fn served(&self, position: usize) -> Option<Channel> {
        self.order.get(position).copied()
    }

    /// Whether a message may leave on `channel` now.
    pub(in crate::connection) fn allows(&mut self, now: Instant, channel: Channel) -> bool {
        let allows = |limit: &mut Option<Limit>| {
            limit.as_mut().is_none_or(|limit| limit.bucket.allows(now, limit.bytes_per_second))
        };
        allows(&mut self.limits[channel.index()]) && allows(&mut self.connection)
    }

    /// A message of `bytes` left on `channel`.
    pub(in crate::connection) fn spend(&mut self, channel: Channel, bytes: usize) {
        for limit in [&mut self.limits[channel.index()], &mut self.connection].into_iter().flatten() {
            limit.bucket.take(bytes as u64);
        }
    }

    /// Whether the rates allowed `channel` to send when it was last asked.
    pub(super) fn has_tokens(&self, channel: Channel) -> bool {
        let has = |limit: &Option<Limit>| limit.as_ref().is_none_or(|limit| limit.bucket.has_tokens());
        has(&self.limits[channel.index()]) && has(&self.connection)
    }

    /// When the rates let `channel` send.
    pub(super) fn ready_at(&self, channel: Channel) -> Instant {
        let ready = |limit: &Option<Limit>| {
            limit.as_ref().map_or(Instant::ZERO, |limit| limit.bucket.ready_at(limit.bytes_per_second))
        };
        ready(&self.limits[channel.index()]).max(ready(&self.connection))
    }
}

impl Limit {
    fn new(now: Instant, bytes_per_second: u64) -> Self {
        Limit { bytes_per_second: bytes_per_second.max(1), bucket: TokenBucket::new(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn higher_priorities_first_then_lower_numbers() {
        let mut quality = QualityOfService::new();
        let channel = |number| Channel::new(number).unwrap();
        quality.set_channel(Instant::ZERO, channel(10), ChannelQuality { priority: 9, ..Default::default() });
        quality.set_channel(Instant::ZERO, channel(5), ChannelQuality { priority: 3, ..Default::default() });
        let order: Vec<_> = (0..9).map_while(|position| quality.served(position)).map(Channel::number).collect();
        assert_eq!(order, [10, 5, 1, 2, 6, 9, 13, 14]);
        quality.set_channel(Instant::ZERO, channel(10), ChannelQuality::default());
        assert_eq!(quality.served(0), Some(channel(5)));
    }

    #[test]
    fn the_slower_of_channel_and_connection_decides() {
        let mut quality = QualityOfService::new();
        let (first, second) = (Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED);
        let rate = |bytes| ChannelQuality { priority: 0, bytes_per_second: Some(bytes) };
        quality.set_channel(Instant::ZERO, first, rate(1000));
        quality.set_connection(Instant::ZERO, Some(10_000));
        assert!(quality.allows(Instant::ZERO, first) && quality.allows(Instant::ZERO, second));
        quality.spend(first, 20_000);
        assert!(!quality.allows(Instant::ZERO, first) && !quality.allows(Instant::ZERO, second));
        let later = Instant::ZERO + Duration::from_secs(1);
        assert!(!quality.allows(later, first) && quality.allows(later, second));
        assert!(quality.ready_at(second) <= later && quality.ready_at(first) > later);
        quality.set_channel(later, first, ChannelQuality::default());
        assert!(quality.allows(later, first), "limits change while running");
    }
}
