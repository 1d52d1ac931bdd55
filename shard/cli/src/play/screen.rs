//! What is drawn: the surroundings from above, the player's variables, and what the game says.

use super::session::Session;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};
use ringshard_client::Pose;
use ringshard_scripts_rules::{OWN_VARIABLES, Shown};
use ringshard_terrain::Terrain;

/// How kinds of entities are drawn. Others are drawn as the first letters of their names.
const SIGNS: [char; 16] = ['·', '@', '*', '$', '#', '%', '&', '+', '=', '~', 'x', 'o', '^', '!', '?', '"'];
const COLOURS: [Color; 8] =
    [Color::Gray, Color::Cyan, Color::Yellow, Color::Magenta, Color::Red, Color::Green, Color::Blue, Color::White];
/// The kind of players.
const PLAYER: u8 = 1;
/// Units between two marks on the ground.
const MARKS: f32 = 1_000.0;
/// How steep the ground must be to be drawn so: the rise per unit.
const STEEP: f32 = 0.3;

/// What the player types, and how it looks at the world.
pub struct Screen {
    /// The line that is being typed, if any.
    pub line: Option<String>,
    /// Units per column; a row has twice as many.
    pub zoom: f32,
}

impl Default for Screen {
    fn default() -> Self {
        Screen { line: None, zoom: 100.0 }
    }
}

impl Screen {
    pub fn draw(&self, frame: &mut Frame<'_>, session: &Session) {
        let rows = Layout::vertical([Constraint::Min(5), Constraint::Length(8), Constraint::Length(1)]);
        let [top, news, line] = rows.areas(frame.area());
        let [world, side] = Layout::horizontal([Constraint::Min(20), Constraint::Length(24)]).areas(top);
        let block = Block::bordered().title(" arrows or wasd, space, 1-9, Enter to talk, + - to zoom, q to leave ");
        let inner = block.inner(world);
        frame.render_widget(block, world);
        self.draw_world(frame.buffer_mut(), inner, session);
        frame.render_widget(side_of(session), side);
        let lines: Vec<_> =
            session.lines.iter().rev().take(news.height.into()).rev().map(|it| Line::raw(it.as_str())).collect();
        frame.render_widget(Paragraph::new(lines), news);
        if let Some(typed) = &self.line {
            frame.render_widget(Paragraph::new(format!("> {typed}_")), line);
        }
    }

    fn draw_world(&self, buffer: &mut Buffer, area: Rect, session: &Session) {
        let scene = session.udp.client().scene();
        let Some(own) = scene.own_pose() else { return };
        let terrain = session.udp.client().rules().terrain();
        let view = View { area, middle: own.point, zoom: self.zoom };
        view.draw_ground(buffer, terrain);
        let mut others: Vec<_> = scene.others().collect();
        // Players are drawn over everything else.
        others.sort_by_key(|(_, _, shown)| shown.kind == PLAYER);
        for (_, pose, shown) in others {
            view.put(buffer, &pose, sign(shown), Style::new().fg(colour(shown)));
        }
        view.put(buffer, &own, '@', Style::new().fg(Color::White).bg(Color::Blue));
    }
}

/// The part of the world that is drawn.
struct View {
    area: Rect,
    middle: [f32; 3],
    zoom: f32,
}

impl View {
    /// The point at a place of the area.
    fn point(&self, column: u16, row: u16) -> [f32; 2] {
        let right = f32::from(column) - f32::from(self.area.width / 2);
        let down = f32::from(row) - f32::from(self.area.height / 2);
        [self.middle[0] + right * self.zoom, self.middle[1] - down * self.zoom * 2.0]
    }

    fn draw_ground(&self, buffer: &mut Buffer, terrain: &Terrain) {
        let [width, depth, _] = terrain.map().size();
        for row in 0..self.area.height {
            for column in 0..self.area.width {
                let [x, y] = self.point(column, row);
                let (height, [slope_x, slope_y]) = terrain.ground(x, y);
                let is_mark = |at: f32, step: f32| at.rem_euclid(MARKS) < step;
                let (sign, colour) = if !(0.0..=width).contains(&x) || !(0.0..=depth).contains(&y) {
                    ('/', Color::DarkGray)
                } else if terrain.water_surface([x, y, height]).is_some() {
                    ('~', Color::Blue)
                } else if slope_x.hypot(slope_y) > STEEP {
                    ('^', Color::DarkGray)
                } else if is_mark(x, self.zoom) && is_mark(y, self.zoom * 2.0) {
                    ('.', Color::DarkGray)
                } else {
                    continue;
                };
                let cell = (self.area.x + column, self.area.y + row);
                buffer[cell].set_char(sign).set_style(Style::new().fg(colour));
            }
        }
    }

    fn put(&self, buffer: &mut Buffer, pose: &Pose, sign: char, style: Style) {
        let right = ((pose.point[0] - self.middle[0]) / self.zoom).round() + f32::from(self.area.width / 2);
        let down = ((self.middle[1] - pose.point[1]) / (self.zoom * 2.0)).round() + f32::from(self.area.height / 2);
        let is_inside =
            (0.0..f32::from(self.area.width)).contains(&right) && (0.0..f32::from(self.area.height)).contains(&down);
        if is_inside {
            let cell = (self.area.x + right as u16, self.area.y + down as u16);
            buffer[cell].set_char(sign).set_style(style);
        }
    }
}

fn sign(shown: &Shown) -> char {
    let letter = shown.name.as_str().chars().find(|letter| letter.is_alphanumeric());
    match (shown.kind, letter) {
        (PLAYER, Some(letter)) => letter,
        (kind, _) if usize::from(kind) < SIGNS.len() => SIGNS[usize::from(kind)],
        (_, letter) => letter.unwrap_or('?'),
    }
}

fn colour(shown: &Shown) -> Color {
    COLOURS[usize::from(shown.kind) % COLOURS.len()]
}

/// The player's own variables, and how the connection is.
fn side_of(session: &Session) -> Paragraph<'_> {
    let scene = session.udp.client().scene();
    let mut lines = vec![Line::raw(format!("{:.0} ms", session.round_trip_ms()))];
    if let Some(pose) = scene.own_pose() {
        let [x, y, z] = pose.point.map(|axis| axis / 100.0);
        lines.push(Line::raw(format!("at {x:.0}, {y:.0}, {z:.0}")));
    }
    lines.push(Line::raw(format!("in sight: {}", scene.others().count())));
    lines.push(Line::raw(""));
    let own = scene.own().map_or([0; OWN_VARIABLES], |own| own.variables);
    let used = own.iter().enumerate().filter(|(_, value)| **value != 0);
    lines.extend(used.map(|(place, value)| Line::raw(format!("{:>2}: {value}", place + 1))));
    let players = scene.others().filter(|(_, _, shown)| shown.kind == PLAYER);
    lines.extend(players.take(12).map(|(_, _, shown)| {
        Line::raw(format!("{} {}", shown.name.as_str().replace(char::is_control, " "), shown.variables[0]))
    }));
    Paragraph::new(lines).block(Block::bordered().title(" you "))
}
