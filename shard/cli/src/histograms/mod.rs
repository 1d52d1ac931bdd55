//! `ringshard histograms`: latencies as a table, as a chart, and as files for other tools.

mod chart;

pub use chart::chart;

use crate::admin::AdminArguments;
use crate::output;
use crate::table::{Column, Table};
use crate::units::{address, age, count, micros, short_count, whole};
use hdrhistogram::Histogram;
use jiff::Zoned;
use ratatui::text::Line;
use ringshard::ops::admin::AdminClient;
use ringshard::ops::report::ServerReport;
use std::error::Error;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `histograms`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Every second, print the histograms of the last second.
    #[arg(long, conflicts_with_all = ["hgrm", "svg", "json"])]
    watch: bool,
    /// Write an HdrHistogram percentile file per core and stage into this folder.
    #[arg(long, value_name = "DIR")]
    hgrm: Option<PathBuf>,
    /// Write a chart of the percentiles to this file, with a panel per stage and a curve per core. `-` writes only the chart,
    /// to standard output.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print all histograms and counters as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard histograms`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let client = arguments.admin.client()?;
    let report = client.get("/stats")?;
    if arguments.watch {
        return watch(&client, report);
    }
    if let Some(dir) = &arguments.hgrm {
        write_percentile_files(&report, dir)?;
    }
    if let Some(file) = &arguments.svg {
        draw(&report, file)?;
        if file.as_os_str() == "-" {
            return Ok(());
        }
    }
    if arguments.json {
        output::print_line(serde_json::to_string_pretty(&report)?)?;
    } else {
        output::print(page(&report))?;
    }
    Ok(())
}

fn watch(client: &AdminClient, mut before: ServerReport) -> Result<(), Box<dyn Error>> {
    // On a terminal, each page replaces the one before; elsewhere, a blank line separates them.
    let (begin, end) = if std::io::stdout().is_terminal() { ("\x1b[2J\x1b[H", "") } else { ("", "\n") };
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now: ServerReport = client.get("/stats")?;
        output::print(format_args!("{begin}{}{end}", page(&now.since(&before))))?;
        before = now;
    }
}

/// What the server did, as text, with its latencies.
fn page(report: &ServerReport) -> String {
    let rate = |counter| count(report.total(counter) as f64 / report.uptime_s.max(1e-9));
    let connections: usize = report.cores.iter().map(|core| core.connections).sum();
    let drops: Vec<String> =
        report.drops().iter().map(|(reason, number)| format!("{reason} {}", whole(*number))).collect();
    format!(
        "{} over {}: {} connections\n{} datagrams/s in, {}/s out over {}\ndrops: {}\n{}",
        address(report.listen),
        report.datapath,
        whole(connections as u64),
        rate("datagrams_in"),
        rate("datagrams_out"),
        age(report.uptime_s),
        if drops.is_empty() { "none".into() } else { drops.join(", ") },
        table(report),
    )
}

/// The latencies: a row per core and stage. Empty stages are left out.
pub fn table(report: &ServerReport) -> String {
    let columns = vec![
        Column::new("core", 0),
        Column::text("stage", 18),
        Column::new("count", 7),
        Column::new("p50", 7),
        Column::new("p90", 7).rank(1),
        Column::new("p99", 7),
        Column::new("p99.9", 7),
        Column::new("max", 7),
    ];
    let stages = report.cores.iter().flat_map(|core| core.stages.iter().map(move |stage| (core.core, stage)));
    let row = |(core, name, histogram): (usize, &str, Histogram<u64>)| {
        let time = |nanos: u64| micros(nanos as f64 / 1000.0);
        let mut cells = vec![core.to_string(), name.to_owned(), short_count(histogram.len())];
        cells.extend([0.5, 0.9, 0.99, 0.999].map(|quantile| time(histogram.value_at_quantile(quantile))));
        cells.push(time(histogram.max()));
        cells.into_iter().map(Line::from).collect()
    };
    let rows = stages
        .filter(|(_, stage)| !stage.buckets.is_empty())
        .map(|(core, stage)| row((core, &stage.name, stage.histogram())))
        .collect();
    let (title, aside) = (Line::from("latency by core and stage"), Line::default());
    Table { title, aside, columns, rows, empty: "nothing was recorded" }.page()
}

/// The histograms with their names, without empty ones.
fn named_histograms(report: &ServerReport) -> impl Iterator<Item = (String, Histogram<u64>)> {
    report.cores.iter().flat_map(|core| {
        core.stages
            .iter()
            .map(move |stage| (format!("core-{}-{}", core.core, stage.name), stage.histogram()))
            .filter(|(_, histogram)| !histogram.is_empty())
    })
}

/// Percentile files in the format of HdrHistogram's tools, in microseconds.
fn write_percentile_files(report: &ServerReport, dir: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(dir).map_err(|error| format!("cannot create the folder {}: {error}", dir.display()))?;
    for (name, histogram) in named_histograms(report) {
        let path = dir.join(format!("{name}.hgrm"));
        std::fs::write(&path, percentile_text(&histogram))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        output::remark(format_args!("wrote {}", path.display()));
    }
    Ok(())
}

fn percentile_text(histogram: &Histogram<u64>) -> String {
    let micros = |nanos: f64| nanos / 1000.0;
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0;
    for step in histogram.iter_quantiles(5) {
        total += step.count_since_last_iteration();
        let (value, quantile) = (micros(step.value_iterated_to() as f64), step.quantile_iterated_to());
        let _ = match quantile < 1.0 {
            true => writeln!(text, "{value:12.3} {quantile:2.12} {total:10} {:14.2}", 1.0 / (1.0 - quantile)),
            false => writeln!(text, "{value:12.3} {quantile:2.12} {total:10}"),
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n#[Max     = {:12.3}, Total count    = {:12}]",
        micros(histogram.mean()),
        micros(histogram.stdev()),
        micros(histogram.max() as f64),
        histogram.len(),
    );
    let _ =
        writeln!(text, "#[Buckets = {:12}, SubBuckets     = {:12}]", histogram.buckets(), histogram.distinct_values());
    text
}

/// Writes the chart to a file or to standard output.
fn draw(report: &ServerReport, file: &Path) -> Result<(), Box<dyn Error>> {
    let svg = chart(report, &Zoned::now()).map_err(|error| format!("cannot draw {}: {error}", file.display()))?;
    if file.as_os_str() == "-" {
        return Ok(output::print(svg)?);
    }
    std::fs::write(file, svg).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    output::remark(format_args!("wrote {}", file.display()));
    Ok(())
}
