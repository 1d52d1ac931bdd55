//! A client.

use super::{ALPN, SERVER_NAME};
use crate::conversation::{TRANSFER_BYTES, Task};
use crate::datagrams::Datagrams;
use crate::libraries::{Client, ClientOptions};
use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig, Event, StreamId,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most datagrams of one segmented send, as quinn has it.
const SEGMENTS_MAX: usize = 10;

/// A client of quinn.
pub struct QuinnClient {
    /// The zero of the harness' clock.
    epoch: Instant,
    server: SocketAddr,
    task: Task,
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: Connection,
    connected: Result<bool, String>,
    deadline: Duration,
    stream: Option<StreamId>,
    /// The front of the next message of the stream.
    partial: Vec<u8>,
    /// Answers of the endpoint, which belong to no connection.
    answers: Datagrams,
    scratch: Vec<u8>,
}

impl QuinnClient {
    pub fn new(now: Duration, options: &ClientOptions) -> Result<Self, String> {
        let instant = Instant::now();
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None);
        let (handle, connection) = endpoint
            .connect(instant, configure(&options.credential)?, options.server, SERVER_NAME)
            .map_err(|error| error.to_string())?;
        Ok(QuinnClient {
            epoch: instant - now,
            server: options.server,
            task: options.task,
            endpoint,
            handle,
            connection,
            connected: Ok(false),
            deadline: Duration::ZERO,
            stream: None,
            partial: Vec::new(),
            answers: Datagrams::default(),
            scratch: Vec::new(),
        })
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = Ok(true);
                if self.task == Task::Transfer {
                    self.stream = self.connection.streams().open(Dir::Bi);
                }
            }
            Event::ConnectionLost { reason } => self.connected = Err(reason.to_string()),
            _ => {}
        }
    }

    /// Reads the stream, and hands over whole messages.
    fn read_stream(&mut self, id: StreamId, messages: &mut dyn FnMut(&[u8])) {
        let QuinnClient { connection, partial, .. } = self;
        let mut stream = connection.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return };
        while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
            let mut bytes = &chunk.bytes[..];
            while !bytes.is_empty() {
                let (front, rest) = bytes.split_at(bytes.len().min(TRANSFER_BYTES - partial.len()));
                partial.extend_from_slice(front);
                bytes = rest;
                if partial.len() == TRANSFER_BYTES {
                    messages(partial);
                    partial.clear();
                }
            }
        }
        let _ = chunks.finalize();
    }
}

/// A configuration that trusts this certificate alone.
fn configure(certificate: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.to_vec())).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let tls = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    Ok(ClientConfig::new(Arc::new(tls)))
}

impl Client for QuinnClient {
    fn receive(&mut self, now: Duration, datagram: &mut [u8], _messages: &mut dyn FnMut(&[u8])) {
        self.scratch.clear();
        let bytes = BytesMut::from(&*datagram);
        match self.endpoint.handle(self.epoch + now, self.server, None, None, bytes, &mut self.scratch) {
            Some(DatagramEvent::ConnectionEvent(_, event)) => self.connection.handle_event(event),
            Some(DatagramEvent::Response(transmit)) => self.answers.push(&self.scratch[..transmit.size]),
            Some(DatagramEvent::NewConnection(_)) | None => {}
        }
    }

    fn poll(&mut self, now: Duration, messages: &mut dyn FnMut(&[u8])) {
        if self.deadline <= now {
            self.connection.handle_timeout(self.epoch + now);
        }
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while let Some(event) = self.connection.poll() {
            self.take_event(event);
        }
        while let Some(message) = self.connection.datagrams().recv() {
            messages(&message);
        }
        if let Some(id) = self.stream {
            self.read_stream(id, messages);
        }
    }

    fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
        match self.stream {
            Some(id) => self.connection.send_stream(id).write(message).is_ok_and(|written| {
                assert_eq!(written, message.len(), "a stream has room for a grant of a few bytes");
                true
            }),
            None => self.connection.datagrams().send(Bytes::copy_from_slice(message), false).is_ok(),
        }
    }

    fn transmit(&mut self, now: Duration, out: &mut Datagrams) {
        out.append(&mut self.answers);
        self.scratch.clear();
        while let Some(transmit) = self.connection.poll_transmit(self.epoch + now, SEGMENTS_MAX, &mut self.scratch) {
            let segment = transmit.segment_size.unwrap_or(transmit.size);
            self.scratch[..transmit.size].chunks(segment).for_each(|datagram| out.push(datagram));
            self.scratch.clear();
        }
        let timeout = self.connection.poll_timeout();
        self.deadline = timeout.map_or(Duration::MAX, |at| at.saturating_duration_since(self.epoch));
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn is_connected(&self) -> Result<bool, String> {
        self.connected.clone()
    }
}
