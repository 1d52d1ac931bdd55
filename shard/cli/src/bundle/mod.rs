//! `ringshard report`: what there is to know of a server and its host, in one file to hand to somebody else.
//!
//! [`server`] is asked, [`host`] is read, and an [`archive`] takes in what they give. What cannot be had is noted in it:
//! a server that answers nothing is when a report is wanted most.

mod archive;
mod host;
mod server;

use self::archive::Archive;
use self::server::Server;
use crate::admin::AdminArguments;
use crate::output;
use crate::times;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest wait for the second look.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Steps of the work beside the waiting.
const STEPS: u64 = 5;
/// Time from one step of the bar to the next while it waits.
const BEAT: Duration = Duration::from_millis(100);

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// File to write, which must not exist yet. Default: ringshard-report-DATE.tar.gz, here.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Time between two looks at the counters, so that rates can be seen, such as 10s or 1m; 0 for one look alone.
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = wait)]
    seconds: Duration,
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = times::seconds(text)?;
    if wait <= WAIT_MAX { Ok(wait) } else { Err(format!("it is an hour at most: {} s", WAIT_MAX.as_secs())) }
}

/// Gathers it, and says what is in it.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let name = format!("ringshard-report-{}", now.strftime("%Y%m%d-%H%M%S"));
    let path = arguments.out.clone().unwrap_or_else(|| format!("{name}.tar.gz").into());
    archive::check(&path)?;
    let mut archive = Archive::new(name, now);
    gather(arguments, &mut archive);
    let bytes = archive.write(&path)?;
    let summary = archive.summary();
    Ok(output::print_line(format_args!("{} ({} KiB) holds\n{summary}", path.display(), bytes.div_ceil(1024)))?)
}

fn gather(arguments: &Arguments, archive: &mut Archive) {
    let wait = arguments.seconds;
    let beats = (wait.as_millis() / BEAT.as_millis()) as u64;
    let bar = bar(beats + STEPS);
    let step = |text: &'static str| {
        bar.set_message(text);
        bar.inc(1);
    };
    let mut server = Server::new(&arguments.admin);
    step("asking the server");
    server.first_look(archive);
    step("reading the host");
    host::first_look(archive);
    step("examining the host");
    let is_here = server.is_here();
    host::examine(server.cpus().filter(|_| is_here), archive);
    if is_here {
        if let Some(report) = server.report() {
            host::process(report.pid, archive);
        }
    } else {
        archive.remark(format!(
            "The server was asked over the network, at {}: doctor.json and all below host/ tell of the machine that \
             made this report, not of the server's.",
            server.address()
        ));
    }
    if !wait.is_zero() {
        bar.set_message("waiting for the second look");
        let until = Instant::now() + wait;
        while let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
            std::thread::sleep(rest.min(BEAT));
            bar.inc(1);
        }
        archive.remark(format!("The second look was {} s after the first.", wait.as_secs_f64()));
        step("looking again");
        server.second_look(archive);
        host::second_look(archive);
    }
    step("drawing histograms");
    server.histograms(archive);
    bar.finish_and_clear();
}

/// Nothing of it is seen where standard error is no terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("report [{bar:40}] {percent:>3} % {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
