//! `ringshard doctor`

use comfy_table::{Table, presets};
use ringshard::doctor::{Finding, Verdict, examine};
use std::error::Error;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// One JSON array instead of the table.
    #[arg(long)]
    json: bool,
}

/// Looks at this host, and says what to change.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let findings = examine();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        println!("{}", table(&findings));
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed: this host cannot serve as it is", findings.len()).into()),
    }
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["check", "", "found", "to mend it"]);
    for Finding { check, verdict, found, fix } in findings {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        table.add_row([check, verdict, found, fix]);
    }
    table
}
