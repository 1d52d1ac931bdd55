//! The latencies of a server as a chart: a panel for each stage, a curve for each core.

use crate::units::{address, age, micros};
use hdrhistogram::Histogram;
use jiff::Zoned;
use plotters::coord::Shift;
use plotters::prelude::*;
use ringshard::ops::report::ServerReport;
use std::error::Error;

/// Width of the chart, in pixels.
const WIDTH: u32 = 1200;
/// Height of a panel, in pixels.
const PANEL_HEIGHT: u32 = 300;
/// Height of the title, in pixels.
const TITLE_HEIGHT: u32 = 76;
/// Panels side by side.
const PANELS_ACROSS: usize = 2;
/// Free space to the left and right, in pixels.
const SIDE: i32 = 24;
/// Height of a line of the legend, and width of a core in it, in pixels.
const LEGEND_LINE: i32 = 22;
const LEGEND_ENTRY: i32 = 82;
/// Most cores that the legend lists. For more, it shows the range of colours.
const LEGEND_CORES_MAX: usize = 56;

/// Colours for few cores. They stand out on white and differ for colour-blind readers too.
const DISTINCT: [RGBColor; 5] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 0, 0), RGBColor(0, 158, 115), RGBColor(185, 85, 150)];
/// Colours for more cores: hue and lightness change steadily from the first to the last.
const RAMP: [RGBColor; 5] =
    [RGBColor(68, 1, 84), RGBColor(65, 68, 135), RGBColor(42, 120, 142), RGBColor(31, 148, 139), RGBColor(86, 150, 40)];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The histogram of a core and stage.
struct Curve {
    core: usize,
    color: RGBColor,
    histogram: Histogram<u64>,
}

/// The percentiles of all stages and cores as SVG, from a report made at `at`.
///
/// # Errors
/// What the drawing library reports.
pub fn chart(report: &ServerReport, at: &Zoned) -> Result<String, Box<dyn Error>> {
    let stages = stages(report);
    let rows = stages.len().div_ceil(PANELS_ACROSS).max(1);
    let legend = legend_height(report.cores.len());
    let height = TITLE_HEIGHT + rows as u32 * PANEL_HEIGHT + legend;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let (title, rest) = area.split_vertically(TITLE_HEIGHT);
        let (panels, below) = rest.split_vertically(rows as u32 * PANEL_HEIGHT);
        draw_title(&title, report, at)?;
        for (panel, (name, curves)) in panels.split_evenly((rows, PANELS_ACROSS)).iter().zip(&stages) {
            draw_panel(panel, name, curves)?;
        }
        if stages.is_empty() {
            panels.draw_text("nothing was recorded yet", &text_style(&panels, 16.0), (SIDE, SIDE))?;
        }
        draw_legend(&below, report)?;
        area.present()?;
    }
    Ok(svg)
}

/// The stages that are not empty, with their curves.
fn stages(report: &ServerReport) -> Vec<(String, Vec<Curve>)> {
    let mut stages: Vec<(String, Vec<Curve>)> = Vec::new();
    for (index, core) in report.cores.iter().enumerate() {
        let color = color(index, report.cores.len());
        for stage in core.stages.iter().filter(|stage| !stage.buckets.is_empty()) {
            let curve = Curve { core: core.core, color, histogram: stage.histogram() };
            match stages.iter_mut().find(|(name, _)| *name == stage.name) {
                Some((_, curves)) => curves.push(curve),
                None => stages.push((stage.name.clone(), vec![curve])),
            }
        }
    }
    stages
}

/// The colour of a core.
fn color(index: usize, cores: usize) -> RGBColor {
    assert!(index < cores, "there is no core {index} of {cores}");
    if cores <= DISTINCT.len() {
        return DISTINCT[index];
    }
    let place = index as f64 / (cores - 1) as f64 * (RAMP.len() - 1) as f64;
    let low = (place as usize).min(RAMP.len() - 2);
    let (from, to) = (RAMP[low], RAMP[low + 1]);
    let between = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * (place - low as f64)) as u8;
    RGBColor(between(from.0, to.0), between(from.1, to.1), between(from.2, to.2))
}

fn text_style<'a>(area: &Area<'_>, size: f64) -> TextStyle<'a> {
    ("sans-serif", size).into_text_style(area)
}

fn draw_title(area: &Area<'_>, report: &ServerReport, at: &Zoned) -> Result<(), Box<dyn Error>> {
    let ServerReport { version, listen, datapath, pid, uptime_s, cores, .. } = report;
    let plural = if cores.len() == 1 { "" } else { "s" };
    let title = format!("Latency by percentile: ringshard at {}", address(*listen));
    let facts = format!(
        "{}, after {} of running; {} core{plural} over {datapath}, version {version}, process {pid}",
        at.strftime("%Y-%m-%d %H:%M:%S %Z"),
        age(*uptime_s),
        cores.len(),
    );
    area.draw_text(&title, &text_style(area, 27.0), (SIDE, 16))?;
    area.draw_text(&facts, &text_style(area, 17.0).color(&BLACK.mix(0.7)), (SIDE, 46))?;
    Ok(())
}

/// Time over percentile, both on logarithmic axes, because the tail matters.
fn draw_panel(area: &Area<'_>, name: &str, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    let micros_of = |nanos: u64| nanos.max(1) as f64 / 1000.0;
    let most = curves.iter().map(|curve| curve.histogram.len()).max().unwrap_or(1) as f64;
    let nines_end = 10f64.powf(most.log10().ceil().clamp(2.0, 6.0));
    let lowest = curves.iter().map(|curve| micros_of(curve.histogram.min_nz())).fold(f64::MAX, f64::min);
    let highest = curves.iter().map(|curve| micros_of(curve.histogram.max())).fold(0.0, f64::max);
    let decade = |value: f64, up: bool| {
        let power = value.log10();
        10f64.powf(if up { power.ceil() } else { power.floor() })
    };
    let (low, high) = (decade(lowest, false), decade(highest * 1.05, true));
    area.draw_text(name, &text_style(area, 19.0), (SIDE, 8))?;
    area.draw_text(&range(curves), &text_style(area, 15.0).color(&BLACK.mix(0.7)), (SIDE + 220, 11))?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(36)
        .margin_right(SIDE + 12)
        .margin_left(8)
        .x_label_area_size(44)
        .y_label_area_size(74)
        .build_cartesian_2d((1f64..nines_end).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("percentile of all samples")
        .y_desc("time")
        .axis_desc_style(text_style(area, 14.0))
        .label_style(text_style(area, 14.0))
        .x_labels(nines_end.log10() as usize + 1)
        .y_labels((high / low).log10().round() as usize + 1)
        .bold_line_style(BLACK.mix(0.18))
        .light_line_style(BLACK.mix(0.05))
        .x_label_formatter(&|&inverse| format!("{} %", trimmed(100.0 * (1.0 - 1.0 / inverse))))
        .y_label_formatter(&|&micros| tick(micros))
        .draw()?;
    let width = if curves.len() <= 8 { 2 } else { 1 };
    for Curve { color, histogram, .. } in curves {
        let points = histogram.iter_quantiles(20).map(|step| {
            // The largest of n values stands at the percentile 1 - 1/n.
            let rest = (1.0 - step.quantile()).max(1.0 / histogram.len() as f64);
            ((1.0 / rest).min(nines_end), micros_of(step.value_iterated_to()))
        });
        chart.draw_series(LineSeries::new(points, color.stroke_width(width)))?;
    }
    Ok(())
}

/// The cores with the lowest and the highest 99th percentile.
fn range(curves: &[Curve]) -> String {
    let p99 = |curve: &Curve| curve.histogram.value_at_quantile(0.99);
    let of = |curve: &Curve| format!("{} on core {}", micros(p99(curve) as f64 / 1000.0), curve.core);
    match (curves.iter().min_by_key(|curve| p99(curve)), curves.iter().max_by_key(|curve| p99(curve))) {
        (Some(least), Some(most)) if least.core != most.core => format!("p99: {} to {}", of(least), of(most)),
        (Some(only), _) => format!("p99: {}", of(only)),
        _ => String::new(),
    }
}

fn legend_height(cores: usize) -> u32 {
    let lines = if cores > LEGEND_CORES_MAX { 2 } else { cores.div_ceil(legend_across()).max(1) };
    (lines as i32 * LEGEND_LINE + 16) as u32
}

/// Number of cores on a line of the legend.
fn legend_across() -> usize {
    ((WIDTH as i32 - 2 * SIDE) / LEGEND_ENTRY) as usize
}

/// The colours of the cores.
fn draw_legend(area: &Area<'_>, report: &ServerReport) -> Result<(), Box<dyn Error>> {
    let (cores, style) = (report.cores.len(), text_style(area, 16.0));
    let block = |x: i32, y: i32, width: i32, index| {
        area.draw(&Rectangle::new([(x, y), (x + width, y + 12)], color(index, cores).filled()))
    };
    if cores <= LEGEND_CORES_MAX {
        for (index, core) in report.cores.iter().enumerate() {
            let (column, line) = (index % legend_across(), index / legend_across());
            let (x, y) = (SIDE + column as i32 * LEGEND_ENTRY, 4 + line as i32 * LEGEND_LINE);
            block(x, y, 16, index)?;
            area.draw_text(&format!("core {}", core.core), &style, (x + 22, y))?;
        }
        return Ok(());
    }
    let width = f64::from(WIDTH as i32 - 2 * SIDE) / cores as f64;
    let x = |index: usize| SIDE + (index as f64 * width) as i32;
    for index in 0..cores {
        block(x(index), 4, x(index + 1) - x(index), index)?;
    }
    for index in [0, cores / 4, cores / 2, cores * 3 / 4, cores - 1] {
        let at = x(index).min(WIDTH as i32 - SIDE - LEGEND_ENTRY);
        area.draw_text(&format!("core {}", report.cores[index].core), &style, (at, 4 + LEGEND_LINE))?;
    }
    Ok(())
}

/// A time on an axis: a power of ten of microseconds.
fn tick(micros: f64) -> String {
    match micros {
        value if value < 0.9995 => format!("{} ns", trimmed(value * 1e3)),
        value if value < 999.5 => format!("{} us", trimmed(value)),
        value if value < 999_500.0 => format!("{} ms", trimmed(value / 1e3)),
        value => format!("{} s", trimmed(value / 1e6)),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::fixtures::report;

    /// How far a colour stands out on white: WCAG's contrast ratio, 1 to 21.
    fn contrast(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        1.05 / (0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) + 0.05)
    }

    #[test]
    fn every_color_stands_out_on_white_and_no_two_cores_share_one() {
        for cores in 1..=64 {
            let colors: Vec<RGBColor> = (0..cores).map(|index| color(index, cores)).collect();
            for color in &colors {
                assert!(contrast(*color) >= 3.0, "{color:?} of {cores}: {:.2}", contrast(*color));
            }
            let mut distinct: Vec<_> = colors.iter().map(|color| (color.0, color.1, color.2)).collect();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), cores, "of {cores}");
        }
    }

    #[test]
    fn each_stage_has_a_panel_each_core_a_color_and_the_title_says_which_server_and_when() {
        let at: Zoned = "2026-11-25T20:00:00+00:00[UTC]".parse().unwrap();
        for cores in [1, 2, 16, 64] {
            let svg = chart(&report(cores, 10), &at).unwrap();
            for text in
                ["turn", "tick", "0.0.0.0:3565", "2026-11-25 20:00:00", "p99: ", "percentile of all samples", " us"]
            {
                assert!(svg.contains(text), "`{text}` is missing for {cores} cores");
            }
            let legend = svg.matches("\ncore ").count();
            assert_eq!(legend, if cores <= LEGEND_CORES_MAX { cores } else { 5 }, "{cores} cores");
            let strokes = |index| {
                let RGBColor(red, green, blue) = color(index, cores);
                let color = format!("stroke=\"#{red:02X}{green:02X}{blue:02X}\"");
                svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(&color)).count()
            };
            assert!((0..cores).all(|index| strokes(index) >= 2), "{cores} cores: a curve in each panel");
        }
    }
}
