//! The client of the admin port, for the commands that ask a running server.

use super::respond::MISSING_CORES;
use crate::ops::report::ConnectionSnapshot;
use crate::runtime::control::Gathered;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use ureq::Body;
use ureq::http::Response;

/// How long an answer may take. Cores have two seconds for theirs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer, in bytes: a list of a million connections.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// How much of a refusal is shown.
const REFUSAL_CHARACTERS_MAX: usize = 16_384;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminClientError {
    /// No answer.
    #[error("no server answers at {0}: check that `ringshard serve` runs and that --admin is the same for both ({1})")]
    Unreachable(SocketAddr, String),
    /// The server needs a token, or another one.
    #[error("the server at {0} needs the token of its admin-token-file: pass that file with --admin-token-file")]
    Unauthorized(SocketAddr),
    /// The server refuses the request.
    #[error("the server at {0} refused the request with status {1}: {2}")]
    Refused(SocketAddr, u16, String),
    /// An answer, but not from a server of this version.
    #[error("the program at {0} is not a ringshard server of this version; it answered: {1}")]
    NotAServer(SocketAddr, String),
    /// The file with the token cannot be read.
    #[error("cannot read the token in {0}: {1}")]
    Token(String, std::io::Error),
}

/// Sends requests to the admin port of a server.
#[derive(Clone, Debug)]
pub struct AdminClient {
    address: SocketAddr,
    token: Option<String>,
    /// How long an answer may take.
    timeout: Duration,
    agent: ureq::Agent,
}

impl AdminClient {
    /// A client without a token.
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            // A connection for each request: a request on an idle one would fail if the server closes it just then.
            .max_idle_connections(0)
            .build();
        AdminClient { address, token: None, timeout: ANSWER_TIMEOUT, agent: config.into() }
    }

    /// The same, but an answer may take this long.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A client with the token in `file`, if there is one.
    ///
    /// # Errors
    /// [`AdminClientError::Token`].
    pub fn with_token_file(address: SocketAddr, file: Option<&Path>) -> Result<Self, AdminClientError> {
        let unreadable = |file: &Path| file.display().to_string();
        let read =
            |file| std::fs::read_to_string(file).map_err(|error| AdminClientError::Token(unreadable(file), error));
        let token = file.map(read).transpose()?.map(|token| token.trim().to_owned());
        Ok(AdminClient { token, ..AdminClient::new(address) })
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The answer to `GET path`, parsed as JSON.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminClientError> {
        self.parse(&self.text(path)?)
    }

    /// The connections in the answer to `GET path`, and the cores that did not answer.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn connections(&self, path: &str) -> Result<Gathered<ConnectionSnapshot>, AdminClientError> {
        let response = self.answer(path, Duration::ZERO)?;
        let missing = response.headers().get(MISSING_CORES).and_then(|cores| cores.to_str().ok()).unwrap_or_default();
        let missing = missing.split(',').filter_map(|core| core.parse().ok()).collect();
        let body = self.read_body(response)?;
        Ok(Gathered { given: self.parse(&String::from_utf8_lossy(&body))?, missing })
    }

    /// The answer to `GET path`, as text.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn text(&self, path: &str) -> Result<String, AdminClientError> {
        let body = self.bytes(path, Duration::ZERO)?;
        String::from_utf8(body).map_err(|error| AdminClientError::NotAServer(self.address, error.to_string()))
    }

    /// The answer to `GET path`, as bytes. It may take `extra_time` longer than other answers.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn bytes(&self, path: &str, extra_time: Duration) -> Result<Vec<u8>, AdminClientError> {
        self.read_body(self.answer(path, extra_time)?)
    }

    /// The answer to `GET path`, to be read as it arrives. All of it may take `extra_time` longer than other answers.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn open(&self, path: &str, extra_time: Duration) -> Result<impl Read + use<>, AdminClientError> {
        self.answer(path, extra_time).map(|response| response.into_body().into_reader())
    }

    fn answer(&self, path: &str, extra_time: Duration) -> Result<Response<Body>, AdminClientError> {
        let request = self.agent.get(self.url(path)).config().timeout_global(Some(self.timeout + extra_time)).build();
        let mut response = self.authorize(request).call().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let why = response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
            self.check(status, why.as_bytes())?;
        }
        Ok(response)
    }

    fn read_body(&self, mut response: Response<Body>) -> Result<Vec<u8>, AdminClientError> {
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        body.map_err(|error| self.unreachable(&error))
    }

    /// The answer to `POST path`, as text.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn post(&self, path: &str) -> Result<String, AdminClientError> {
        let request = self.authorize(self.agent.post(self.url(path)));
        let mut response = request.send_empty().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        self.check(status, text.as_bytes()).map(|()| text)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn authorize<Any>(&self, request: ureq::RequestBuilder<Any>) -> ureq::RequestBuilder<Any> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> AdminClientError {
        AdminClientError::Unreachable(self.address, error.to_string())
    }

    fn check(&self, status: u16, body: &[u8]) -> Result<(), AdminClientError> {
        match status {
            200 => Ok(()),
            401 => Err(AdminClientError::Unauthorized(self.address)),
            status => {
                // All lines: wrong settings are named in a line each.
                let why = String::from_utf8_lossy(body).trim_end().chars().take(REFUSAL_CHARACTERS_MAX).collect();
                Err(AdminClientError::Refused(self.address, status, why))
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, AdminClientError> {
        serde_json::from_str(text).map_err(|_| AdminClientError::NotAServer(self.address, first_line(text)))
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

    /// A server that closes each connection just when a second request arrives on it.
    fn closing_server() -> SocketAddr {
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
        let client = AdminClient::new(closing_server());
        for _ in 0..5 {
            assert_eq!(client.get::<u32>("/stats").unwrap(), 42);
        }
        assert_eq!(client.clone().post("/reload").unwrap(), "42");
    }
}
