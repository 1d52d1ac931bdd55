//! `ringshard top`: a running server, as it is from second to second.
//!
//! A thread asks the server and hands its answers over ([`poll`]); two answers make figures ([`figures`]); what has been
//! seen so far is a [`screen`]; that is drawn ([`view`], out of [`tables`]), and keys are read ([`terminal`]).

mod figures;
mod poll;
#[cfg(test)]
pub mod samples;
mod screen;
mod tables;
mod terminal;
mod view;

use self::poll::{Answer, Question};
use self::screen::Screen;
use self::view::View;
use crate::admin::AdminArguments;
use crate::output;
use crate::sheet;
use ringshard::ops::admin::{AdminClient, Order};
use std::error::Error;
use std::io::IsTerminal;
use std::time::Duration;

/// The shortest time between two questions, in seconds: every question takes a little of the cores' time.
const INTERVAL_S_MIN: f64 = 0.1;
/// The longest, in seconds.
const INTERVAL_S_MAX: f64 = 3_600.0;
/// Connections that are asked for at most: more than a screen has lines.
const LIMIT_MAX: i64 = 1_000;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Seconds from one look to the next.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,
    /// Of the connections, those with most of this first; `s` goes on to the next.
    #[arg(long, value_enum, default_value = "rate")]
    sort: Order,
    /// Connections that are asked for at most.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=LIMIT_MAX))]
    limit: u16,
    /// Look twice, print what was seen as plain text, and end.
    #[arg(long)]
    once: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (INTERVAL_S_MIN..=INTERVAL_S_MAX).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("a number of seconds from {INTERVAL_S_MIN} to {INTERVAL_S_MAX} is wanted"))
}

/// Shows it.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let asker = arguments.admin.asker()?;
    let question = Question { sort: arguments.sort, limit: arguments.limit };
    if arguments.once {
        return Ok(output::print(page(&asker, question, arguments.interval)?)?);
    }
    if !std::io::stdout().is_terminal() {
        return Err("top draws on a terminal, and standard output is none: `top --once` prints plain text".into());
    }
    // A server that has never answered is an error; one that answers no more is waited for.
    let first = Answer::get(&asker, question)?;
    terminal::show(&asker, Screen::new(first, arguments.sort), question, arguments.interval)
}

/// One screen as plain text: as high as it needs to be, and as wide where standard output is no terminal.
fn page(asker: &AdminClient, question: Question, interval: Duration) -> Result<String, Box<dyn Error>> {
    let mut screen = Screen::new(Answer::get(asker, question)?, question.sort);
    std::thread::sleep(interval);
    screen.take(Ok(Answer::get(asker, question)?));
    let view = View::page(&screen);
    let columns = sheet::terminal_columns().unwrap_or_else(|| view.columns_needed());
    Ok(sheet::text(view, columns, view.rows_needed()))
}
