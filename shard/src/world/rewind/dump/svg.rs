//! The drawing of a shot, from above.

use super::{DumpedEntity, DumpedPose, DumpedRay, RewindDump};
use crate::world::drawing::{MARGIN, Sheet};
use crate::world::rewind::hitbox::Hitbox;
use std::f64::consts::TAU;
use std::fmt::Write;

/// Fill and stroke of what is drawn, as attributes.
const PRESENT: &str = r##"fill="none" stroke="#999999" stroke-dasharray="3 3" opacity="0.6""##;
const REWOUND: &str = r##"fill="#3b78c2" fill-opacity="0.12" stroke="#3b78c2""##;
const MET: &str = r##"fill="#e08a1e" fill-opacity="0.35" stroke="#e08a1e""##;
const HIT: &str = r##"fill="#d2232a" fill-opacity="0.5" stroke="#d2232a" stroke-width="2""##;
const RAY: &str = r##"stroke="#222222" stroke-width="1.5""##;

impl RewindDump {
    /// A drawing from above, as SVG: x to the right, y upwards.
    pub fn to_svg(&self) -> String {
        let view = Sheet::around(self);
        let mut svg = String::new();
        self.draw(&view, &mut svg).expect("a string takes what is written to it");
        svg
    }

    fn draw(&self, view: &Sheet, svg: &mut String) -> std::fmt::Result {
        svg.push_str(&view.head());
        self.draw_legend(view, svg)?;
        for entity in &self.entities {
            if let Some(pose) = entity.present {
                view.draw_hitbox(svg, &entity.hitbox, &pose, PRESENT)?;
            }
        }
        // What was met is drawn last, above what was not.
        let mut rewound: Vec<_> = self.entities.iter().filter_map(|entity| Some((entity, entity.rewound?))).collect();
        rewound.sort_by_key(|(entity, _)| (entity.hit, entity.met_at.is_some()));
        for (entity, pose) in &rewound {
            view.draw_hitbox(svg, &entity.hitbox, pose, style(entity))?;
            view.draw_move(svg, entity, pose)?;
        }
        if let Some(ray) = &self.ray {
            view.draw_ray(svg, ray)?;
        }
        for (entity, pose) in &rewound {
            view.draw_name(svg, entity, pose)?;
        }
        writeln!(svg, "</svg>")
    }

    fn draw_legend(&self, view: &Sheet, svg: &mut String) -> std::fmt::Result {
        let claimed = self.claimed_tick.map_or("no number".to_string(), |tick| format!("{tick:.2}"));
        let back = self.now_tick as f64 - self.granted_tick;
        writeln!(
            svg,
            r#"<text x="{MARGIN}" y="20">present tick {}; claimed {claimed}; granted {:.2}, {back:.2} ticks back ({:?})</text>"#,
            self.now_tick, self.granted_tick, self.verdict
        )?;
        let hit = match self.ray.and_then(|ray| ray.hit_at) {
            Some(distance) => format!("hit at {distance:.1} units"),
            None => "no hit".to_string(),
        };
        let (shown, left_out) = (self.entities.len(), self.left_out);
        writeln!(
            svg,
            r#"<text x="{MARGIN}" y="38">{hit}; {shown} entities near the ray, {left_out} more left out</text>"#
        )?;
        let lines = [
            (HIT, "hitbox that was hit"),
            (MET, "hitbox that the ray meets"),
            (REWOUND, "hitbox at the granted tick"),
            (PRESENT, "hitbox at present"),
        ];
        for ((style, text), number) in lines.into_iter().zip(0..) {
            let x = MARGIN + 210.0 * f64::from(number);
            writeln!(svg, r#"<rect x="{x}" y="52" width="14" height="14" {style}/>"#)?;
            writeln!(svg, r#"<text x="{}" y="63">{text}</text>"#, x + 20.0)?;
        }
        svg.push_str(&view.scale_bar());
        Ok(())
    }
}

fn style(entity: &DumpedEntity) -> &'static str {
    match entity {
        DumpedEntity { hit: true, .. } => HIT,
        DumpedEntity { met_at: Some(_), .. } => MET,
        _ => REWOUND,
    }
}

impl Sheet {
    /// All entities, and the ray as far as the last of them.
    fn around(dump: &RewindDump) -> Sheet {
        let mut sheet = Sheet::default();
        for entity in &dump.entities {
            for pose in [entity.present, entity.rewound].into_iter().flatten() {
                sheet.include(flat(pose.point), entity.hitbox.radius().into());
            }
        }
        if let Some(ray) = &dump.ray {
            sheet.include(flat(ray.from), 0.0);
            sheet.include(end_of(ray, sheet.low, sheet.high), 0.0);
        }
        sheet.fitted()
    }

    fn draw_hitbox(&self, svg: &mut String, hitbox: &Hitbox, pose: &DumpedPose, style: &str) -> std::fmt::Result {
        let centre = flat(pose.point);
        match *hitbox {
            Hitbox::Sphere { radius, .. } | Hitbox::Capsule { radius, .. } => {
                let [x, y] = self.pixel(centre);
                let radius = f64::from(radius) * self.scale;
                writeln!(svg, r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius:.2}" {style}/>"#)
            }
            Hitbox::Box { half: [half_x, half_y, _], .. } => {
                let (sin, cos) = (f64::from(pose.rotation[0]) * TAU / 65_536.0).sin_cos();
                write!(svg, r#"<polygon points=""#)?;
                for (sign_x, sign_y) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
                    let (x, y) = (f64::from(half_x) * sign_x, f64::from(half_y) * sign_y);
                    let [x, y] = self.pixel([centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos]);
                    write!(svg, "{x:.2},{y:.2} ")?;
                }
                writeln!(svg, r#"" {style}/>"#)
            }
        }
    }

    /// From where an entity was to where it is.
    fn draw_move(&self, svg: &mut String, entity: &DumpedEntity, rewound: &DumpedPose) -> std::fmt::Result {
        let Some(present) = entity.present else { return Ok(()) };
        let ([x, y], [to_x, to_y]) = (self.pixel(flat(rewound.point)), self.pixel(flat(present.point)));
        writeln!(svg, r#"<line x1="{x:.2}" y1="{y:.2}" x2="{to_x:.2}" y2="{to_y:.2}" {PRESENT}/>"#)
    }

    fn draw_ray(&self, svg: &mut String, ray: &DumpedRay) -> std::fmt::Result {
        let ([x, y], [to_x, to_y]) = (self.pixel(flat(ray.from)), self.pixel(end_of(ray, self.low, self.high)));
        writeln!(svg, r#"<circle cx="{x:.2}" cy="{y:.2}" r="3"/>"#)?;
        writeln!(svg, r#"<line x1="{x:.2}" y1="{y:.2}" x2="{to_x:.2}" y2="{to_y:.2}" {RAY}/>"#)?;
        let Some(distance) = ray.hit_at else { return Ok(()) };
        let [x, y] = self.pixel(point_of(ray, distance.into()));
        writeln!(svg, r#"<path d="M{:.2} {:.2} l8 8 m0 -8 l-8 8" {RAY}/>"#, x - 4.0, y - 4.0)
    }

    fn draw_name(&self, svg: &mut String, entity: &DumpedEntity, pose: &DumpedPose) -> std::fmt::Result {
        let [x, y] = self.pixel(flat(pose.point));
        let DumpedEntity { index, generation, .. } = entity;
        writeln!(svg, r##"<text x="{x:.2}" y="{y:.2}" font-size="9" fill="#555555">{index}:{generation}</text>"##)
    }
}

fn flat([x, y, _]: [f32; 3]) -> [f64; 2] {
    [x.into(), y.into()]
}

fn point_of(ray: &DumpedRay, distance: f64) -> [f64; 2] {
    [0, 1].map(|axis| f64::from(ray.from[axis]) + f64::from(ray.direction[axis]) * distance)
}

/// The end of the part of a ray that is drawn: as far as there are entities, but at least as far as the hit.
fn end_of(ray: &DumpedRay, low: [f64; 2], high: [f64; 2]) -> [f64; 2] {
    let length = f64::from(ray.length);
    if low[0] > high[0] {
        return point_of(ray, length);
    }
    let corners = [[low[0], low[1]], [low[0], high[1]], [high[0], low[1]], [high[0], high[1]]];
    let farthest = corners.into_iter().map(|corner| {
        [0, 1]
            .map(|axis| (corner[axis] - f64::from(ray.from[axis])) * f64::from(ray.direction[axis]))
            .iter()
            .sum::<f64>()
    });
    let least = f64::from(ray.hit_at.unwrap_or(0.0));
    point_of(ray, farthest.fold(least, f64::max).min(length))
}
