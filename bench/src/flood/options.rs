//! Options of `flood`.

use super::kind::Kinds;
use crate::scenario;

/// What the command is called.
pub const NAME: &str = "flood";

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// What clients send: connects (first Connects from forged addresses), handshakes (valid cookies from one /24,
    /// keys that are never proved), bad-tags (under players' names, not authentic), garbage (bytes at random); several
    /// with commas between, or all, one after the other.
    #[arg(long, value_name = "KIND", default_value = "all")]
    pub kind: Kinds,
    /// Their datagrams a second. As many as one processor can send beside the players' load; the result says how many.
    #[arg(long, value_name = "PPS", default_value_t = 300_000)]
    pub per_second: u64,
    /// Datagrams in a row from each forged address, 1 to 64. They leave as one segmented send, which one processor has
    /// several times more of in it, and reach the server as one run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub burst: usize,
    /// Honest clients who join once the flood has lasted for a second, all from 127.9.9.9. The flood goes on until they
    /// are in or have given up, and for --secs at least.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub joiners: usize,
    #[command(flatten)]
    pub load: scenario::Arguments,
    #[command(flatten)]
    pub serving: scenario::Serving,
    #[command(flatten)]
    pub settings: scenario::Settings,
}
