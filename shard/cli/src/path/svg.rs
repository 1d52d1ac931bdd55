//! The drawing of a path, from above.

use ringshard::ops::path::{PathReport, PathStep};
use ringshard::world::drawing::{MARGIN, Sheet};
use std::fmt::Write;

/// Fill and stroke of what is drawn, as attributes.
const SERVER: &str = r##"fill="none" stroke="#3b78c2" stroke-width="2""##;
const STEPPED: &str = r##"fill="none" stroke="#e08a1e" stroke-width="1.5" stroke-dasharray="4 3""##;
const CHANGED: &str = r##"fill="none" stroke="#d2232a" stroke-width="1""##;
const REFUSED: &str = r##"fill="none" stroke="#d2232a" stroke-width="2""##;
const MISSED: &str = r##"fill="#999999" stroke="none""##;
const NAME: &str = r##"font-size="9" fill="#d2232a""##;
/// Two points that are closer than this are drawn as one, in units.
const SAME: f64 = 0.5;
/// Around a path there is this much of the map, in units.
const AROUND: f64 = 50.0;

/// The path as SVG: where its player's steps took it, where the server has it, and what was refused.
pub fn draw(path: &PathReport) -> String {
    let mut sheet = Sheet::default();
    for step in &path.ticks {
        sheet.include(flat(step.stepped), AROUND);
        sheet.include(flat(step.settled), AROUND);
    }
    let sheet = sheet.fitted();
    let mut svg = sheet.head();
    write(&sheet, path, &mut svg).expect("a string takes what is written to it");
    svg
}

/// The path in one line.
pub fn summary(path: &PathReport) -> String {
    let changed = path.ticks.iter().filter(|step| is_changed(step)).count();
    let moved = path.ticks.iter().filter(|step| step.moved).count();
    let missed = path.ticks.iter().filter(|step| step.missed).count();
    let refused: usize = path.ticks.iter().map(|step| step.refused.len()).sum();
    format!(
        "player {} on core {}, {} ticks: {changed} corrected in a step, {moved} moved between steps, {missed} without input, \
         {refused} refusals",
        path.player,
        path.core,
        path.ticks.len()
    )
}

fn write(sheet: &Sheet, path: &PathReport, svg: &mut String) -> std::fmt::Result {
    legend(sheet, path, svg)?;
    line(sheet, path.ticks.iter().map(|step| (step.stepped, step.moved)), STEPPED, svg)?;
    line(sheet, path.ticks.iter().map(|step| (step.settled, step.moved)), SERVER, svg)?;
    for step in &path.ticks {
        let ([x, y], [to_x, to_y]) = (sheet.pixel(flat(step.stepped)), sheet.pixel(flat(step.settled)));
        if is_changed(step) {
            writeln!(svg, r#"<path d="M{x:.1} {y:.1} L{to_x:.1} {to_y:.1}" {CHANGED}/>"#)?;
        }
        if step.missed {
            writeln!(svg, r#"<circle cx="{to_x:.1}" cy="{to_y:.1}" r="1.5" {MISSED}/>"#)?;
        }
        if step.moved {
            writeln!(svg, r#"<circle cx="{to_x:.1}" cy="{to_y:.1}" r="5" {SERVER}/>"#)?;
        }
        if !step.refused.is_empty() {
            writeln!(svg, r#"<path d="M{:.1} {:.1} l8 8 m0 -8 l-8 8" {REFUSED}/>"#, x - 4.0, y - 4.0)?;
        }
    }
    names(sheet, path, svg)?;
    ends(sheet, path, svg)?;
    writeln!(svg, "</svg>")
}

fn legend(sheet: &Sheet, path: &PathReport, svg: &mut String) -> std::fmt::Result {
    let ticks = path.ticks.first().zip(path.ticks.last());
    let ticks = ticks.map_or(String::new(), |(first, last)| format!("ticks {} to {}", first.tick, last.tick));
    writeln!(svg, r#"<text x="{MARGIN}" y="20">{}</text>"#, summary(path))?;
    writeln!(svg, r#"<text x="{MARGIN}" y="38">{ticks}</text>"#)?;
    let lines = [
        (SERVER, "where the server has it"),
        (STEPPED, "where its steps took it"),
        (CHANGED, "corrected by the server"),
        (REFUSED, "refused"),
    ];
    for ((style, text), number) in lines.into_iter().zip(0..) {
        let x = MARGIN + 210.0 * f64::from(number);
        writeln!(svg, r#"<path d="M{x} 59 h16" {style}/><text x="{}" y="63">{text}</text>"#, x + 22.0)?;
    }
    let x = MARGIN + 5.0;
    writeln!(
        svg,
        r#"<circle cx="{x}" cy="106" r="5" {SERVER}/><text x="{}" y="110">moved between steps</text>"#,
        x + 17.0
    )?;
    let x = MARGIN + 215.0;
    writeln!(
        svg,
        r#"<circle cx="{x}" cy="106" r="1.5" {MISSED}/><text x="{}" y="110">no input in time</text>"#,
        x + 17.0
    )?;
    svg.push_str(&sheet.scale_bar());
    Ok(())
}

/// A line through points. It begins anew where the server has moved the player.
fn line(
    sheet: &Sheet,
    points: impl Iterator<Item = ([f32; 3], bool)>,
    style: &str,
    svg: &mut String,
) -> std::fmt::Result {
    let mut drawn: Option<[f64; 2]> = None;
    write!(svg, r#"<path d=""#)?;
    for (point, is_new) in points {
        let pixel @ [x, y] = sheet.pixel(flat(point));
        let is_far = drawn.is_none_or(|[from_x, from_y]| (from_x - x).hypot(from_y - y) >= SAME);
        if is_far || is_new {
            let letter = if drawn.is_none() || is_new { 'M' } else { 'L' };
            write!(svg, "{letter}{x:.1} {y:.1} ")?;
            drawn = Some(pixel);
        }
    }
    writeln!(svg, r#"" {style}/>"#)
}

/// The reasons of refusals. Of the same ones in a row, the first.
fn names(sheet: &Sheet, path: &PathReport, svg: &mut String) -> std::fmt::Result {
    let mut named: &[String] = &[];
    for step in path.ticks.iter().filter(|step| !step.refused.is_empty()) {
        if step.refused != named {
            let [x, y] = sheet.pixel(flat(step.stepped));
            writeln!(svg, r#"<text x="{:.1}" y="{:.1}" {NAME}>{}</text>"#, x + 7.0, y - 5.0, step.refused.join(", "))?;
            named = &step.refused;
        }
    }
    Ok(())
}

fn ends(sheet: &Sheet, path: &PathReport, svg: &mut String) -> std::fmt::Result {
    let (Some(first), Some(last)) = (path.ticks.first(), path.ticks.last()) else { return Ok(()) };
    for (step, text) in [(first, "begin"), (last, "end")] {
        let [x, y] = sheet.pixel(flat(step.settled));
        writeln!(
            svg,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="3"/><text x="{:.1}" y="{:.1}">{text}</text>"#,
            x + 6.0,
            y + 14.0
        )?;
    }
    Ok(())
}

fn is_changed(step: &PathStep) -> bool {
    step.stepped != step.settled
}

fn flat([x, y, _]: [f32; 3]) -> [f64; 2] {
    [x.into(), y.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(tick: u64, stepped: f32, settled: f32) -> PathStep {
        let at = |x: f32| [x, 10.0, 0.0];
        PathStep { tick, stepped: at(stepped), settled: at(settled), moved: false, missed: false, refused: Vec::new() }
    }

    #[test]
    fn a_drawing_has_both_paths_the_corrections_the_refusals_and_a_scale() {
        let refused = PathStep { refused: vec!["wall".into()], ..step(2, 300.0, 110.0) };
        let moved = PathStep { moved: true, missed: true, ..step(3, 500.0, 500.0) };
        let ticks = vec![step(1, 100.0, 100.0), refused, moved];
        let path = PathReport { player: "3.1".into(), core: 0, ticks };
        let svg = draw(&path);
        for part in ["player 3.1", "ticks 1 to 3", "1 corrected", "1 moved", "1 without input", "1 refusals"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg.matches(CHANGED).count(), 2, "one correction, and the legend");
        assert_eq!(svg.matches(REFUSED).count(), 2, "one refusal, and the legend");
        assert!(svg.contains(">wall<") && svg.contains("units;") && svg.ends_with("</svg>\n"));
        let inside = |text: &str| text.parse::<f64>().is_ok_and(|pixel| (0.0..2_000.0).contains(&pixel));
        let x: Vec<&str> = svg.split("cx=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(x.len() > 4 && x.into_iter().all(inside));
    }

    #[test]
    fn a_player_that_stands_still_is_drawn_too() {
        let path = PathReport { player: "3.1".into(), core: 0, ticks: vec![step(1, 5.0, 5.0); 600] };
        let svg = draw(&path);
        assert!(svg.len() < 4_000 && !svg.contains("NaN"), "{svg}");
    }
}
