//! Players of a mesh that exchange a text, a mebibyte, and 50 datagrams a second, and then go on for a while.
//!
//! ```text
//! mesh meet ADDRESS[,ADDRESS]                          carries introductions, answers STUN, relays
//! mesh play MEETING[,MEETING] NUMBER PLAYERS [--port N] [--secs N] [--rebind SECS]
//! ```
//! The players have the numbers 0 to PLAYERS - 1. They talk for so many seconds from the moment that all of them are connected.
//! In a game, its server carries introductions, and its gateway answers STUN and relays; here the meeting point does it all, so
//! that networks can be tried without a server. It has one address per family. `scripts/lab-peers.sh` does so.
//!
//! A player ends with one line: which kind of path it found to whom, and in what time. Exit codes: 0: everything arrived.
//! 2: not everything did. 1: it did not run.

mod meeting;
mod player;

use player::Options;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["meet", addresses] => list(addresses).and_then(|addresses| meeting::serve(&addresses)),
        ["play", meeting, number, players, rest @ ..] => options(meeting, number, players, rest).and_then(player::play),
        _ => {
            let usage = "usage: mesh meet ADDRESS[,ADDRESS] | \
                         mesh play MEETING[,MEETING] NUMBER PLAYERS [--port N] [--secs N] [--rebind SECS]";
            Err(usage.into())
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("mesh: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why the program did not run.
type Failure = Box<dyn std::error::Error>;

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| format!("{text} is not understood").into())
}

fn list(text: &str) -> Result<Vec<SocketAddr>, Failure> {
    text.split(',').map(parse).collect()
}

fn options(meeting: &str, number: &str, players: &str, rest: &[&str]) -> Result<Options, Failure> {
    let mut options = Options {
        meeting: list(meeting)?,
        number: parse(number)?,
        players: parse(players)?,
        port: 0,
        time: Duration::from_secs(5),
        rebind: None,
    };
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair[0]).into()) };
        match *name {
            "--port" => options.port = parse(value)?,
            "--secs" => options.time = Duration::from_secs(parse(value)?),
            "--rebind" => options.rebind = Some(Duration::from_secs(parse(value)?)),
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    Ok(options)
}
