//! Bots that play the duel over real sockets.

use clap::Parser;
use ringshard_client::{ClientConfig, ConnectError, PublicKey, Udp};
use ringshard_duel_bots::Duelist;
use ringshard_duel_rules::{DuelRules, PLATFORM};
use ringshard_rollback::SessionConfig;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bots that play the duel, each over a socket of its own. Prints what each has counted: a line of JSON per bot.
#[derive(Parser, Clone, Copy)]
struct Options {
    /// The server's address.
    server: SocketAddr,
    /// The server's public key, as the server logs it.
    #[arg(value_parser = PublicKey::from_hex)]
    key: PublicKey,
    /// Bots.
    #[arg(long, default_value_t = 2)]
    bots: u32,
    /// Players of a match: 2 to 8.
    #[arg(long, default_value_t = 2)]
    seats: u32,
    /// Ticks of input delay: 0 to 8.
    #[arg(long, default_value_t = 0)]
    delay: u8,
    /// Seconds that they play.
    #[arg(long, default_value_t = 20)]
    secs: u64,
    /// Shows the match of the first bot.
    #[arg(long)]
    watch: bool,
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
    let config = SessionConfig { delay: options.delay.min(8), ..SessionConfig::default() };
    let mut bot = Duelist::new(number, DuelRules, config);
    let ticket = options.seats.to_string();
    let mut udp = Udp::connect(options.server, DuelRules, ClientConfig::new(options.key), ticket.as_bytes())?;
    let (end, mut drawn) = (Instant::now() + Duration::from_secs(options.secs), Instant::now());
    while Instant::now() < end {
        udp.receive();
        while let Some(news) = udp.news() {
            bot.hear(&news);
        }
        udp.poll(|scene| bot.input(scene));
        bot.frame(udp.client_mut());
        if options.watch && number == 0 && drawn.elapsed() > Duration::from_millis(66) {
            drawn = Instant::now();
            draw(&bot);
        }
        udp.wait(Duration::from_millis(16));
    }
    let falls = match (bot.session.settled_state(), bot.session.seat()) {
        (Some(ring), Some(seat)) => ring.discs[seat].falls.into(),
        _ => 0,
    };
    let counts = [("falls", falls)].into_iter().chain(bot.session.stats().entries());
    let counts: Vec<_> = counts.map(|(name, count)| format!("{name:?}: {count}")).collect();
    Ok(format!("{{{}}}", counts.join(", ")))
}

/// The platform in a terminal: a number for each seat.
fn draw(bot: &Duelist) {
    const ROWS: i32 = 21;
    let (Some(ring), Some(inputs)) = (bot.session.state(), bot.session.inputs()) else { return };
    let mut rows = vec![vec![' '; 2 * ROWS as usize]; ROWS as usize];
    let middle = |row: i32| (2 * row + 1 - ROWS) * PLATFORM / ROWS;
    for (row, line) in rows.iter_mut().enumerate() {
        for (column, sign) in line.iter_mut().enumerate() {
            let at = [middle(column as i32 / 2), middle(row as i32)];
            *sign = if ringshard_duel_rules::length(at) <= i64::from(PLATFORM) { '.' } else { ' ' };
        }
    }
    for seat in (0..inputs.seats()).filter(|&seat| inputs.is_present(seat) && ring.discs[seat].out == 0) {
        let [column, row] =
            ring.discs[seat].at.map(|at| ((at + PLATFORM) * ROWS / (2 * PLATFORM + 1)).clamp(0, ROWS - 1));
        rows[row as usize][2 * column as usize] = char::from(b'0' + seat as u8);
    }
    let lines: Vec<_> = rows.into_iter().map(String::from_iter).collect();
    // Clears the terminal.
    println!("\x1b[H\x1b[2J{}\n{:?}", lines.join("\n"), bot.session.stats());
}
