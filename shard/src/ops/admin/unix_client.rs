//! Commands over the admin socket of a running server. They need no token: the file system decides who may open it.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long an answer may take. Cores have two seconds for theirs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A command that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum UnixClientError {
    /// No answer.
    #[error("no server answers at {0}: check that `ringshard serve` runs with --admin-socket {0} ({1})")]
    Unreachable(PathBuf, String),
    /// The server refuses the command.
    #[error("the server at {0} refused the command with status {1}: {2}")]
    Refused(PathBuf, u16, String),
}

/// The answer to `POST path` over the socket of a server.
///
/// # Errors
/// [`UnixClientError`].
pub fn post(socket: &Path, path: &str) -> Result<String, UnixClientError> {
    let unreachable = |why: String| UnixClientError::Unreachable(socket.to_owned(), why);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
    let answered = runtime.block_on(async { tokio::time::timeout(ANSWER_TIMEOUT, request(socket, path)).await });
    match answered {
        Ok(Ok((200, text))) => Ok(text),
        Ok(Ok((status, text))) => Err(UnixClientError::Refused(socket.to_owned(), status, text.trim_end().to_owned())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
    }
}

async fn request(socket: &Path, path: &str) -> Result<(u16, String), Box<dyn Error>> {
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::post(path).header(header::HOST, "localhost").body(Body::empty())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
