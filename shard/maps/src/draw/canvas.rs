//! Pixels over a map, with a height each: what is higher hides what is lower.

/// Red, green and blue.
pub(super) type Color = [u8; 3];

pub(super) struct Canvas {
    /// Pixels along x and y.
    counts: [u32; 2],
    /// Edge of a pixel, in units.
    pixel: [f32; 2],
    colors: Vec<Color>,
    heights: Vec<f32>,
}

impl Canvas {
    /// A canvas over a map of `size` units, whose longer side has `longer` pixels.
    pub(super) fn new(size: [f32; 2], longer: u32) -> Canvas {
        let most = size[0].max(size[1]);
        let counts = size.map(|length| ((length / most * longer as f32).round() as u32).max(1));
        let pixel = [0, 1].map(|axis| size[axis] / counts[axis] as f32);
        let count = counts[0] as usize * counts[1] as usize;
        Canvas { counts, pixel, colors: vec![[0; 3]; count], heights: vec![f32::MIN; count] }
    }

    /// The middle of a pixel, in units. The first row is that of the highest y.
    fn middle(&self, [x, y]: [u32; 2]) -> [f32; 2] {
        let up = self.counts[1] - 1 - y;
        [(x as f32 + 0.5) * self.pixel[0], (up as f32 + 0.5) * self.pixel[1]]
    }

    /// The place of a point, in pixels from the upper left corner.
    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x / self.pixel[0], self.counts[1] as f32 - y / self.pixel[1]]
    }

    fn at(&self, [x, y]: [u32; 2]) -> usize {
        y as usize * self.counts[0] as usize + x as usize
    }

    /// The pixels between two places, as far as there are any.
    fn range(&self, axis: usize, from: f32, to: f32) -> std::ops::Range<u32> {
        // The casts take negative numbers to 0.
        (from.floor() as u32).min(self.counts[axis])..(to.ceil() as u32).min(self.counts[axis])
    }

    /// Gives every pixel a colour and a height, by the point in its middle.
    pub(super) fn fill(&mut self, of: impl Fn([f32; 2]) -> (Color, f32)) {
        for y in 0..self.counts[1] {
            for x in 0..self.counts[0] {
                let at = self.at([x, y]);
                (self.colors[at], self.heights[at]) = of(self.middle([x, y]));
            }
        }
    }

    fn set_if_higher(&mut self, pixel: [u32; 2], height: f32, color: Color) {
        let at = self.at(pixel);
        if height >= self.heights[at] {
            (self.heights[at], self.colors[at]) = (height, color);
        }
    }

    /// Draws a triangle. The pixels under its corners show it, so that small ones are seen.
    pub(super) fn triangle(&mut self, corners: &[[f32; 3]; 3], color: Color) {
        let places = corners.map(|[x, y, _]| self.place([x, y]));
        let [a, b, c] = places;
        let bounds = |axis: usize| (a[axis].min(b[axis]).min(c[axis]), a[axis].max(b[axis]).max(c[axis]));
        let ((left, right), (top, bottom)) = (bounds(0), bounds(1));
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        for y in self.range(1, top, bottom) {
            for x in self.range(0, left, right) {
                let at = [x as f32 + 0.5, y as f32 + 0.5];
                let part = |from: [f32; 2], to: [f32; 2]| {
                    ((to[0] - from[0]) * (at[1] - from[1]) - (to[1] - from[1]) * (at[0] - from[0])) / area
                };
                let parts = [part(b, c), part(c, a), part(a, b)];
                if parts.iter().all(|part| *part >= 0.0) {
                    let height = (0..3).map(|corner| parts[corner] * corners[corner][2]).sum();
                    self.set_if_higher([x, y], height, color);
                }
            }
        }
        for (place, corner) in places.iter().zip(corners) {
            let pixel = [0, 1].map(|axis| (place[axis] as u32).min(self.counts[axis] - 1));
            self.set_if_higher(pixel, corner[2], color);
        }
    }

    /// Draws a disc around a point.
    pub(super) fn dot(&mut self, point: [f32; 2], radius: u32, color: Color) {
        let ([x, y], radius) = (self.place(point), radius as f32);
        for row in self.range(1, y - radius, y + radius) {
            for column in self.range(0, x - radius, x + radius) {
                let (across, down) = (column as f32 + 0.5 - x, row as f32 + 0.5 - y);
                if across * across + down * down <= radius * radius {
                    let at = self.at([column, row]);
                    self.colors[at] = color;
                }
            }
        }
    }

    /// Draws a line, one pixel wide.
    pub(super) fn line(&mut self, from: [f32; 2], to: [f32; 2], color: Color) {
        // Ends outside the picture would make it long.
        let inside = |[x, y]: [f32; 2]| [x.clamp(0.0, self.counts[0] as f32), y.clamp(0.0, self.counts[1] as f32)];
        let (from, to) = (inside(self.place(from)), inside(self.place(to)));
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0) as u32;
        for step in 0..=steps {
            let part = step as f32 / steps as f32;
            let place = [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * part);
            let at = self.at([0, 1].map(|axis| (place[axis] as u32).min(self.counts[axis] - 1)));
            self.colors[at] = color;
        }
    }

    /// Hatches a rectangle.
    pub(super) fn hatch(&mut self, low: [f32; 2], high: [f32; 2], color: Color) {
        let ([left, bottom], [right, top]) = (self.place(low), self.place(high));
        for y in self.range(1, top, bottom) {
            for x in self.range(0, left, right) {
                if (x + y).is_multiple_of(6) {
                    let at = self.at([x, y]);
                    self.colors[at] = color;
                }
            }
        }
    }

    /// The picture as a PNG file.
    pub(super) fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.counts[0], self.counts[1]);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("the size is possible");
        writer.write_image_data(self.colors.as_flattened()).expect("the size is right");
        writer.finish().expect("memory can be written");
        file
    }
}
