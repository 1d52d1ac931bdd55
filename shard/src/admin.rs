//! Answers questions about a running server: a line in, a line of JSON out, over TCP on this host.
//!
//! It runs on a thread of its own and asks the cores over their report rings; no core ever waits for it.

use crate::datapath::Backend;
use crate::report::{CoreSnapshot, ServerReport};
use crate::stages::ReportInlet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The only question so far.
const ASK_REPORT: &str = "report";
/// How long a peer may take to ask, and a core to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody there.
    #[error("no server answers at {0}: check that `ringshard serve` runs and that --admin is the same for both ({1})")]
    Unreachable(SocketAddr, io::Error),
    /// Somebody there, but not a server of ours.
    #[error("what answers at {0} is no ringshard server: {1}")]
    NoServer(SocketAddr, String),
}

/// What the admin thread knows.
pub struct Admin {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Which link it uses.
    pub datapath: Backend,
    /// When it started.
    pub started: Instant,
    /// A way to ask each core.
    pub cores: Vec<ReportInlet>,
}

impl Admin {
    /// Asks every core.
    ///
    /// # Errors
    /// The number of a core that does not answer.
    pub fn report(&mut self) -> Result<ServerReport, usize> {
        let mut cores = Vec::with_capacity(self.cores.len());
        for (number, core) in self.cores.iter_mut().enumerate() {
            cores.push(CoreSnapshot::new(number, &*core.ask(PATIENCE).ok_or(number)?));
        }
        Ok(ServerReport {
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs_f64(),
            listen: self.listen,
            datapath: self.datapath,
            cores,
        })
    }

    /// Answers one connection after the other, as long as the process lives.
    pub fn serve(mut self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if let Err(error) = stream.and_then(|stream| self.answer(stream)) {
                tracing::debug!(%error, "an admin connection ended early");
                // Out of files, for one, does not pass at once.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    fn answer(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut question = String::new();
        BufReader::new(stream.try_clone()?.take(64)).read_line(&mut question)?;
        let answer = match question.trim() {
            ASK_REPORT => match self.report() {
                Ok(report) => serde_json::to_string(&report)?,
                Err(core) => format!("{{\"error\":\"core {core} does not answer\"}}"),
            },
            _ => format!("{{\"error\":\"ask with the line `{ASK_REPORT}`\"}}"),
        };
        writeln!(stream, "{answer}")
    }
}

/// Asks the server whose admin port is at `address`.
///
/// # Errors
/// [`AskError`].
pub fn ask(address: SocketAddr) -> Result<ServerReport, AskError> {
    let unreachable = |error| AskError::Unreachable(address, error);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(unreachable)?;
    stream.set_read_timeout(Some(2 * PATIENCE)).map_err(unreachable)?;
    writeln!(stream, "{ASK_REPORT}").map_err(unreachable)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(unreachable)?;
    serde_json::from_str(&answer).map_err(|_| {
        AskError::NoServer(address, answer.lines().next().unwrap_or("no answer").chars().take(200).collect())
    })
}
