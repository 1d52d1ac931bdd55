//! The other end of the admin port: who asks a running server.

use super::MISSING_CORES;
use crate::ops::report::SessionSnapshot;
use crate::runtime::control::Gathered;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use ureq::Body;
use ureq::http::Response;

/// How long an answer may take: cores have two seconds for theirs.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is taken, in bytes: a list of a million connections.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// How much of a refusal is repeated.
const REFUSAL_CHARACTERS_MAX: usize = 16_384;

/// A server that could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody there.
    #[error("no server answers at {0}: check that `ringshard serve` runs and that --admin is the same for both ({1})")]
    Unreachable(SocketAddr, String),
    /// It wants a secret, or another one.
    #[error("the server at {0} wants the secret of its admin-token-file: name the file with --admin-token-file")]
    Locked(SocketAddr),
    /// It does not do what it is asked.
    #[error("the server at {0} says {1}: {2}")]
    Refused(SocketAddr, u16, String),
    /// Somebody there, but not a server of ours.
    #[error("what answers at {0} is no ringshard server of this version: {1}")]
    NoServer(SocketAddr, String),
    /// The file with the secret cannot be read.
    #[error("cannot read the secret in {0}: {1}")]
    Token(String, std::io::Error),
}

/// Asks the server whose admin port is at an address.
#[derive(Clone, Debug)]
pub struct Asker {
    address: SocketAddr,
    token: Option<String>,
    agent: ureq::Agent,
}

impl Asker {
    /// Who bears no secret.
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            // A connection for each request: the server closes one that has been idle for a while, and a request that is
            // sent on it at that moment would fail although the server is well.
            .max_idle_connections(0)
            .build();
        Asker { address, token: None, agent: config.into() }
    }

    /// Who bears the secret in a file, if one is named.
    ///
    /// # Errors
    /// [`AskError::Token`].
    pub fn with_token_file(address: SocketAddr, file: Option<&Path>) -> Result<Self, AskError> {
        let unreadable = |file: &Path| file.display().to_string();
        let read = |file| std::fs::read_to_string(file).map_err(|error| AskError::Token(unreadable(file), error));
        let token = file.map(read).transpose()?.map(|token| token.trim().to_owned());
        Ok(Asker { token, ..Asker::new(address) })
    }

    /// Where the server is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `GET path` gives, read as JSON.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        self.read(&self.text(path)?)
    }

    /// The connections that `GET path` gives, and the cores that did not tell theirs.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn sessions(&self, path: &str) -> Result<Gathered<SessionSnapshot>, AskError> {
        let response = self.answer(path, Duration::ZERO)?;
        let missing = response.headers().get(MISSING_CORES).and_then(|cores| cores.to_str().ok()).unwrap_or_default();
        let missing = missing.split(',').filter_map(|core| core.parse().ok()).collect();
        let body = self.whole(response)?;
        Ok(Gathered { given: self.read(&String::from_utf8_lossy(&body))?, missing })
    }

    /// What `GET path` gives, as it is.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn text(&self, path: &str) -> Result<String, AskError> {
        let body = self.bytes(path, Duration::ZERO)?;
        String::from_utf8(body).map_err(|error| AskError::NoServer(self.address, error.to_string()))
    }

    /// What `GET path` gives, as bytes; it may take `patience` longer than other answers.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn bytes(&self, path: &str, patience: Duration) -> Result<Vec<u8>, AskError> {
        self.whole(self.answer(path, patience)?)
    }

    /// What `GET path` gives, to be read while it comes; all of it may take `patience` longer than other answers.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn open(&self, path: &str, patience: Duration) -> Result<impl Read + use<>, AskError> {
        self.answer(path, patience).map(|response| response.into_body().into_reader())
    }

    fn answer(&self, path: &str, patience: Duration) -> Result<Response<Body>, AskError> {
        let request = self.agent.get(self.url(path)).config().timeout_global(Some(PATIENCE + patience)).build();
        let mut response = self.bear(request).call().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let why = response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
            self.judge(status, why.as_bytes())?;
        }
        Ok(response)
    }

    fn whole(&self, mut response: Response<Body>) -> Result<Vec<u8>, AskError> {
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        body.map_err(|error| self.unreachable(&error))
    }

    /// What `POST path` gives, as it is.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn post(&self, path: &str) -> Result<String, AskError> {
        let request = self.bear(self.agent.post(self.url(path)));
        let mut response = request.send_empty().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        self.judge(status, text.as_bytes()).map(|()| text)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn bear<Any>(&self, request: ureq::RequestBuilder<Any>) -> ureq::RequestBuilder<Any> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> AskError {
        AskError::Unreachable(self.address, error.to_string())
    }

    fn judge(&self, status: u16, body: &[u8]) -> Result<(), AskError> {
        match status {
            200 => Ok(()),
            401 => Err(AskError::Locked(self.address)),
            status => {
                // All of it: of settings that are wrong it names each in a line of its own.
                let why = String::from_utf8_lossy(body).trim_end().chars().take(REFUSAL_CHARACTERS_MAX).collect();
                Err(AskError::Refused(self.address, status, why))
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, AskError> {
        serde_json::from_str(text).map_err(|_| AskError::NoServer(self.address, first_line(text)))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("no answer").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};

    /// Reads one request; false when the connection ended instead.
    fn read_request(stream: &TcpStream) -> bool {
        let lines = BufReader::new(stream).lines();
        let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        !head.is_empty()
    }

    /// A server whose patience with a connection ends just when the next request arrives on it: every connection gets
    /// one answer, and a second request on it gets none.
    fn impatient_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    if read_request(&stream) {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42");
                        read_request(&stream);
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_connection_that_the_server_closes_while_idle_costs_no_answer() {
        let asker = Asker::new(impatient_server());
        for _ in 0..5 {
            assert_eq!(asker.get::<u32>("/stats").unwrap(), 42);
        }
        assert_eq!(asker.clone().post("/reload").unwrap(), "42");
    }
}
