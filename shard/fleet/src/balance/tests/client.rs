//! A client of HTTP/1.1 that sends what the test asks for.

use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// One connection, with or without TLS.
pub(super) struct Client(BufReader<Box<dyn Stream>>);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// What the answer says of an error.
    pub(super) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn why(&self) -> String {
        self.json()["why"].to_string()
    }
}

impl Client {
    pub(super) async fn connect(to: SocketAddr) -> Client {
        Client(BufReader::new(Box::new(TcpStream::connect(to).await.expect("the port is open"))))
    }

    /// Over TLS, with a server whose certificate is in a file.
    pub(super) async fn connect_tls(to: SocketAddr, certificate: &Path) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(to).await.expect("the port is open");
        let name = ServerName::try_from("localhost").unwrap();
        let stream =
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("the certificate is known");
        Client(BufReader::new(Box::new(stream)))
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        // The server may have closed the connection already, which the answer shows.
        let _ = self.0.get_mut().write_all(bytes).await;
        let _ = self.0.get_mut().flush().await;
    }

    /// Reads one answer. None: the connection is closed.
    pub(super) async fn read(&mut self) -> Option<Answer> {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length is a number");
            }
            head.push_str(&line.to_ascii_lowercase());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head, text: String::from_utf8(body).expect("answers are text") })
    }

    /// Asks with headers, each with its end of line.
    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n");
        self.send(format!("{head}{body}").as_bytes()).await;
        self.read().await.expect("there is an answer")
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    pub(super) async fn get_as(&mut self, token: &str, path: &str) -> Answer {
        self.ask("GET", path, &format!("authorization: Bearer {token}\r\n"), "").await
    }

    pub(super) async fn send_as(&mut self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &format!("authorization: Bearer {token}\r\n"), body).await
    }
}
