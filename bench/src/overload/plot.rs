//! Round trips and rates by load, as SVG: two panels, before and after side by side.

use super::report::Phase;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const PANEL: f64 = 200.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const GAP: f64 = 70.0;
const BEFORE: &str = "#c2410c";
const AFTER: &str = "#0f766e";

/// The least and the greatest round trip that is drawn, in milliseconds: the axis is logarithmic.
const ROUND_TRIPS: [f64; 2] = [10.0, 10_000.0];
const RATE_MAX: f64 = 60.0;

type Height = fn(&Phase) -> f64;

/// Draws the phases of two runs.
pub fn draw(before: &[Phase], after: &[Phase]) -> String {
    let mut svg = String::new();
    let height = TOP + 2.0 * PANEL + GAP + 50.0;
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#ffffff"/>"##
    );
    let round_trip: Height = |phase| {
        let [low, high] = ROUND_TRIPS;
        (phase.round_trip_p99_ms.clamp(low, high) / low).log10() / (high / low).log10()
    };
    let rate: Height = |phase| (phase.inputs_hz / RATE_MAX).min(1.0);
    let round_trips = [10.0, 100.0, 1_000.0, 10_000.0].map(|ms: f64| ((ms / 10.0).log10() / 3.0, format!("{ms} ms")));
    let rates = [0.0, 20.0, 40.0, 60.0].map(|hz| (hz / RATE_MAX, format!("{hz}/s")));
    panel(&mut svg, TOP, "p99 round trip, input to snapshot (logarithmic)", &round_trips, [before, after], round_trip);
    panel(&mut svg, TOP + PANEL + GAP, "inputs per second and player in time", &rates, [before, after], rate);
    svg + "</svg>\n"
}

fn panel(
    svg: &mut String,
    top: f64,
    title: &str,
    marks: &[(f64, String)],
    [before, after]: [&[Phase]; 2],
    height: Height,
) {
    let bottom = top + PANEL;
    let _ = writeln!(svg, r##"<text x="{LEFT}" y="{}" font-weight="bold">{title}</text>"##, top - 12.0);
    for (at, label) in marks {
        let y = bottom - at * PANEL;
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{}" stroke="#dddddd"/><text x="{}" y="{:.1}" text-anchor="end" fill="#555555">{label}</text>"##,
            WIDTH - 20.0,
            LEFT - 6.0,
            y + 4.0
        );
    }
    let step = (WIDTH - 20.0 - LEFT) / after.len().max(1) as f64;
    for (number, phase) in after.iter().enumerate() {
        let x = LEFT + step * (number as f64 + 0.5);
        let former = before.iter().find(|former| (former.load - phase.load).abs() < 1e-9);
        bar(svg, x - step * 0.3, bottom, step * 0.28, former.map_or(0.0, height), BEFORE);
        bar(svg, x + step * 0.02, bottom, step * 0.28, height(phase), AFTER);
        let _ = writeln!(
            svg,
            r##"<text x="{x:.1}" y="{}" text-anchor="middle">{:.1} x</text>"##,
            bottom + 18.0,
            phase.load
        );
    }
    for (at, (text, color)) in [("before", BEFORE), ("after", AFTER)].into_iter().enumerate() {
        let x = WIDTH - 180.0 + 80.0 * at as f64;
        let _ = writeln!(svg, r##"<text x="{x}" y="{}" fill="{color}">{text}</text>"##, top - 12.0);
    }
}

fn bar(svg: &mut String, x: f64, bottom: f64, width: f64, share: f64, color: &str) {
    let tall = share * PANEL;
    let _ = writeln!(
        svg,
        r##"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="{tall:.1}" fill="{color}"/>"##,
        bottom - tall
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_load_has_its_bars_inside_the_drawing() {
        let phase = |load: f64, round_trip: f64| Phase {
            load,
            players: 1,
            inputs_hz: 30.0,
            messages_hz: 0.0,
            snapshots_hz: 0.0,
            snapshots_hz_least: 0.0,
            age_p50_ms: 0.0,
            age_p99_ms: 0.0,
            round_trip_p50_ms: 0.0,
            round_trip_p99_ms: round_trip,
            dropped_hz: 0.0,
            kernel_drops_hz: 0.0,
            ticks_skipped: 0,
            players_dropped: 0,
            shed_level: 0,
        };
        let svg = draw(&[phase(2.0, 1e9)], &[phase(1.0, 0.1), phase(2.0, 100.0)]);
        assert_eq!(svg.matches("<rect x=").count(), 8);
        assert!(svg.contains(r#"height="200.0""#) && !svg.contains("NaN"), "{svg}");
    }
}
