//! Orders over a Unix socket: for who may open the file, without a secret.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long an answer may take: cores have two seconds for theirs.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An order that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Nobody there.
    #[error("no server answers at {0}: check that `ringshard serve` runs with --admin-socket {0} ({1})")]
    Unreachable(PathBuf, String),
    /// It does not do what it is told.
    #[error("the server at {0} says {1}: {2}")]
    Refused(PathBuf, u16, String),
}

/// What `POST path` gives, over the socket of a server.
///
/// # Errors
/// [`OrderError`].
pub fn post(socket: &Path, path: &str) -> Result<String, OrderError> {
    let unreachable = |why: String| OrderError::Unreachable(socket.to_owned(), why);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
    let answered = runtime.block_on(async { tokio::time::timeout(PATIENCE, exchange(socket, path)).await });
    match answered {
        Ok(Ok((200, text))) => Ok(text),
        Ok(Ok((status, text))) => Err(OrderError::Refused(socket.to_owned(), status, text.trim_end().to_owned())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

async fn exchange(socket: &Path, path: &str) -> Result<(u16, String), Box<dyn Error>> {
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::post(path).header(header::HOST, "localhost").body(Body::empty())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
