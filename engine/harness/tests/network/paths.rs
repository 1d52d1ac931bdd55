//! How the transport uses a path: the share that a bulk transfer gets, how two transfers share it, how long an interruption
//! lasts. The clock is virtual, so the figures are the same on every machine; `-- --nocapture` prints them.
//!
//! [`Download`] is not [`ringshard_harness::World`]: it jumps from event to event instead of stepping, which makes transfers
//! of many MiB affordable, and it counts messages instead of keeping them.

use ringshard_harness::{client_config, random_bytes, server_address, server_config};
use ringshard_link::conditions::{Chance, Conditions, RateLimit};
use ringshard_link::sim::{Bottleneck, Network, SimLink};
use ringshard_protocol::connection::{CongestionControl, TransportConfig};
use ringshard_protocol::crypto::{Suite, Suites};
use ringshard_protocol::endpoint::{Event, Received};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;

/// 100 Mbit/s.
const RATE: u64 = 12_500_000;
/// Time in each direction: the round-trip time is 50 ms.
const DELAY: Duration = Duration::from_millis(25);
/// The bandwidth-delay product of the path.
const PATH_BYTES: u64 = RATE / 20;
const MESSAGE_BYTES: usize = 1_150;

struct Downloader {
    client: Client,
    link: SimLink,
    id: Option<ConnectionId>,
    /// Messages that are still to be sent to it.
    left: usize,
    received: usize,
    last_at: Instant,
}

/// A server that sends bulk data to its clients.
struct Download {
    network: Network,
    server: Endpoint,
    server_link: SimLink,
    clients: Vec<Downloader>,
    message: Vec<u8>,
    congestion: CongestionControl,
}

impl Download {
    fn new(seed: u64, congestion: CongestionControl) -> Self {
        let network = Network::new(seed, Conditions::none(DELAY));
        let transport = TransportConfig { congestion, compression: false, ..TransportConfig::default() };
        let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
        let config = EndpointConfig { connections_max: 8, suites, transport, ..server_config() };
        let message = random_bytes(seed, MESSAGE_BYTES);
        let server = Endpoint::new(config, network.now(), [1; 32]);
        let server_link = SimLink::new(network.clone(), server_address());
        Download { network, server, server_link, clients: Vec::new(), message, congestion }
    }

    fn add_client(&mut self, messages: usize) {
        let number = self.clients.len() as u8;
        let address = SocketAddr::from(([10, 1, 0, number], 40_000));
        let link = SimLink::new(self.network.clone(), address);
        let transport =
            TransportConfig { congestion: self.congestion, compression: false, ..TransportConfig::default() };
        let config = ClientConfig { transport, ..client_config() };
        let client = Client::new(config, self.network.now(), [number + 2; 32]).unwrap();
        let last_at = self.network.now();
        self.clients.push(Downloader { client, link, id: None, left: messages, received: 0, last_at });
    }

    /// Lets the server and all clients act, then jumps to the next arrival or deadline.
    fn step(&mut self) {
        let now = self.network.now();
        let Download { server, server_link, clients, message, .. } = self;
        let mut buffer = Vec::new();
        server_link.receive(usize::MAX, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                if let Received::Messages { id, more: true, .. } = server.receive(now, path, datagram) {
                    while server.read(id, &mut buffer).is_some() {}
                }
            }
        });
        server.sweep(now);
        while let Some(event) = server.poll_event() {
            match event {
                Event::Joined { id, .. } | Event::Resumed { id, .. } => {
                    let joined = clients.iter_mut().find(|it| it.client.id() == Some(id));
                    joined.expect("the client knows its id before the server reports it").id = Some(id);
                }
                Event::Renamed { id, former } => {
                    clients.iter_mut().filter(|it| it.id == Some(former)).for_each(|it| it.id = Some(id));
                }
                _ => {}
            }
        }
        for client in clients.iter_mut() {
            let Some(id) = client.id else { continue };
            while client.left > 0 && server.send_room(id) > SEND_QUEUE_BYTES_MAX / 4 {
                server.send(now, id, Channel::RELIABLE_ORDERED, message).expect("the send queue has room");
                client.left -= 1;
            }
        }
        server.flush(now, server_link);
        server_link.submit();
        let mut deadline = server.deadline();
        for Downloader { client, link, received, last_at, .. } in clients {
            let before = *received;
            link.receive(usize::MAX, |arrival| {
                for datagram in arrival.datagrams() {
                    *received += client.receive(now, datagram).into_iter().flatten().count();
                    while client.read(&mut buffer).is_some() {
                        *received += 1;
                    }
                }
            });
            if *received > before {
                *last_at = now;
            }
            client.advance(now);
            while let Some(len) = client.transmit_len(now) {
                let path = Path::new(0, server_address());
                client.transmit(now, link.reserve(path, len).unwrap());
            }
            link.submit();
            deadline = deadline.min(client.deadline());
        }
        let next = self.network.next_arrival().unwrap_or(Instant::NEVER).min(deadline);
        self.network.advance_to(next.max(now + Duration::from_micros(20)));
    }

    fn run_until(&mut self, what: &str, happened: impl Fn(&Download) -> bool) {
        let end = self.network.now() + Duration::from_secs(600);
        while !happened(self) {
            assert!(self.network.now() < end, "not in ten minutes: {what}");
            self.step();
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.network.now() + duration;
        while self.network.now() < end {
            self.step();
        }
    }

    fn limit_rate(&mut self, loss: Chance) {
        let rate = RateLimit { bytes_per_second: RATE, queue_bytes: PATH_BYTES };
        let line = Conditions { rate: Some(rate), loss, ..Conditions::none(Duration::ZERO) };
        self.network.set_bottleneck(Bottleneck::From(server_address()), line);
    }
}

/// The share of a line of 100 Mbit/s that a transfer of 64 MiB gets, in bytes of messages.
fn share_of_line(congestion: CongestionControl, loss: Chance) -> f64 {
    let mut download = Download::new(1, congestion);
    download.limit_rate(loss);
    let messages = (64 << 20) / MESSAGE_BYTES;
    download.add_client(messages);
    let began = download.network.now();
    download.run_until("the transfer ends", |it| it.clients[0].received == messages);
    let seconds = download.network.now().since(began).as_secs_f64();
    (messages * MESSAGE_BYTES) as f64 / seconds / RATE as f64
}

#[test]
fn bulk_fills_a_line_that_loses_one_per_cent() {
    let (clean, lossy) = (Chance::NEVER, Chance::per_mille(10));
    let bbr = [clean, lossy].map(|loss| share_of_line(CongestionControl::Bbr, loss));
    let cubic = [clean, lossy].map(|loss| share_of_line(CongestionControl::Cubic, loss));
    println!("64 MiB, 100 Mbit/s, 50 ms: share of the line without loss / with 1 %");
    println!("  bbr   {:.3} / {:.3}", bbr[0], bbr[1]);
    println!("  cubic {:.3} / {:.3}", cubic[0], cubic[1]);
    assert!(bbr[0] > 0.8 && bbr[1] > 0.8 && cubic[0] > 0.8);
}

#[test]
fn two_transfers_share_a_line_fairly() {
    for congestion in [CongestionControl::Bbr, CongestionControl::Cubic] {
        let mut download = Download::new(2, congestion);
        download.limit_rate(Chance::NEVER);
        download.add_client(usize::MAX);
        download.run_for(Duration::from_secs(3));
        download.add_client(usize::MAX);
        download.run_for(Duration::from_secs(25));
        let before: Vec<usize> = download.clients.iter().map(|it| it.received).collect();
        download.run_for(Duration::from_secs(30));
        let rates: Vec<f64> =
            download.clients.iter().zip(before).map(|(it, before)| (it.received - before) as f64).collect();
        let jain = rates.iter().sum::<f64>().powi(2) / (2.0 * rates.iter().map(|rate| rate * rate).sum::<f64>());
        let share = rates.iter().sum::<f64>() * MESSAGE_BYTES as f64 / 30.0 / RATE as f64;
        println!("two transfers, {congestion:?}: Jain index {jain:.3}, together {share:.3} of the line");
        assert!(jain >= 0.9 && share > 0.8);
    }
}

#[test]
fn a_moved_client_receives_again_within_a_round_trip_and_a_probe_timeout() {
    let mut download = Download::new(3, CongestionControl::Bbr);
    download.limit_rate(Chance::NEVER);
    download.add_client(usize::MAX);
    download.run_for(Duration::from_secs(3));
    let mut worst = Duration::ZERO;
    for port in 1..=5 {
        let round_trip = download.server.info(download.clients[0].id.unwrap()).unwrap().round_trip.unwrap();
        let now = download.network.now();
        let client = &mut download.clients[0];
        client.link.rebind(SocketAddr::from(([10, 2, 0, port], 50_000)));
        client.client.address_changed(now);
        let received = client.received;
        download.run_until("the client receives again", |it| it.clients[0].received > received);
        let silence = download.network.now().since(now);
        println!("address change: {silence:?} of silence at a round trip of {round_trip:?}");
        worst = worst.max(silence.saturating_sub(round_trip));
        download.run_for(Duration::from_secs(2));
    }
    assert!(worst < Duration::from_millis(100), "a probe timeout here is about 100 ms; {worst:?}");
    assert_eq!(download.server.stats().migrated, 5);
}

#[test]
fn after_a_blackout_of_ten_seconds_the_line_is_soon_full_again() {
    let mut download = Download::new(4, CongestionControl::Bbr);
    download.limit_rate(Chance::NEVER);
    download.add_client(usize::MAX);
    download.run_for(Duration::from_secs(5));
    let whole = Conditions::none(DELAY);
    download.network.set_conditions(Conditions { loss: Chance::ALWAYS, ..whole });
    download.run_for(Duration::from_secs(10));
    download.network.set_conditions(whole);
    let back_at = download.network.now();
    let received = download.clients[0].received;
    download.run_until("the client receives again", |it| it.clients[0].received > received + 100);
    let silence = download.network.now().since(back_at);
    let before = download.clients[0].received;
    download.run_for(Duration::from_secs(3));
    let share = (download.clients[0].received - before) as f64 * MESSAGE_BYTES as f64 / 3.0 / RATE as f64;
    println!("blackout of 10 s: transfer back after {silence:?}, then {share:.3} of the line");
    assert!(silence < PROBE_TIMEOUT_MAX + Duration::from_millis(500) && share > 0.7);
}

#[test]
fn larger_datagrams_are_used_on_paths_that_carry_them() {
    let mut download = Download::new(5, CongestionControl::Bbr);
    download.message = vec![1; 20_000];
    download.limit_rate(Chance::NEVER);
    download.add_client(usize::MAX);
    // The path widens, narrows twice without notice, and widens again. PROTOCOL.md#mtu-discovery: a size that was lost
    // is tried again only after MTU_RETRY.
    for (mtu, expected) in [(1420, 1408), (1250, 1200), (1000, 512), (1472, 1472)] {
        download.network.set_conditions(Conditions { mtu: Some(mtu), ..Conditions::none(DELAY) });
        download.run_for(Duration::from_secs(15));
        let before = download.clients[0].received;
        download.run_for(Duration::from_secs(5));
        let size = download.server.info(download.clients[0].id.unwrap()).unwrap().datagram_bytes;
        let share = (download.clients[0].received - before) as f64 * 20_000.0 / 5.0 / RATE as f64;
        println!("path of {mtu} bytes: datagrams of {size}, messages of 20 kB get {share:.3} of the line");
        assert_eq!(size, expected);
        // Eight such messages in flight are 26 % of the bandwidth-delay product.
        assert!(share > 0.1, "{share} of the line with datagrams of {size}");
    }
}
