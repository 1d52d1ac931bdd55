//! Connections that call.

use crate::grpc::use_item;
use crate::servers::PATH;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

type Failed = Box<dyn Error + Send + Sync>;

/// How a client calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// JSON over HTTP/1.1, one call at a time on a connection.
    Http1,
    /// JSON over HTTP/2.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
}

/// A stream of calls, one after the other.
pub enum Stream {
    Http1(http1::SendRequest<Full<Bytes>>, String),
    Http2(http2::SendRequest<Full<Bytes>>, String),
    Grpc(tonic::client::Grpc<Channel>),
}

/// What clients trust.
pub fn trust(certificate: &Path) -> Result<RootCertStore, Failed> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    Ok(roots)
}

/// Opens a connection. Over HTTP/2, it has as many streams as `streams`; otherwise one.
pub async fn connect(
    way: Way,
    address: SocketAddr,
    roots: &RootCertStore,
    streams: usize,
) -> Result<Vec<Stream>, Failed> {
    let authority = format!("localhost:{}", address.port());
    Ok(match way {
        Way::Http1 => {
            let tls = secured(address, roots, "http/1.1").await?;
            let (calls, connection) = http1::handshake(TokioIo::new(tls)).await?;
            tokio::spawn(connection);
            vec![Stream::Http1(calls, authority)]
        }
        Way::Http2 => {
            let tls = secured(address, roots, "h2").await?;
            let (calls, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await?;
            tokio::spawn(connection);
            (0..streams).map(|_| Stream::Http2(calls.clone(), authority.clone())).collect()
        }
        Way::Grpc => {
            let roots = roots.clone();
            let connector = service_fn(move |_: Uri| {
                let roots = roots.clone();
                async move { Ok::<_, Failed>(TokioIo::new(secured(address, &roots, "h2").await?)) }
            });
            // The connector brings the TLS, so the address has none.
            let endpoint = Endpoint::from_shared(format!("http://{authority}"))?;
            let channel = endpoint.connect_with_connector(connector).await?;
            (0..streams).map(|_| Stream::Grpc(tonic::client::Grpc::new(channel.clone()))).collect()
        }
    })
}

async fn secured(address: SocketAddr, roots: &RootCertStore, protocol: &str) -> Result<TlsStream<TcpStream>, Failed> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?)
}

impl Stream {
    /// Calls once.
    ///
    /// # Errors
    /// The answer is not the right one.
    pub async fn call(&mut self, item: u32) -> Result<(), Failed> {
        let left = match self {
            Stream::Http1(calls, host) => {
                let request =
                    Request::post(PATH).header("host", host.as_str()).header("content-type", "application/json");
                read(calls.send_request(request.body(body(item))?).await?).await?
            }
            Stream::Http2(calls, authority) => {
                let request =
                    Request::post(format!("https://{authority}{PATH}")).header("content-type", "application/json");
                read(calls.send_request(request.body(body(item))?).await?).await?
            }
            Stream::Grpc(channel) => {
                return match use_item(channel, item).await? {
                    1 => Ok(()),
                    left => Err(format!("left: {left}").into()),
                };
            }
        };
        if left == r#"{"left":1}"# { Ok(()) } else { Err(format!("unexpected answer: {left:?}").into()) }
    }
}

fn body(item: u32) -> Full<Bytes> {
    Full::new(format!(r#"{{"item":{item},"count":2}}"#).into())
}

async fn read(response: Response<Incoming>) -> Result<Bytes, Failed> {
    if response.status() != 200 {
        return Err(format!("status {}", response.status()).into());
    }
    Ok(response.into_body().collect().await?.to_bytes())
}
