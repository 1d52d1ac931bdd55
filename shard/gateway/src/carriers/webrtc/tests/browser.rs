//! A browser's half of WebRTC, by str0m: an ICE agent that checks, a DTLS client, data channels.

use super::super::bounds::LABEL;
use super::super::crypto;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::CryptoProvider;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// The data channel that the gateway wants.
pub(super) fn channel() -> ChannelConfig {
    ChannelConfig {
        label: LABEL.to_owned(),
        ordered: false,
        reliability: Reliability::MaxRetransmits { retransmits: 0 },
        ..ChannelConfig::default()
    }
}

pub(super) struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    /// The address that the browser believes to have.
    local: SocketAddr,
    /// Where packets last went.
    gateway: Option<SocketAddr>,
    pending: Option<SdpPendingOffer>,
    pub(super) offer: String,
    channel: ChannelId,
    pub(super) open_channels: usize,
    pub(super) is_closed: bool,
    /// Messages that have arrived.
    pub(super) received: Vec<Vec<u8>>,
    /// Packets that were sent.
    pub(super) sent: Vec<Vec<u8>>,
    /// Sizes of packets of DTLS that have arrived.
    pub(super) sizes: Vec<usize>,
    /// STUN packets that have arrived.
    pub(super) answers: Vec<Vec<u8>>,
    /// Loses so many of a hundred packets, in each direction.
    pub(super) loss_percent: u32,
    random: ChaCha8Rng,
}

impl Browser {
    /// A browser that opens these channels. It speaks on the first.
    pub(super) async fn new(channels: &[ChannelConfig]) -> Browser {
        Browser::with(crypto::provider(), channels).await
    }

    /// The same, with another DTLS.
    pub(super) async fn with(crypto: CryptoProvider, channels: &[ChannelConfig]) -> Browser {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut rtc = RtcConfig::new().set_crypto_provider(Arc::new(crypto)).build(Instant::now());
        let local = socket.local_addr().unwrap();
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut api = rtc.sdp_api();
        let ids: Vec<ChannelId> = channels.iter().map(|channel| api.add_channel_with_config(channel.clone())).collect();
        let (offer, pending) = api.apply().unwrap();
        Browser {
            rtc,
            socket,
            local,
            gateway: None,
            pending: Some(pending),
            offer: offer.to_sdp_string(),
            channel: ids[0],
            open_channels: 0,
            is_closed: false,
            received: Vec::new(),
            sent: Vec::new(),
            sizes: Vec::new(),
            answers: Vec::new(),
            loss_percent: 0,
            random: ChaCha8Rng::seed_from_u64(1),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Gives the browser another address without its knowledge, as a NAT does.
    pub(super) async fn rebind(&mut self) {
        self.socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    }

    /// Sends the gateway a packet.
    pub(super) async fn send_packet(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.gateway.expect("the browser has sent something")).await.unwrap();
    }

    pub(super) fn is_open(&self) -> bool {
        self.open_channels > 0
    }

    pub(super) async fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().expect("one answer");
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.drain().await;
    }

    /// Sends a message, if the channel takes it.
    pub(super) async fn send(&mut self, message: &[u8]) -> bool {
        self.send_as(true, message).await
    }

    pub(super) async fn send_as(&mut self, binary: bool, message: &[u8]) -> bool {
        let Some(mut channel) = self.rtc.channel(self.channel) else { return false };
        let taken = channel.write(binary, message).unwrap();
        self.drain().await;
        taken
    }

    pub(super) async fn close(&mut self) {
        self.rtc.close().unwrap();
        self.drain().await;
    }

    /// Goes on for a while.
    pub(super) async fn linger(&mut self, time: Duration) {
        self.until(time, |_| false).await;
    }

    /// Goes on until `done` says so. False if it does not within `limit`.
    pub(super) async fn until(&mut self, limit: Duration, done: impl Fn(&Browser) -> bool) -> bool {
        let end = Instant::now() + limit;
        let mut buffer = [0; 2_048];
        while !done(self) {
            let again = self.drain().await;
            if done(self) {
                break;
            }
            if Instant::now() >= end {
                return false;
            }
            let wait = again.min(end).saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match timeout(wait, self.socket.recv_from(&mut buffer)).await {
                Ok(received) => {
                    let (length, source) = received.unwrap();
                    if !self.loses() {
                        self.take(&buffer[..length], source);
                    }
                }
                Err(_) => self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap(),
            }
        }
        true
    }

    fn take(&mut self, packet: &[u8], source: SocketAddr) {
        let destination = self.local;
        match packet[0] {
            0..=3 => self.answers.push(packet.to_vec()),
            _ => self.sizes.push(packet.len()),
        }
        let Ok(packet) = Receive::new(Protocol::Udp, source, destination, packet) else { return };
        let _ = self.rtc.handle_input(Input::Receive(Instant::now(), packet));
    }

    fn loses(&mut self) -> bool {
        self.random.next_u32() % 100 < self.loss_percent
    }

    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(again)) => return again,
                Ok(Output::Transmit(packet)) => {
                    self.sent.push(packet.contents.to_vec());
                    self.gateway = Some(packet.destination);
                    if !self.loses() {
                        self.socket.send_to(&packet.contents, packet.destination).await.unwrap();
                    }
                }
                Ok(Output::Event(Event::ChannelOpen(..))) => self.open_channels += 1,
                Ok(Output::Event(Event::ChannelData(data))) => self.received.push(data.data),
                Ok(Output::Event(Event::ChannelClose(_) | Event::Closed)) => self.is_closed = true,
                Ok(Output::Event(_)) => {}
                Err(_) => self.is_closed = true,
            }
        }
    }
}
