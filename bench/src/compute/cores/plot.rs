//! The results as a plot: time per tick of the busiest core over the number of cores, both logarithmic. Beside each curve runs
//! a dashed line: what the time would be if each core did its part of the work of one.

use super::row::CoresRow;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
/// Space around the area of the curves, in pixels: left, right, above, below.
const MARGINS: [f64; 4] = [70.0, 190.0, 50.0, 60.0];
const COLOURS: [&str; 6] = ["#1f5fa8", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#0e7490"];
/// A tick at 60 Hz, in ms.
const TICK_MS: f64 = 1000.0 / 60.0;

/// The ranges of both axes, as logarithms to base 2.
struct Axes {
    cores: [f64; 2],
    ms: [f64; 2],
}

impl Axes {
    fn around(rows: &[CoresRow]) -> Axes {
        let most = rows.iter().map(|row| row.cores as f64).fold(2.0, f64::max);
        let mut ms = [TICK_MS.log2(); 2];
        for row in rows {
            let [least, greatest] = [row.tick_ms, row.tick_p99_ms.max(row.tick_ms)].map(|ms| ms.max(1e-3).log2());
            ms = [ms[0].min(least), ms[1].max(greatest)];
        }
        Axes { cores: [0.0, most.log2()], ms: [ms[0].floor(), ms[1].ceil()] }
    }

    fn pixel(&self, cores: f64, ms: f64) -> [f64; 2] {
        let [left, right, above, below] = MARGINS;
        let part = |value: f64, [from, to]: [f64; 2]| (value.max(1e-3).log2() - from) / (to - from);
        let across = left + part(cores, self.cores) * (WIDTH - left - right);
        [across, HEIGHT - below - part(ms, self.ms) * (HEIGHT - above - below)]
    }
}

/// The plot as SVG.
pub fn draw(rows: &[CoresRow]) -> String {
    let axes = Axes::around(rows);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH:.0}\" height=\"{HEIGHT:.0}\" \
         viewBox=\"0 0 {WIDTH:.0} {HEIGHT:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"28\" font-size=\"15\">CPU time of the busiest core per tick, ms</text>\n",
        MARGINS[0]
    );
    draw_axes(&mut svg, &axes);
    let mut curves: Vec<(usize, &str)> = rows.iter().map(|row| (row.clients, row.layout.as_str())).collect();
    curves.dedup();
    for (number, &(clients, layout)) in curves.iter().enumerate() {
        let curve: Vec<&CoresRow> =
            rows.iter().filter(|row| (row.clients, row.layout.as_str()) == (clients, layout)).collect();
        draw_curve(&mut svg, &axes, &curve, COLOURS[number % COLOURS.len()]);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_axes(svg: &mut String, axes: &Axes) {
    let [right, top] = axes.pixel(axes.cores[1].exp2(), axes.ms[1].exp2());
    let [left, bottom] = axes.pixel(1.0, axes.ms[0].exp2());
    for power in axes.ms[0] as i32..=axes.ms[1] as i32 {
        let ms = f64::from(power).exp2();
        let y = axes.pixel(1.0, ms)[1];
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.1} {y:.1} H{right:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{ms}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    for power in 0..=axes.cores[1].floor() as i32 {
        let cores = f64::from(power).exp2();
        let x = axes.pixel(cores, 1.0)[0];
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {top:.1} V{bottom:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{cores}</text>",
            bottom + 18.0
        );
    }
    let tick = axes.pixel(1.0, TICK_MS)[1];
    let _ = writeln!(
        svg,
        "<path d=\"M{left:.1} {tick:.1} H{right:.1}\" stroke=\"#222222\" stroke-width=\"1.5\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">a tick at 60 Hz</text>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">cores</text>",
        right + 8.0,
        tick + 4.0,
        (left + right) / 2.0,
        bottom + 40.0
    );
}

fn draw_curve(svg: &mut String, axes: &Axes, curve: &[&CoresRow], colour: &str) {
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else { return };
    let line = |points: &mut dyn Iterator<Item = [f64; 2]>| {
        points.map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    };
    let measured = line(&mut curve.iter().map(|row| axes.pixel(row.cores as f64, row.tick_ms)));
    let ideal = |cores: usize| first.tick_ms * first.cores as f64 / cores as f64;
    let ends = [first.cores, last.cores].map(|cores| axes.pixel(cores as f64, ideal(cores).max(axes.ms[0].exp2())));
    let _ = writeln!(
        svg,
        "<polyline points=\"{measured}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"4 4\"/>",
        line(&mut ends.into_iter())
    );
    for row in curve {
        let [x, y] = axes.pixel(row.cores as f64, row.tick_ms);
        let p99 = axes.pixel(row.cores as f64, row.tick_p99_ms)[1];
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {y:.1} V{p99:.1}\" stroke=\"{colour}\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
        );
    }
    let [x, y] = axes.pixel(last.cores as f64, last.tick_ms);
    let efficiency = last.efficiency.map_or(String::new(), |efficiency| format!(" ({efficiency:.2})"));
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{} {}{efficiency}</text>",
        x + 10.0,
        y + 4.0,
        last.clients,
        last.layout
    );
}
