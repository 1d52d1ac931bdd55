//! Options of `simulate-lives`.

use std::path::PathBuf;

const LONG_HELP: &str = "\
Simulates the lives of players at random. One step is one action of one client and the few simulated milliseconds in which \
it takes effect. Sometimes the clock jumps by seconds or minutes.

What clients do: connect, enter the world, enter again, send input, chat; disconnect with any of the 256 reasons; fall \
silent for less and for more than the timeout and the resumption period, and return; vanish; resume a suspended, live or \
ended session with its newest key or an older one, and sometimes never prove their keys; change their address, \
half of them without knowing it; request new keys, also with weak keys and many times at once; send nonsense, false acknowledgments and \
the beginnings of large messages. The game refuses some players and removes their entities. The server disconnects clients, \
is full, is short of memory, drains and ends.

What is checked after every step:
  - Every player in the world has a session that is live or can be resumed. Every entity belongs to a player or to the \
game.
  - The game's callbacks for joining, suspension, resumption and leaving run once each, in order.
  - A resumption key resumes exactly its own session, and never one that is over.
  - A client that disconnects, or is disconnected, is gone. A client that keeps to the protocol never \
loses its connection without a reason.
  - Every view equals what the server sent.
When everybody has left and all timeouts have passed, no connections, sessions, players, entities of players, message \
memory or datagrams remain. Over a campaign, the memory of the process does not grow.

Examples:
  ringshard-bench simulate-lives                          a million steps
  ringshard-bench simulate-lives --steps 10000000         a campaign
  ringshard-bench simulate-lives --seed 17 --cores 2      from seed 17, on two cores

A run has 50,000 steps. The next run takes the next seed and the next number of cores. A violation prints its seed, its \
step and the command that reproduces it.

Exit codes: 0: no violation. 1: a violation, or a panic. 130: interrupted, without a violation until then.";

#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = LONG_HELP)]
pub struct Arguments {
    /// Steps in all.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: u64,
    /// Seed of the first run.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Cores of the server, 1 to 8. With several numbers, each run takes the next one.
    #[arg(
        long, value_name = "N,...", value_delimiter = ',', default_value = "1,2,4",
        value_parser = clap::value_parser!(u8).range(1..=8)
    )]
    pub cores: Vec<u8>,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
