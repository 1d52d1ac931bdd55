//! A drawing of a part of the map from above, as SVG: x to the right, y upwards.

/// The longer edge of the drawing, in pixels.
const EDGE: f64 = 900.0;
/// Space around the drawing, in pixels.
pub const MARGIN: f64 = 40.0;
/// Height of the legend above it, in pixels.
pub const LEGEND: f64 = 120.0;
/// The longest scale, in pixels.
const SCALE: f64 = EDGE / 4.0;
/// Stroke of the scale.
const LINE: &str = r##"stroke="#222222" stroke-width="1.5""##;

/// The part of the map that is drawn, and its place in the drawing.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Its corners, in units.
    pub(super) low: [f64; 2],
    pub(super) high: [f64; 2],
    /// Pixels per unit.
    pub(super) scale: f64,
}

impl Default for Sheet {
    /// Without any part of the map.
    fn default() -> Self {
        Sheet { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2], scale: 1.0 }
    }
}

impl Sheet {
    /// Takes in a circle around a point, in units.
    pub fn include(&mut self, point: [f64; 2], radius: f64) {
        for (axis, along) in point.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(along - radius);
            self.high[axis] = self.high[axis].max(along + radius);
        }
    }

    /// Chooses the scale, once everything is taken in.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        if self.low[0] > self.high[0] {
            self.include([0.0; 2], 1.0);
        }
        let span = (self.high[0] - self.low[0]).max(self.high[1] - self.low[1]);
        self.scale = EDGE / span.max(1e-3);
        self
    }

    /// Width and height of the drawing.
    fn pixels(&self) -> [f64; 2] {
        let [width, height] = [0, 1].map(|axis| (self.high[axis] - self.low[axis]) * self.scale + 2.0 * MARGIN);
        [width.max(EDGE + 2.0 * MARGIN), height + LEGEND]
    }

    /// Where a point is in the drawing.
    pub fn pixel(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x - self.low[0]) * self.scale + MARGIN, (self.high[1] - y) * self.scale + MARGIN + LEGEND]
    }

    /// The begin of the file. `</svg>` ends it.
    pub fn head(&self) -> String {
        let [width, height] = self.pixels();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        )
    }

    /// The scale, at the bottom of the legend: a round number of units.
    pub fn scale_bar(&self) -> String {
        let most = SCALE / self.scale;
        let ten = 10f64.powf(most.log10().floor());
        let units = [5.0, 2.0, 1.0].map(|times| times * ten).into_iter().find(|&units| units <= most).unwrap_or(ten);
        let pixels = units * self.scale;
        let text = MARGIN + pixels + 8.0;
        format!(
            "<path d=\"M{MARGIN} 84 v8 h{pixels:.2} v-8\" fill=\"none\" {LINE}/>\n\
             <text x=\"{text:.2}\" y=\"92\">{units} units; x to the right, y upwards</text>\n"
        )
    }
}
