//! `ringshard top`: watches a running server.
//!
//! A thread asks the server ([`poll`]). Two answers make figures with rates ([`figures`]). A [`screen`] keeps what has been seen
//! so far, [`view`] draws it with the tables of [`tables`], and [`terminal`] reads keys.

mod figures;
#[cfg(test)]
pub mod fixtures;
mod poll;
mod screen;
mod tables;
mod terminal;
mod view;

use self::poll::{Answer, Query};
use self::screen::Screen;
use self::view::View;
use crate::admin::AdminArguments;
use crate::output;
use crate::table;
use ringshard::ops::admin::{AdminClient, SortOrder};
use std::error::Error;
use std::io::IsTerminal;
use std::time::Duration;

/// Shortest time between two requests, in seconds: each request takes some time of the cores.
const INTERVAL_S_MIN: f64 = 0.1;
/// Longest time between two requests, in seconds.
const INTERVAL_S_MAX: f64 = 3_600.0;
/// Highest `--limit`: more than a screen has lines.
const LIMIT_MAX: i64 = 1_000;

/// Arguments of `top`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Seconds between two updates.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,
    /// Order of the connections, largest first. The key `s` switches to the next order.
    #[arg(long, value_enum, default_value = "rate")]
    sort: SortOrder,
    /// Highest number of connections to show.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=LIMIT_MAX))]
    limit: u16,
    /// Print one page as plain text, and end.
    #[arg(long)]
    once: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (INTERVAL_S_MIN..=INTERVAL_S_MAX).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("use a number of seconds from {INTERVAL_S_MIN} to {INTERVAL_S_MAX}"))
}

/// Runs `ringshard top`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let client = arguments.admin.client()?;
    let query = Query { sort: arguments.sort, limit: arguments.limit };
    if arguments.once {
        return Ok(output::print(page(&client, query, arguments.interval)?)?);
    }
    if !std::io::stdout().is_terminal() {
        return Err("standard output is not a terminal: use `ringshard top --once`, which prints plain text".into());
    }
    // A server that never answers is an error. Once it has answered, top waits for it.
    let first = Answer::get(&client, query)?;
    terminal::show(&client, Screen::new(first, arguments.sort), query, arguments.interval)
}

/// One page as plain text, as wide as the terminal; as wide as it needs if standard output is not a terminal.
fn page(client: &AdminClient, query: Query, interval: Duration) -> Result<String, Box<dyn Error>> {
    let mut screen = Screen::new(Answer::get(client, query)?, query.sort);
    std::thread::sleep(interval);
    screen.take(Ok(Answer::get(client, query)?));
    let view = View::page(&screen);
    let columns = table::terminal_columns().unwrap_or_else(|| view.columns_needed());
    Ok(table::text(view, columns, view.rows_needed()))
}
