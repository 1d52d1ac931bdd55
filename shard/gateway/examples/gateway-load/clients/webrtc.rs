//! A WebRTC client, by str0m: one data channel for datagrams.

use super::{HOME, Tally};
use crate::Outcome;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::SdpAnswer;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::CryptoProvider;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, RtcError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};

/// Datagrams that wait for the channel. Further ones are not taken.
const WAITING_MAX: usize = 64;
/// From the answer of the gateway to an open channel.
const PATIENCE: Duration = Duration::from_secs(10);
/// str0m is asked again this late at the latest.
const TURN_MAX: Duration = Duration::from_millis(100);
const PACKET_BYTES: usize = 2_048;

pub struct Client {
    datagrams: mpsc::Sender<Vec<u8>>,
    task: AbortHandle,
}

impl Client {
    pub async fn connect(address: SocketAddr, crypto: Arc<CryptoProvider>, tally: Rc<Tally>) -> Outcome<Client> {
        let socket = UdpSocket::bind((HOME, 0)).await?;
        let mut rtc = RtcConfig::new().set_crypto_provider(crypto).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr()?, "udp")?);
        let mut api = rtc.sdp_api();
        let channel = api.add_channel_with_config(ChannelConfig {
            label: "ringshard".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
        let (offer, pending) = api.apply().ok_or("there is nothing to offer")?;
        let answer = SdpAnswer::from_sdp_string(&signal(address, &offer.to_sdp_string()).await?)?;
        rtc.sdp_api().accept_answer(pending, answer)?;
        let (datagrams, waiting) = mpsc::channel(WAITING_MAX);
        let (opened, is_open) = oneshot::channel();
        let peer = Peer { rtc, socket, channel, opened: Some(opened), tally };
        let task = spawn_local(peer.run(waiting)).abort_handle();
        timeout(PATIENCE, is_open).await.map_err(|_| "the data channel did not open in 10 s")??;
        Ok(Client { datagrams, task })
    }

    /// Sends a datagram, unless too many wait.
    pub fn send(&self, datagram: &[u8]) -> bool {
        self.datagrams.try_send(datagram.to_vec()).is_ok()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends the offer. Returns the gateway's answer.
async fn signal(address: SocketAddr, offer: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /v1/servers/echo/webrtc HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/sdp\r\n\
         content-length: {}\r\n\r\n",
        offer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(offer.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(answer.lines().next().unwrap_or_default().into()),
    }
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    channel: ChannelId,
    opened: Option<oneshot::Sender<()>>,
    tally: Rc<Tally>,
}

impl Peer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Vec<u8>>) {
        // str0m says why a peer ends; here it only counts.
        let _ = self.exchange(&mut waiting).await;
        self.tally.count_ended();
    }

    async fn exchange(&mut self, waiting: &mut mpsc::Receiver<Vec<u8>>) -> Outcome<()> {
        let local = self.socket.local_addr()?;
        let mut buffer = [0; PACKET_BYTES];
        while self.rtc.is_alive() {
            let again = self.drain()?.saturating_duration_since(Instant::now()).min(TURN_MAX);
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, source) = received?;
                    let packet = Receive::new(Protocol::Udp, source, local, &buffer[..length])?;
                    self.rtc.handle_input(Input::Receive(Instant::now(), packet))?;
                }
                datagram = waiting.recv() => {
                    let Some(datagram) = datagram else { return Ok(()) };
                    if let Some(mut channel) = self.rtc.channel(self.channel) {
                        channel.write(true, &datagram)?;
                    }
                }
                () = sleep(again) => self.rtc.handle_input(Input::Timeout(Instant::now()))?,
            }
        }
        Ok(())
    }

    /// Sends what is due, and takes what has arrived. Returns when str0m wants to be asked again.
    fn drain(&mut self) -> Result<Instant, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(again) => return Ok(again),
                // A packet that the socket does not take is lost.
                Output::Transmit(packet) => drop(self.socket.try_send_to(&packet.contents, packet.destination)),
                Output::Event(Event::ChannelOpen(..)) => drop(self.opened.take().map(|opened| opened.send(()))),
                Output::Event(Event::ChannelData(data)) => self.tally.receive(&data.data),
                Output::Event(_) => {}
            }
        }
    }
}
