//! `ringshard doctor`

use crate::output::{self, PrintError};
use ringshard::ops::doctor::{CpuSet, Finding, Host, Plan, Probes, Verdict};
use std::error::Error;
use std::path::Path;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Processors that the server is to run on: a list such as 0,2,4-7. Default: those isolated from the scheduler if there
    /// are any, else all.
    #[arg(long, value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<CpuSet>,
    /// Network interface that the server is reached through. Default: that of the default route.
    #[arg(long, value_name = "NAME")]
    nic: Option<String>,
    /// One JSON array instead of the lines.
    #[arg(long)]
    json: bool,
}

fn parse_cpus(text: &str) -> Result<CpuSet, String> {
    let cpus = CpuSet::from_list(text).filter(|cpus| !cpus.is_empty());
    cpus.ok_or_else(|| "a list of processor numbers such as 0,2,4-7 is wanted".into())
}

/// Looks at this host, and says what to change.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let plan = Plan { cpus: arguments.cpus.clone(), nic: arguments.nic.clone() };
    let host = Host::at(Path::new("/"), &plan)?;
    let findings = host.examine(&Probes::take(&host));
    if arguments.json {
        output::print_line(serde_json::to_string_pretty(&findings)?)?;
    } else {
        findings.iter().try_for_each(print)?;
        if findings.iter().any(|finding| finding.tune_host) {
            let command = host.tune_command();
            output::print_line(format_args!("\nAll marked * at once, and back with --undo:\n  {command}"))?;
        }
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed: this host cannot serve as it is", findings.len()).into()),
    }
}

/// A line for what was found, and one for what mends it, to be copied as it stands.
fn print(finding: &Finding) -> Result<(), PrintError> {
    let Finding { check, verdict, found, fix, tune_host } = finding;
    let verdict = match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn if *tune_host => "warn *",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    output::print_line(format_args!("{verdict:<7} {check:<20} {found}"))?;
    match fix.is_empty() {
        true => Ok(()),
        false => output::print_line(format_args!("{:<28} {fix}", "")),
    }
}
