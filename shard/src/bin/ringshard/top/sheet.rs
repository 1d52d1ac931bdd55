//! A table with a title: a rule that bears it, a line of headings, and the rows.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// What catches the eye first.
pub const ACCENT: Color = Color::Cyan;
/// What is beside the point.
pub const ASIDE: Style = Style::new().add_modifier(Modifier::DIM);
/// Blank columns between two columns of a table, at most.
const GAP_MAX: u16 = 3;
/// Lines above the rows: the rule and the headings.
pub const HEAD_ROWS: u16 = 2;

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    heading: &'static str,
    width: u16,
    from: u16,
    alignment: Alignment,
    marked: bool,
}

impl Column {
    /// A column of numbers.
    pub const fn new(heading: &'static str, width: u16) -> Self {
        Column { heading, width, from: 0, alignment: Alignment::Right, marked: false }
    }

    /// A column of texts.
    pub const fn text(heading: &'static str, width: u16) -> Self {
        Column { alignment: Alignment::Left, ..Column::new(heading, width) }
    }

    /// One that is left out of a table narrower than this.
    pub const fn from(self, from: u16) -> Self {
        Column { from, ..self }
    }

    /// One whose heading stands out, if `marked`.
    pub const fn marked(self, marked: bool) -> Self {
        Column { marked, ..self }
    }

    fn title(&self) -> Line<'static> {
        match self.marked {
            true => Line::from(self.heading).fg(ACCENT).bold(),
            false => Line::styled(self.heading, ASIDE),
        }
    }
}

/// A table with a title.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// On the rule, to the left.
    pub title: Line<'static>,
    /// On the rule, to the right.
    pub aside: Line<'static>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, with a text for each column.
    pub rows: Vec<Vec<Line<'static>>>,
    /// What is said where there are no rows.
    pub empty: &'static str,
}

impl Sheet {
    /// Lines that it takes to show all of it.
    pub fn rows_needed(&self) -> u16 {
        // Nothing needs no headings.
        if self.rows.is_empty() { 2 } else { HEAD_ROWS + self.rows.len() as u16 }
    }
}

impl Widget for Sheet {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        rule(self.title.clone(), self.aside.clone(), area, buffer);
        let mut lines = area.rows().skip(1);
        if self.rows.is_empty() {
            if let Some(line) = lines.next() {
                Line::styled(self.empty, ASIDE).render(line, buffer);
            }
            return;
        }
        let places = self.places(area);
        if let Some(line) = lines.next() {
            print(line, &places, buffer, |at| self.columns[at].title());
        }
        for (line, row) in lines.zip(&self.rows) {
            print(line, &places, buffer, |at| row[at].clone());
        }
    }
}

/// Where a column stands on its lines.
struct Place {
    /// Which column.
    at: usize,
    x: u16,
    width: u16,
    alignment: Alignment,
}

impl Sheet {
    /// The columns that are shown in an area, with the gaps as wide as it allows.
    fn places(&self, area: Rect) -> Vec<Place> {
        let shown = || self.columns.iter().enumerate().filter(|(_, column)| column.from <= area.width);
        let widths: u16 = shown().map(|(_, column)| column.width).sum();
        let gaps = shown().count().saturating_sub(1).max(1) as u16;
        let gap = (area.width.saturating_sub(widths) / gaps).clamp(1, GAP_MAX);
        let mut x = area.x;
        let place = |(at, column): (usize, &Column)| {
            let place = Place { at, x, width: column.width, alignment: column.alignment };
            x = x.saturating_add(column.width + gap);
            place
        };
        let mut places: Vec<Place> = shown().map(place).collect();
        // A text at the end has what is left of the line.
        if let Some(last) = places.last_mut().filter(|last| last.alignment == Alignment::Left) {
            last.width = area.width;
        }
        places
    }
}

fn print(line: Rect, places: &[Place], buffer: &mut Buffer, cell: impl Fn(usize) -> Line<'static>) {
    for &Place { at, x, width, alignment } in places {
        let place = Rect { x, width, ..line }.intersection(line);
        cell(at).alignment(alignment).render(place, buffer);
    }
}

/// A rule across the first line of an area, with texts on it.
pub fn rule(title: Line<'static>, aside: Line<'static>, area: Rect, buffer: &mut Buffer) {
    let Some(line) = area.rows().next() else { return };
    Line::styled("─".repeat(line.width.into()), ASIDE).render(line, buffer);
    let width = |text: &Line<'_>| text.width() as u16;
    let inner = Rect { x: line.x.saturating_add(2), width: line.width.saturating_sub(4), ..line };
    let room = inner.width.saturating_sub(width(&title) + 2);
    padded(title, inner, buffer);
    // The title goes first where there is no room for both.
    if width(&aside) > 0 && width(&aside) + 2 <= room {
        let taken = width(&aside) + 2;
        padded(aside, Rect { x: inner.right() - taken, width: taken, ..inner }, buffer);
    }
}

fn padded(mut text: Line<'static>, area: Rect, buffer: &mut Buffer) {
    text.spans.insert(0, " ".into());
    text.spans.push(" ".into());
    let taken = Rect { width: text.width() as u16, ..area }.intersection(area);
    buffer.set_style(taken, Style::reset());
    text.render(area, buffer);
}
