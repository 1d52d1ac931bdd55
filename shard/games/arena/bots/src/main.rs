//! Bots that play the arena over real sockets. Prints a line of JSON for each.

use clap::Parser;
use ringshard_arena_bots::{Bot, Score};
use ringshard_arena_rules::ArenaRules;
use ringshard_client::protocol::time::Duration;
use ringshard_client::{ClientConfig, PublicKey, Udp};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

/// How long a bot may take to enter the arena.
const ENTER_TIMEOUT: f64 = 20.0;

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
    /// Seconds that each plays.
    #[arg(long, default_value_t = 20.0)]
    secs: f64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let bots: Vec<_> = (0..options.bots)
        .map(|number| std::thread::spawn(move || play(number, &options).map_err(|error| error.to_string())))
        .collect();
    let mut exit = ExitCode::SUCCESS;
    for (number, bot) in bots.into_iter().enumerate() {
        match bot.join().expect("a bot does not panic") {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("bot {number}: {error}");
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}

/// Plays, and gives what was counted.
fn play(number: u32, options: &Options) -> Result<String, Box<dyn Error>> {
    let mut bot = Bot::new(number);
    let mut udp = Udp::connect(options.server, ArenaRules, ClientConfig::new(options.key), b"")?;
    let (start, mut entered) = (Instant::now(), None);
    while entered.is_none_or(|entered: Instant| entered.elapsed().as_secs_f64() < options.secs) {
        udp.poll(|scene| bot.input(scene));
        bot.frame(udp.client_mut());
        udp.wait(Duration::from_millis(16));
        if udp.client().is_in_world() {
            entered.get_or_insert_with(Instant::now);
        } else if udp.client().is_closed() || start.elapsed().as_secs_f64() > ENTER_TIMEOUT + options.secs {
            return Err("it is not in the arena".into());
        }
    }
    let Score { shots, hits, kills, deaths, asked, answered, words } = bot.score;
    let mut line = format!(
        r#"{{"secs":{},"shots":{shots},"hits":{hits},"kills":{kills},"deaths":{deaths},"asked":{asked},"answered":{answered},"words":{words}"#,
        options.secs,
    );
    line.extend(udp.client().stats().entries().map(|(name, count)| format!(r#","{name}":{count}"#)));
    Ok(line + "}")
}
