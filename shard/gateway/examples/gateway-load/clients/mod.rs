//! Clients of each carrier. Each sends datagrams that look encrypted, at a steady rate, and times their return.
//!
//! No keys are exchanged: a gateway routes by core and slot, which the first datagram claims.

mod quic;
mod tally;
mod webrtc;
mod websocket;

pub use quic::{endpoint, open_session};
pub use tally::{Measured, Tally};
pub use websocket::upgrade;

use crate::Outcome;
use crate::options::Kind;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Clients that connect at the same time.
const CONNECTING_MAX: usize = 32;
/// UDP sockets that QUIC clients share.
const SOCKETS_MAX: usize = 32;
/// Where clients that are measured come from.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Whom clients reach.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub kind: Kind,
    pub address: SocketAddr,
    /// PEM file that QUIC clients trust.
    pub certificate: &'a Path,
}

/// Connected clients. They leave when this is dropped.
pub struct Crowd {
    clients: Rc<Vec<Client>>,
    pub tally: Rc<Tally>,
    sending: Rc<Cell<bool>>,
}

enum Client {
    WebSocket(websocket::Client),
    Quic(Box<quic::Client>),
    WebRtc(webrtc::Client),
}

impl Client {
    fn send(&self, datagram: &[u8]) -> bool {
        match self {
            Client::WebSocket(client) => client.send(datagram),
            Client::Quic(client) => client.send(datagram),
            Client::WebRtc(client) => client.send(datagram),
        }
    }
}

impl Crowd {
    /// Connects clients.
    ///
    /// # Errors
    /// One of them cannot connect.
    pub async fn connect(target: Target<'_>, count: usize) -> Outcome<Crowd> {
        let tally = Rc::new(Tally::new());
        let mut endpoints = Vec::new();
        let crypto = Arc::new(ringshard_gateway::webrtc_crypto());
        if matches!(target.kind, Kind::Webtransport | Kind::Quic) {
            for _ in 0..count.min(SOCKETS_MAX) {
                endpoints.push(endpoint(HOME, target.kind, target.certificate)?);
            }
        }
        let mut connecting = JoinSet::new();
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            if connecting.len() == CONNECTING_MAX {
                clients.push(connecting.join_next().await.ok_or("clients connect")???);
            }
            let tally = Rc::clone(&tally);
            let endpoint = endpoints.get(number % SOCKETS_MAX).cloned();
            let (kind, address, crypto) = (target.kind, target.address, Arc::clone(&crypto));
            connecting.spawn_local(async move {
                let connected = match endpoint {
                    None if kind == Kind::Webrtc => {
                        webrtc::Client::connect(address, crypto, tally).await.map(Client::WebRtc)
                    }
                    None => websocket::Client::connect(address, tally).await.map(Client::WebSocket),
                    Some(endpoint) => quic::Client::connect(&endpoint, kind, address, tally)
                        .await
                        .map(|client| Client::Quic(Box::new(client))),
                };
                connected.map_err(|error| format!("client {number} cannot connect: {error}"))
            });
        }
        while let Some(connected) = connecting.join_next().await {
            clients.push(connected??);
        }
        Ok(Crowd { clients: Rc::new(clients), tally, sending: Rc::new(Cell::new(true)) })
    }

    /// All clients send `rate` datagrams per second of `bytes` bytes from now on, evenly spread over time.
    pub fn play(&self, rate: u32, bytes: usize) {
        let (clients, tally, sending) = (Rc::clone(&self.clients), Rc::clone(&self.tally), Rc::clone(&self.sending));
        spawn_local(async move {
            let mut ticks = interval(Duration::from_millis(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut datagram = vec![0xa5; bytes];
            let per_second = f64::from(rate) * clients.len() as f64;
            let (start, mut sent) = (Instant::now(), 0_u64);
            while sending.get() {
                ticks.tick().await;
                let due = (start.elapsed().as_secs_f64() * per_second) as u64;
                // A generator that is more than a period behind sends less than it should, and the report says so.
                sent = sent.max(due.saturating_sub(clients.len() as u64));
                while sent < due {
                    let number = sent as usize % clients.len();
                    tally.stamp(&mut datagram, number);
                    match clients[number].send(&datagram) {
                        true => tally.count_sent(),
                        false => tally.count_blocked(),
                    }
                    sent += 1;
                }
            }
        });
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.sending.set(false);
    }
}
