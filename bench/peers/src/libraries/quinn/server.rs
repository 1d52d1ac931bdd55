//! The server.

use super::{ALPN, SERVER_NAME};
use crate::conversation::{Flow, GRANT_BYTES, Task};
use crate::libraries::{ServeOptions, bind, print_ready};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::convert::Infallible;
use std::sync::Arc;

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(accept(options))
}

async fn accept(options: &ServeOptions) -> Result<Infallible, String> {
    let (config, certificate) = configure()?;
    let socket = bind(options.listen)?;
    let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))
        .map_err(|error| error.to_string())?;
    print_ready(&certificate);
    let task = options.task;
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            // A connection that is lost ends its task; its client reports it.
            let _ = match task {
                Task::Echo => echo(&connection).await,
                Task::Transfer => transfer(&connection).await,
            };
        });
    }
    Err("the endpoint closed".into())
}

/// A configuration with a fresh certificate, and that certificate.
fn configure() -> Result<(ServerConfig, Vec<u8>), String> {
    let made = rcgen::generate_simple_self_signed(vec![SERVER_NAME.into()]).map_err(|error| error.to_string())?;
    let certificate = made.cert.der().to_vec();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![made.cert.into()], key.into()))
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let tls = QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?;
    Ok((ServerConfig::with_crypto(Arc::new(tls)), certificate))
}

type Ended = Box<dyn std::error::Error + Send + Sync>;

async fn echo(connection: &Connection) -> Result<Infallible, Ended> {
    loop {
        let message = connection.read_datagram().await?;
        connection.send_datagram(message)?;
    }
}

async fn transfer(connection: &Connection) -> Result<Infallible, Ended> {
    let (mut send, mut receive) = connection.accept_bi().await?;
    let mut flow = Flow::default();
    loop {
        let mut grant = [0; GRANT_BYTES];
        receive.read_exact(&mut grant).await?;
        flow.grant(&grant);
        while let Some(message) = flow.next() {
            send.write_all(message).await?;
            flow.sent();
        }
    }
}
