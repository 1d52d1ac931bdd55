//! Options of `simulate-lives`.

use std::path::PathBuf;

const LONG_HELP: &str = "\
Simulates the lives of players at random. One step is one action of one client, and the tick in which it takes effect. \
Sometimes seconds pass.

What clients do: enter the world with tickets that the game accepts, refuses, or decides about later; send inputs, asks, and \
events on all channels; lose their network for less and for more than the timeout and the resumption period; change their \
address; close; vanish and start again; enter again after they were put out. Others break the contract. The game gives, \
takes, swaps and removes bodies, fills its cores with entities, puts players out, and floods those that are silent. The \
network delays, loses, reorders and repeats datagrams. The server kicks clients, drains and ends.

What is checked after every step:
  - The game's callbacks come once each and in a legal order, with the right reason when a player leaves.
  - Every player is stepped once per tick, with an input of its own for that tick or a repeated one.
  - A client's own state, its body and what it sees are what the server had at the tick of its newest snapshot.
  - Every ask is answered at most once, with its own answer; all end when the client leaves the world.
  - Reliable events arrive once and in order, also across outages.
  - Every entity belongs to a player, lingers, or is the game's own. The server's counters agree.
When nothing has happened for a while, every client has got everything and sees every entity. When everybody has left, no \
connections, players, bodies of players or message memory remain. Over a campaign, the memory of the process does not grow.

Examples:
  ringshard-bench simulate-lives                          a hundred thousand steps
  ringshard-bench simulate-lives --steps 10000000         a campaign
  ringshard-bench simulate-lives --seed 17 --cores 2      from seed 17, on two cores

A run has 5,000 steps. The next run takes the next seed and the next number of cores. A violation prints its seed, its \
step and the command that reproduces it.

Exit codes: 0: no violation. 1: a violation, or a panic. 130: interrupted, without a violation until then.";

#[derive(clap::Args, Clone, Debug)]
#[command(after_long_help = LONG_HELP)]
pub struct Arguments {
    /// Steps in all.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
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
