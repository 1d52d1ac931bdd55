//! `ringshard histograms`

use crate::admin::AdminArguments;
use hdrhistogram::Histogram;
use plotters::coord::Shift;
use plotters::prelude::*;
use ringshard::admin::Asker;
use ringshard::report::ServerReport;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// Show again every second what happened since the last time.
    #[arg(long, conflicts_with_all = ["hgrm", "svg", "json"])]
    watch: bool,
    /// Write one HdrHistogram percentile file per core and stage into this folder.
    #[arg(long, value_name = "DIR")]
    hgrm: Option<PathBuf>,
    /// Draw the percentile curves of all cores and stages into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print everything as JSON, counters included.
    #[arg(long)]
    json: bool,
}

/// Shows them.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let asker = arguments.admin.asker()?;
    let report = asker.get("/stats")?;
    if arguments.watch {
        return watch(&asker, report);
    }
    if let Some(dir) = &arguments.hgrm {
        write_percentile_files(&report, dir)?;
    }
    if let Some(file) = &arguments.svg {
        draw(&report, file).map_err(|error| format!("cannot draw {}: {error}", file.display()))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", headline(&report));
        println!("{}", report.table());
    }
    Ok(())
}

fn watch(asker: &Asker, mut before: ServerReport) -> Result<(), Box<dyn Error>> {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now: ServerReport = asker.get("/stats")?;
        let second = now.since(&before);
        // Clear the screen and go to its top left.
        println!("\x1b[2J\x1b[H{}\n{}", headline(&second), second.table());
        before = now;
    }
}

fn headline(report: &ServerReport) -> String {
    let rate = |counter| report.total(counter) as f64 / report.uptime_s.max(1e-9);
    let connections: usize = report.cores.iter().map(|core| core.connections).sum();
    format!(
        "{} over {}: {connections} connections, {:.0} datagrams/s in, {:.0}/s out over {:.1} s; drops {:?}",
        report.listen,
        report.datapath,
        rate("datagrams_in"),
        rate("datagrams_out"),
        report.uptime_s,
        report.drops(),
    )
}

/// The histograms with their names, the empty ones left out.
fn curves(report: &ServerReport) -> impl Iterator<Item = (String, Histogram<u64>)> {
    report.cores.iter().flat_map(|core| {
        core.stages
            .iter()
            .map(move |stage| (format!("core-{}-{}", core.core, stage.name), stage.histogram()))
            .filter(|(_, histogram)| !histogram.is_empty())
    })
}

/// Percentile files as HdrHistogram's own tools write and plot them; values in microseconds.
fn write_percentile_files(report: &ServerReport, dir: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(dir).map_err(|error| format!("cannot make the folder {}: {error}", dir.display()))?;
    for (name, histogram) in curves(report) {
        let path = dir.join(format!("{name}.hgrm"));
        std::fs::write(&path, percentile_text(&histogram))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        eprintln!("wrote {}", path.display());
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

fn draw(report: &ServerReport, file: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::write(file, picture(report)?)?;
    eprintln!("wrote {}", file.display());
    Ok(())
}

/// The percentile curves of all cores and stages, as SVG.
pub fn picture(report: &ServerReport) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    draw_on(&SVGBackend::with_string(&mut svg, (1100, 640)).into_drawing_area(), report)?;
    Ok(svg)
}

/// Time over percentile, both on logarithmic axes: the tail is what matters.
fn draw_on(area: &DrawingArea<SVGBackend<'_>, Shift>, report: &ServerReport) -> Result<(), Box<dyn Error>> {
    const NINES_MAX: f64 = 1e6;
    let curves: Vec<_> = curves(report).collect();
    let slowest = curves.iter().map(|(_, histogram)| histogram.max()).max().unwrap_or(1) as f64 / 1000.0;
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption("Latency by percentile", ("sans-serif", 24))
        .margin(16)
        .margin_right(48)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d((1f64..NINES_MAX).log_scale(), (0.1f64..slowest.max(1.0) * 1.2).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("percentile")
        .y_desc("microseconds")
        .x_label_formatter(&|&inverse| format!("{}%", trimmed(100.0 * (1.0 - 1.0 / inverse))))
        .y_label_formatter(&|&micros| trimmed(micros))
        .draw()?;
    for (index, (name, histogram)) in curves.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let points = histogram
            .iter_quantiles(20)
            .map(|step| {
                // The largest of n values stands at the percentile 1 - 1/n.
                let rest = (1.0 - step.quantile()).max(1.0 / histogram.len() as f64);
                (1.0 / rest, step.value_iterated_to() as f64 / 1000.0)
            })
            .filter(|&(inverse, _)| inverse <= NINES_MAX);
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
