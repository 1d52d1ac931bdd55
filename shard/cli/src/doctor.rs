//! `ringshard doctor`

use crate::fleet;
use crate::output::{self, PrintError};
use ringshard::ops::doctor::{CpuSet, Finding, Host, Plan, Probes, Verdict};
use ringshard_gateway::settings::Sources;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Arguments of `doctor`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    of: Option<Of>,
    /// CPUs that the server will use, such as 0,2,4-7. Default: the CPUs isolated from the scheduler, or all if none is
    /// isolated.
    #[arg(long, value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<CpuSet>,
    /// Network interface that the server will use. Default: that of the default route.
    #[arg(long, value_name = "NAME")]
    nic: Option<String>,
    /// File of a fleet: also check whether this host can use its registry and its bus.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_FLEET")]
    fleet: Option<PathBuf>,
    /// Print a JSON array instead of lines.
    #[arg(long)]
    json: bool,
}

/// What else can be examined.
#[derive(clap::Subcommand)]
enum Of {
    /// Check a gateway before it starts or while it runs: host, certificate, ports, servers and gateway key.
    ///
    /// It connects to each server once or twice, as a client does. Takes the settings of `ringshard gateway`, such as `--config
    /// /etc/ringshard/gateway.toml`. Exit code 1 if the gateway cannot serve.
    Gateway(Box<GatewayArguments>),
}

/// Arguments of `doctor gateway`.
#[derive(clap::Args)]
struct GatewayArguments {
    #[command(flatten)]
    sources: Sources,
    /// Host name or address by which clients reach the gateway: the certificate must be for it.
    #[arg(long, value_name = "NAME")]
    reached_at: Option<String>,
    /// Print a JSON array instead of lines.
    #[arg(long)]
    json: bool,
}

fn parse_cpus(text: &str) -> Result<CpuSet, String> {
    let cpus = CpuSet::from_list(text).filter(|cpus| !cpus.is_empty());
    cpus.ok_or_else(|| "use a list of CPU numbers such as 0,2,4-7".into())
}

/// Runs `ringshard doctor`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let plan = Plan { cpus: arguments.cpus.clone(), nic: arguments.nic.clone() };
    let host = Host::at(Path::new("/"), &plan)?;
    match &arguments.of {
        None => {
            let mut findings = host.examine(&Probes::take(&host));
            findings.extend(arguments.fleet.iter().flat_map(|file| fleet::doctor::examine(file)));
            report(&host, &findings, arguments.json, "a server cannot run on this host")
        }
        Some(Of::Gateway(arguments)) => {
            let settings = arguments.sources.load()?;
            let needs = ringshard_gateway::doctor::needs(&settings);
            let mut findings = host.examine_for_gateway(needs.open_files, needs.socket_buffer_bytes);
            findings.extend(ringshard_gateway::doctor::examine(&settings, arguments.reached_at.as_deref()));
            report(&host, &findings, arguments.json, "the gateway cannot serve")
        }
    }
}

/// Prints what was found.
///
/// # Errors
/// A check has failed. `failed` says what that means.
fn report(host: &Host, findings: &[Finding], json: bool, failed: &str) -> Result<(), Box<dyn Error>> {
    if json {
        output::print_line(serde_json::to_string_pretty(findings)?)?;
    } else {
        findings.iter().try_for_each(print)?;
        if findings.iter().any(|finding| finding.tune_host) {
            let command = host.tune_command();
            output::print_line(format_args!(
                "\nThis command fixes all that are marked *; with --undo it restores the former values:\n  {command}"
            ))?;
        }
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        count => Err(format!("{count} of {} checks failed: {failed} until they are fixed", findings.len()).into()),
    }
}

/// Prints a line with what was found, and one with the command that fixes it.
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
