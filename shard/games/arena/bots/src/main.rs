//! Bots that play the arena over real sockets.

use clap::Parser;
use ringshard_arena_bots::Bot;
use ringshard_arena_rules::ArenaRules;
use ringshard_client::{ClientConfig, ConnectError, PublicKey, Udp};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bots that play the arena, each over a socket of its own. Prints what each has counted: a line of JSON per bot.
#[derive(Parser, Clone, Copy)]
struct Options {
    /// The server's address.
    server: SocketAddr,
    /// The server's public key, as the server logs it.
    #[arg(value_parser = PublicKey::from_hex)]
    key: PublicKey,
    /// Bots.
    #[arg(long, default_value_t = 64)]
    bots: u32,
    /// Seconds that they play.
    #[arg(long, default_value_t = 20)]
    secs: u64,
}

fn main() -> Result<(), ConnectError> {
    let options = Options::parse();
    let bots: Vec<_> = (0..options.bots).map(|number| std::thread::spawn(move || play(number, options))).collect();
    let lines = bots.into_iter().map(|bot| bot.join().expect("a bot does not panic"));
    println!("{}", lines.collect::<Result<Vec<_>, _>>()?.join("\n"));
    Ok(())
}

/// Plays, and gives what was counted.
fn play(number: u32, options: Options) -> Result<String, ConnectError> {
    let mut bot = Bot::new(number);
    let mut udp = Udp::connect(options.server, ArenaRules::default(), ClientConfig::new(options.key), b"")?;
    let end = Instant::now() + Duration::from_secs(options.secs);
    while Instant::now() < end {
        udp.poll(|scene| bot.input(scene));
        while let Some(news) = udp.news() {
            bot.hear(&news, udp.client());
        }
        bot.frame(udp.client_mut());
        udp.wait(Duration::from_millis(16));
    }
    let counts = bot.score.entries().chain(udp.client().stats().entries());
    let counts: Vec<_> = counts.map(|(name, count)| format!("{name:?}: {count}")).collect();
    Ok(format!("{{{}}}", counts.join(", ")))
}
