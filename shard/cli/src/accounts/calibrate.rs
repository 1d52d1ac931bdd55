//! `ringshard accounts calibrate`

use crate::output;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard_services::accounts::PasswordCost;
use std::error::Error;
use std::time::Duration;

/// Arguments of `accounts calibrate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Measure these parameters too: memory in KiB, passes, lanes.
    #[arg(long, value_name = "KIB,PASSES,LANES", value_parser = cost)]
    cost: Option<PasswordCost>,
    /// How often each is run; the fastest counts, because other programs disturb the rest.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

fn cost(text: &str) -> Result<PasswordCost, String> {
    let numbers: Vec<u32> = text.split(',').map_while(|number| number.trim().parse().ok()).collect();
    let cost = match numbers[..] {
        [memory_kib, passes, lanes] if text.split(',').count() == 3 => PasswordCost { memory_kib, passes, lanes },
        _ => return Err("it must be three numbers: 19456,2,1".into()),
    };
    match cost.is_valid() {
        true => Ok(cost),
        false => Err("memory must be 8 KiB per lane to 256 MiB, passes 1 to 20, lanes 1 to 16".into()),
    }
}

/// Parameters that OWASP holds for equally strong, then the second recommendation of RFC 9106. The first is the default.
const USUAL: [(u32, u32, u32); 5] = [(19_456, 2, 1), (47_104, 1, 1), (12_288, 3, 1), (7_168, 5, 1), (65_536, 3, 4)];

/// What parameters cost.
#[derive(serde::Serialize)]
struct Cost {
    #[serde(flatten)]
    cost: PasswordCost,
    milliseconds: f64,
    logins_per_second: f64,
}

/// Runs `ringshard accounts calibrate`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let usual = USUAL.map(|(memory_kib, passes, lanes)| PasswordCost { memory_kib, passes, lanes });
    let measure = |cost: PasswordCost| {
        let time: Duration = cost.calibrate(arguments.runs.into());
        let seconds = time.as_secs_f64();
        Cost { cost, milliseconds: seconds * 1e3, logins_per_second: 1.0 / seconds }
    };
    let costs: Vec<Cost> = arguments.cost.into_iter().chain(usual).map(measure).collect();
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&costs)?)?);
    }
    Ok(output::print(table(&costs).page())?)
}

fn table(costs: &[Cost]) -> Table {
    let columns = vec![
        Column::new("memory (KiB)", 0),
        Column::new("passes", 0),
        Column::new("lanes", 0),
        Column::new("time (ms)", 0),
        Column::new("logins/s per thread", 0),
        Column::text("", 0),
    ];
    let row = |of: &Cost| {
        let cells = [
            of.cost.memory_kib.to_string(),
            of.cost.passes.to_string(),
            of.cost.lanes.to_string(),
            format!("{:.1}", of.milliseconds),
            format!("{:.0}", of.logins_per_second),
            if of.cost == PasswordCost::default() { "the default" } else { "" }.into(),
        ];
        cells.map(Line::from).to_vec()
    };
    let rows = costs.iter().map(row).collect();
    Table { title: "Argon2id on this host".into(), aside: "".into(), columns, rows, empty: "" }
}
