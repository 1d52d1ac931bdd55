//! `ringshard report`: everything about a server and its host, in one file, to diagnose a fault.
//!
//! [`archive`] collects what [`server`] and [`host`] add. What is missing is noted in it, because a report is needed most when
//! the server does not answer.

mod archive;
mod host;
mod server;

use self::archive::Archive;
use self::server::Server;
use crate::admin::AdminArguments;
use crate::duration;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest time between the two samples.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Steps of the progress bar, without the waiting.
const STEPS: u64 = 5;
/// Time for one step of the bar while it waits.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// Arguments of `report`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// File to write, which must not exist yet. Default: ringshard-report-DATE.tar.gz in this folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Time between two samples of the counters, such as 10s or 1m. Rates come from their difference. 0: one sample, no
    /// rates.
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = wait)]
    seconds: Duration,
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = duration::parse(text)?;
    if wait <= WAIT_MAX { Ok(wait) } else { Err(format!("use at most an hour: {} s", WAIT_MAX.as_secs())) }
}

/// Runs `ringshard report`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let name = format!("ringshard-report-{}", now.strftime("%Y%m%d-%H%M%S"));
    let path = arguments.out.clone().unwrap_or_else(|| format!("{name}.tar.gz").into());
    archive::check(&path)?;
    let mut archive = Archive::new(name, now);
    collect(arguments, &mut archive);
    let bytes = archive.write(&path)?;
    let summary = archive.summary();
    Ok(output::print_line(format_args!(
        "wrote {} ({} KiB) with these files:\n{summary}",
        path.display(),
        bytes.div_ceil(1024)
    ))?)
}

fn collect(arguments: &Arguments, archive: &mut Archive) {
    let wait = arguments.seconds;
    let steps = (wait.as_millis() / WAIT_STEP.as_millis()) as u64;
    let bar = bar(steps + STEPS);
    let step = |text: &'static str| {
        bar.set_message(text);
        bar.inc(1);
    };
    let mut server = Server::new(&arguments.admin);
    step("asking the server");
    server.first_sample(archive);
    step("reading the host");
    host::first_sample(archive);
    step("examining the host");
    let is_here = server.is_here();
    host::examine(server.cpus().filter(|_| is_here), archive);
    if is_here {
        if let Some(report) = server.report() {
            host::process(report.pid, archive);
        }
    } else {
        archive.remark(format!(
            "The server was asked over the network, at {}. doctor.json and the folder host/ describe the machine that made \
             this report, not the server's.",
            server.address()
        ));
    }
    if !wait.is_zero() {
        bar.set_message("waiting for the second sample");
        let until = Instant::now() + wait;
        while let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
            std::thread::sleep(rest.min(WAIT_STEP));
            bar.inc(1);
        }
        archive.remark(format!("The second sample was taken {} s after the first.", wait.as_secs_f64()));
        step("asking the server again");
        server.second_sample(archive);
        host::second_sample(archive);
    }
    step("drawing the chart");
    server.histograms(archive);
    bar.finish_and_clear();
}

/// A progress bar. It is hidden if standard error is not a terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("report [{bar:40}] {percent:>3} % {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
