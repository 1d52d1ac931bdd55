//! A client that trusts one development certificate.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, header};
use futures_util::{SinkExt, StreamExt};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

pub(super) type Tls = TlsStream<TcpStream>;

/// Trusts the certificate of a file alone.
pub(super) fn trust(certificate: &Path, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// A TLS connection.
pub(super) async fn tls(to: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Tls> {
    tls_over(TcpStream::connect(to).await?, config).await
}

/// TLS over a connection on which something may have been sent already.
pub(super) async fn tls_over(stream: TcpStream, config: &Arc<ClientConfig>) -> io::Result<Tls> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// One connection.
pub(super) struct Client(Sender);

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Client {
    pub(super) async fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Client> {
        let stream = tls(to, config).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        if is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(io::Error::other)?;
            tokio::spawn(connection);
            return Ok(Client(Sender::Http2(sender)));
        }
        let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Client(Sender::Http1(sender)))
    }

    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Result<Answer, hyper::Error> {
        let response = match &mut self.0 {
            Sender::Http1(sender) => {
                *request.uri_mut() = request.uri().path().parse().unwrap();
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(Body::new(body), 1 << 20).await.expect("the answer is whole");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub(super) async fn ask(&mut self, method: Method, path: &str, token: Option<&str>, body: Body) -> Answer {
        self.send(request(method, path, token, body)).await.unwrap()
    }

    pub(super) async fn get(&mut self, path: &str, token: Option<&str>) -> Answer {
        self.ask(Method::GET, path, token, Body::empty()).await
    }

    pub(super) async fn post(&mut self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.ask(Method::POST, path, token, Body::from(body.to_string())).await
    }
}

pub(super) fn request(method: Method, path: &str, token: Option<&str>, body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("https://localhost{path}"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.header(header::HOST, "localhost").body(body).unwrap()
}

/// A WebSocket.
pub(super) struct Socket(WebSocketStream<Tls>);

impl Socket {
    /// Opens one, with headers beside those that are needed.
    pub(super) async fn open(
        to: SocketAddr,
        config: &Arc<ClientConfig>,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, tungstenite::Error> {
        let mut request = "wss://localhost/v1/ws".into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = tls(to, config).await?;
        Ok(Socket(tokio_tungstenite::client_async(request, stream).await?.0))
    }

    pub(super) async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next JSON message.
    pub(super) async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await.expect("the WebSocket is open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a text, got {other:?}"),
            }
        }
    }

    /// Sends a message, and returns its answer. Skips notices.
    pub(super) async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        loop {
            let heard = self.hear().await;
            if heard["type"] == json!("answer") {
                return heard;
            }
        }
    }

    /// The next notice of a topic.
    pub(super) async fn notice(&mut self, topic: &str) -> Value {
        loop {
            let mut heard = self.hear().await;
            if heard["topic"] == json!(topic) {
                return heard["value"].take();
            }
        }
    }

    /// The last answer, if there is one, and the code with which the server closes.
    pub(super) async fn end(&mut self) -> (Option<Value>, Option<u16>) {
        let (mut last, mut code) = (None, None);
        while let Some(Ok(message)) = self.0.next().await {
            match message {
                Message::Text(text) => last = Some(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
                _ => {}
            }
        }
        (last, code)
    }
}
