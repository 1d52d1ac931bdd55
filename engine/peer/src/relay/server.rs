//! The relay's end. It does no I/O: for each datagram it says what to send, at most one datagram.
//!
//! No traffic grows on the way. A sender whose address is not proven gets a Cookie, half as long as its Register. Only the owner
//! of a channel, which has proven its address with the cookie, gets more than was sent: 18 bytes, the guest's address.

use super::*;
use ringshard_protocol::crypto::hmac_sha256;
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

/// How long a channel lives after the last Register.
const CHANNEL_LIFETIME: Duration = Duration::from_secs(60);
/// How long a guest may be answered after it was heard.
const GUEST_LIFETIME: Duration = Duration::from_secs(60);
/// How long a cookie is good, at least. It is good for twice that at most.
const COOKIE_PERIOD: Duration = Duration::from_secs(30);
/// Guests of a channel: a mesh has 15 others, and each may have moved.
const GUESTS_MAX: usize = 48;
/// Time between two searches for channels that are over.
const SWEEP_PERIOD: Duration = Duration::from_secs(5);

/// What a relay allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelayLimits {
    /// Channels at a time.
    pub channels_max: usize,
    /// Channels at a time for tickets of one name.
    pub channels_per_name_max: usize,
    /// Bytes per second of a channel, both ways together. Twice as many may come at once.
    pub bytes_per_second: u64,
}

impl Default for RelayLimits {
    fn default() -> Self {
        RelayLimits { channels_max: 10_000, channels_per_name_max: 4, bytes_per_second: 1 << 20 }
    }
}

ringshard_protocol::counters! {
    /// What a relay did, and what it dropped.
    RelayStats {
        /// Channels opened.
        opened,
        /// Channels that are over.
        closed,
        /// Datagrams carried.
        carried,
        /// Bytes of those.
        carried_bytes,
        /// Datagrams that are none of a relay's.
        malformed,
        /// Registers with a ticket that is not of this relay's keys, or has expired.
        tickets_refused,
        /// Registers for which there is no room.
        full,
        /// Datagrams to a channel that does not exist, or to a guest that was not heard.
        unknown,
        /// Datagrams over the rate of their channel.
        limited,
    }
}

#[derive(Debug)]
struct Channel {
    owner: SocketAddr,
    name: [u8; 8],
    until: Instant,
    guests: Vec<(SocketAddr, Instant)>,
    /// When the rate allows as much as ever again.
    rested_at: Instant,
}

/// A datagram: when it came, from where, for which channel (or of which instance), and what is behind the header.
struct Arrived<'a> {
    now: Instant,
    from: SocketAddr,
    channel: ChannelName,
    rest: &'a [u8],
}

/// A relay.
#[derive(Debug)]
pub struct Relay {
    keys: Vec<GatewayKey>,
    limits: RelayLimits,
    /// Makes cookies and names of channels.
    secret: [u8; 32],
    channels: HashMap<ChannelName, Channel>,
    swept_at: Instant,
    stats: RelayStats,
}

impl Relay {
    /// A relay for tickets of these keys. `secret` must be random and fresh.
    pub fn new(keys: Vec<GatewayKey>, limits: RelayLimits, secret: [u8; 32]) -> Self {
        let channels = HashMap::new();
        Relay { keys, limits, secret, channels, swept_at: Instant::ZERO, stats: RelayStats::default() }
    }

    /// Takes a datagram from `from`, at the time `unix` in seconds since 1970. Each host has one address here: an IPv4 address
    /// must not come as an IPv4-mapped one. Writes what is to be sent to the front of `out`, which should have room for the
    /// datagram and [`RELAY_BYTES_MAX`](crate::limits::RELAY_BYTES_MAX) more. Returns its destination and size.
    pub fn receive(
        &mut self,
        now: Instant,
        unix: u64,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Option<(SocketAddr, usize)> {
        self.sweep(now);
        let Some((kind, channel, rest)) = read_header(datagram) else {
            self.stats.malformed += 1;
            return None;
        };
        let arrived = Arrived { now, from, channel, rest };
        match kind {
            REGISTER if datagram.len() == REGISTER_BYTES => {
                self.register(arrived, unix, datagram, out).map(|len| (from, len))
            }
            TO_OWNER => self.for_owner(arrived, out),
            TO_GUEST => self.for_guest(arrived, out),
            _ => {
                self.stats.malformed += 1;
                None
            }
        }
    }

    /// Answers a Register, which is all of `datagram`, to its sender.
    fn register(&mut self, arrived: Arrived<'_>, unix: u64, datagram: &[u8], out: &mut [u8]) -> Option<usize> {
        let Arrived { now, from, channel: instance, .. } = arrived;
        let (signed, mac) = datagram.split_at(REGISTER_BYTES - 16);
        let public: [u8; 16] = signed[16..32].try_into().expect("16 bytes");
        // The address first: it costs one hash, and the answer is half as long as the request.
        let periods = [0, 1].map(|ago| self.cookie(now, ago, from));
        if !periods.iter().any(|cookie| signed[32..48] == *cookie) {
            write_header(out, COOKIE, &instance);
            out[HEADER_BYTES..COOKIE_BYTES].copy_from_slice(&periods[0]);
            return Some(COOKIE_BYTES);
        }
        let tickets = self.keys.iter().map(|key| RelayTicket::of_public(key, public));
        let ticket = tickets.into_iter().find(|ticket| ticket.verifies(signed, mac) && ticket.expires() > unix);
        let Some(ticket) = ticket else {
            self.stats.tickets_refused += 1;
            return None;
        };
        let channel = self.name_of(&public, &instance);
        if !self.open(now, channel, from, ticket.name()) {
            self.stats.full += 1;
            return None;
        }
        write_header(out, REGISTERED, &channel);
        out[16..24].copy_from_slice(&instance);
        out[24..42].copy_from_slice(&to_wire(from));
        let mac = ticket.mac(&out[..42]);
        out[42..REGISTERED_BYTES].copy_from_slice(&mac);
        Some(REGISTERED_BYTES)
    }

    /// Opens the channel, or lets it live on, perhaps with another address of its owner; false if there is no room.
    fn open(&mut self, now: Instant, channel: ChannelName, owner: SocketAddr, name: [u8; 8]) -> bool {
        let until = now + CHANNEL_LIFETIME;
        if let Some(channel) = self.channels.get_mut(&channel) {
            (channel.owner, channel.until) = (owner, until);
            return true;
        }
        let of_name = self.channels.values().filter(|channel| channel.name == name).count();
        if self.channels.len() >= self.limits.channels_max || of_name >= self.limits.channels_per_name_max {
            return false;
        }
        self.stats.opened += 1;
        self.channels.insert(channel, Channel { owner, name, until, guests: Vec::new(), rested_at: now });
        true
    }

    fn for_owner(&mut self, arrived: Arrived<'_>, out: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let Arrived { now, from, channel: name, rest: datagram } = arrived;
        let Some(channel) = self.open_channel(now, &name) else {
            self.stats.unknown += 1;
            return None;
        };
        channel.heard(now, from);
        let owner = channel.owner;
        let len = write_carried(out, FROM_GUEST, &name, Some(from), datagram)?;
        self.carry(now, &name, len).then_some((owner, len))
    }

    fn for_guest(&mut self, arrived: Arrived<'_>, out: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let Arrived { now, from, channel: name, rest } = arrived;
        let (guest, datagram) = split_address(rest)?;
        let channel = self.open_channel(now, &name).filter(|channel| channel.owner == from);
        if !channel.is_some_and(|channel| channel.has_heard(now, guest)) {
            self.stats.unknown += 1;
            return None;
        }
        let len = write_carried(out, FROM_OWNER, &name, None, datagram)?;
        self.carry(now, &name, len).then_some((guest, len))
    }

    fn open_channel(&mut self, now: Instant, name: &ChannelName) -> Option<&mut Channel> {
        self.channels.get_mut(name).filter(|channel| channel.until > now)
    }

    /// Counts a datagram that is carried; false if the rate of its channel does not allow it.
    fn carry(&mut self, now: Instant, name: &ChannelName, len: usize) -> bool {
        let rate = self.limits.bytes_per_second.max(1);
        let Some(channel) = self.open_channel(now, name) else { return false };
        let rested_at = channel.rested_at.max(now);
        if rested_at.since(now) > Duration::from_secs(2) {
            self.stats.limited += 1;
            return false;
        }
        channel.rested_at = rested_at + Duration::from_nanos(len as u64 * 1_000_000_000 / rate);
        self.stats.carried += 1;
        self.stats.carried_bytes += len as u64;
        true
    }

    /// The cookie of an address in the present period, or in one before.
    fn cookie(&self, now: Instant, periods_ago: u64, from: SocketAddr) -> [u8; 16] {
        let period = (now.as_nanos() / COOKIE_PERIOD.as_nanos() as u64).wrapping_sub(periods_ago);
        let mac = hmac_sha256(&self.secret, &[b"cookie", &period.to_le_bytes(), &to_wire(from)]);
        *mac.first_chunk().expect("a MAC has 32 bytes")
    }

    /// The name of the channel of a ticket and an instance: the same when its owner registers again from another address.
    fn name_of(&self, public: &[u8; 16], instance: &[u8; 8]) -> ChannelName {
        let mac = hmac_sha256(&self.secret, &[b"channel", public, instance]);
        *mac.first_chunk().expect("a MAC has 32 bytes")
    }

    /// Forgets channels that are over. [`Self::receive`] does it, too.
    pub fn sweep(&mut self, now: Instant) {
        if now < self.swept_at + SWEEP_PERIOD {
            return;
        }
        self.swept_at = now;
        let before = self.channels.len();
        self.channels.retain(|_, channel| channel.until > now);
        self.stats.closed += (before - self.channels.len()) as u64;
    }

    /// Channels at present.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Its counters.
    pub fn stats(&self) -> &RelayStats {
        &self.stats
    }
}

impl Channel {
    fn heard(&mut self, now: Instant, guest: SocketAddr) {
        if let Some((_, at)) = self.guests.iter_mut().find(|(known, _)| *known == guest) {
            *at = now;
            return;
        }
        if self.guests.len() >= GUESTS_MAX {
            self.forget_one();
        }
        self.guests.push((guest, now));
    }

    /// Forgets the oldest guest of the network that has most of them: a guest with many addresses pushes out itself alone.
    fn forget_one(&mut self) {
        let guests_of = |network| self.guests.iter().filter(|(guest, _)| network_of(*guest) == network).count();
        let rank = |&index: &usize| {
            let (guest, at) = self.guests[index];
            (guests_of(network_of(guest)), Reverse(at))
        };
        if let Some(index) = (0..self.guests.len()).max_by_key(rank) {
            self.guests.swap_remove(index);
        }
    }

    fn has_heard(&self, now: Instant, guest: SocketAddr) -> bool {
        self.guests.iter().any(|(known, at)| *known == guest && *at + GUEST_LIFETIME > now)
    }
}

/// The IPv4 address, or the first 64 bits of the IPv6 address: one customer has at least that many for itself.
fn network_of(address: SocketAddr) -> [u8; 8] {
    match address.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            // No IPv6 address of a host begins so.
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(ip) => *ip.octets().first_chunk().expect("an address has 16 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that sends from ever more addresses or ports, of either family, pushes out none but itself.
    #[test]
    fn a_guest_with_many_addresses_keeps_the_others_heard() {
        let many_ports = |number: u16| SocketAddr::from(([192, 0, 2, 1], number));
        let many_addresses = |number: u16| SocketAddr::from(([0x2001, 0xdb8, 1, 2, 0, 0, 0, number], 9));
        for flood in [many_ports as fn(u16) -> SocketAddr, many_addresses] {
            let mut channel = Channel {
                owner: ([127, 0, 0, 1], 1).into(),
                name: [0; 8],
                until: Instant::ZERO,
                guests: Vec::new(),
                rested_at: Instant::ZERO,
            };
            let others = [SocketAddr::from(([198, 51, 100, 7], 1)), ([0x2001, 0xdb8, 1, 3, 0, 0, 0, 1], 9).into()];
            let now = |millis| Instant::ZERO + Duration::from_millis(millis);
            others.iter().for_each(|other| channel.heard(now(0), *other));
            (1..1_000).for_each(|number| channel.heard(now(number.into()), flood(number)));
            assert!(others.iter().all(|other| channel.has_heard(now(1_000), *other)));
            assert_eq!(channel.guests.len(), GUESTS_MAX);
            assert!(channel.has_heard(now(1_000), flood(999)) && !channel.has_heard(now(1_000), flood(1)));
        }
    }
}
