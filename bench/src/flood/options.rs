use super::kind::Kinds;
use crate::scenario;

pub const NAME: &str = "flood";

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Floods to run: connects (the first datagram of a handshake, from forged addresses), handshakes (a /24 returns valid cookies, but
    /// never proves its keys), bad-tags (players' connection ids, invalid tags), garbage (random bytes); several
    /// separated by commas, or all.
    #[arg(long, value_name = "KIND", default_value = "all")]
    pub kind: Kinds,
    /// Datagrams per second that the flood sends. One CPU sends the flood and the players' load; the report says how
    /// many datagrams it really sent.
    #[arg(long, value_name = "PPS", default_value_t = 300_000)]
    pub per_second: u64,
    /// Datagrams in a row from each forged address, 1 to 64. Each batch is one GSO send, so one CPU can generate
    /// several times more traffic, and the server receives it as one batch.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub burst: usize,
    /// Clients that join one second after the flood begins, all from 127.9.9.9. The flood lasts until they have joined
    /// or failed, and at least --secs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub joiners: usize,
    #[command(flatten)]
    pub load: scenario::Arguments,
    #[command(flatten)]
    pub serving: scenario::ServerOptions,
    #[command(flatten)]
    pub settings: scenario::Settings,
}
