//! Options of `simulate-lives`.

use std::path::PathBuf;

const LONG_HELP: &str = "\
Walks through the lives of players at random: one step is one action of one client, and a few simulated milliseconds for
what comes of it; now and then the clock jumps by seconds or minutes.

What clients do: connect, enter the world, enter again, send_input, workload; hang up with any of the 256 reasons; fall silent for
shorter and longer than the timeout and the time in which a session can be resumed, and come back; vanish; resume a session
that is suspended, live, or over, with its newest key or a former one, and prove their keys or not; move to another address
with and without saying so; ask for new keys, also with weak keys and many times at once; send nonsense, false
acknowledgments, and the beginnings of large messages. The game refuses some and takes bodies away; the server puts clients
out, is full, is short of memory, drains and ends.

What is checked after every step: the players in the world are those of the sessions that are live or can come back; the
entities are the bodies of those and the game's own; the game is told of joining, suspension, resumption and leaving once
each and in order; a session goes on exactly where its key leads, and never once it is over; who hangs up or is put out
is gone; who keeps to the protocol loses its connection only for a reason; nobody sees anything else than the server has
told. When everybody has left and all timeouts have passed: no connections, sessions, players, entities of players,
message memory or datagrams are left. Over the campaign, the memory of the process does not grow.

Examples:
  ringshard-bench simulate-lives                          a million steps
  ringshard-bench simulate-lives --steps 10000000         a campaign
  ringshard-bench simulate-lives --seed 17 --cores 2      runs from seed 17 on, on two cores each

A run is 50,000 steps; the next run has the next seed and the next number of cores of the list. A violation prints its
seed, its step and the command that replays it.

Exit code: 0 when all that was checked holds. 1 when something does not, or when the server panics. 130 when a signal ended
it early, and what was checked until then holds.";

#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = LONG_HELP)]
pub struct Arguments {
    /// Steps in all.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: u64,
    /// Seed of the first run.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Cores of the server, 1 to 8. Runs take several numbers in turn.
    #[arg(
        long, value_name = "N,...", value_delimiter = ',', default_values_t = [1, 2, 4],
        value_parser = clap::value_parser!(u8).range(1..=8)
    )]
    pub cores: Vec<u8>,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
