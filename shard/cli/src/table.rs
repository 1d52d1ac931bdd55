//! A table: a rule with the title, a line of headings, and the rows.
//!
//! If a line has no room for all columns, those of the highest rank are left out first. A cell is cut only if its column alone
//! is wider than the line; an ellipsis marks the cut.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// Colour of what is most important.
pub const ACCENT: Color = Color::Cyan;
/// Style of what is less important.
pub const DIMMED: Style = Style::new().add_modifier(Modifier::DIM);
/// Widest gap between two columns.
const GAP_MAX: u16 = 3;
/// Narrowest gap between two columns.
const GAP_MIN: u16 = 1;
/// Lines above the rows: the rule and the headings.
pub const HEAD_ROWS: u16 = 2;

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    heading: &'static str,
    width_min: u16,
    rank: u8,
    alignment: Alignment,
    marked: bool,
}

impl Column {
    /// A column of numbers, at least `width_min` wide, and as wide as its widest cell.
    pub const fn new(heading: &'static str, width_min: u16) -> Self {
        Column { heading, width_min, rank: 0, alignment: Alignment::Right, marked: false }
    }

    /// A column of texts.
    pub const fn text(heading: &'static str, width_min: u16) -> Self {
        Column { alignment: Alignment::Left, ..Column::new(heading, width_min) }
    }

    /// Sets the rank: columns of the highest rank are left out first, those of rank 0 never. Columns of one rank stay or go
    /// together.
    pub const fn rank(self, rank: u8) -> Self {
        Column { rank, ..self }
    }

    /// Marks the column by which the rows are sorted: its heading stands out, and it is never left out.
    pub const fn marked(self, marked: bool) -> Self {
        Column { marked, rank: if marked { 0 } else { self.rank }, ..self }
    }

    fn title(&self) -> Line<'static> {
        match self.marked {
            true => Line::from(self.heading).fg(ACCENT).bold(),
            false => Line::styled(self.heading, DIMMED),
        }
    }
}

/// A table with a title.
#[derive(Clone, Debug)]
pub struct Table {
    /// Left on the rule.
    pub title: Line<'static>,
    /// Right on the rule.
    pub aside: Line<'static>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, with a text for each column.
    pub rows: Vec<Vec<Line<'static>>>,
    /// The text if there are no rows.
    pub empty: &'static str,
}

impl Table {
    /// Lines that the whole table needs.
    pub fn rows_needed(&self) -> u16 {
        // Without rows, there are no headings.
        if self.rows.is_empty() { 2 } else { HEAD_ROWS + self.rows.len() as u16 }
    }

    /// Width that the whole table needs.
    pub fn columns_needed(&self) -> u16 {
        let gaps = self.columns.len().saturating_sub(1) as u16 * GAP_MAX;
        let titles = self.title.width() + self.aside.width() + 10;
        (self.widths().sum::<u16>() + gaps).max(titles as u16).max(self.empty.len() as u16)
    }

    /// The table as plain text, as wide as the terminal; as wide as it needs if standard output is not a terminal.
    pub fn page(self) -> String {
        let columns = terminal_columns().unwrap_or_else(|| self.columns_needed());
        let rows = self.rows_needed();
        text(self, columns, rows)
    }

    fn widths(&self) -> impl Iterator<Item = u16> {
        let columns = self.columns.len();
        assert!(
            self.rows.iter().all(|row| row.len() == columns),
            "a row has another number of cells than there are columns"
        );
        self.columns.iter().enumerate().map(|(at, column)| {
            let cells = self.rows.iter().map(|row| row[at].width() as u16).max().unwrap_or(0);
            cells.max(column.width_min).max(column.heading.chars().count() as u16)
        })
    }
}

/// Width of the terminal; None if standard output is not a terminal.
pub fn terminal_columns() -> Option<u16> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(columns, _)| columns.0).filter(|columns| *columns > 0)
}

/// What a widget draws, without colours and without blanks at line ends.
pub fn text(widget: impl Widget, columns: u16, rows: u16) -> String {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    widget.render(area, &mut buffer);
    let mut text = String::new();
    for row in area.rows() {
        let line: String = row.columns().map(|cell| buffer[(cell.x, cell.y)].symbol().to_owned()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

impl Widget for Table {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        rule(self.title.clone(), self.aside.clone(), area, buffer);
        let mut lines = area.rows().skip(1);
        if self.rows.is_empty() {
            if let Some(line) = lines.next() {
                Line::styled(self.empty, DIMMED).render(line, buffer);
            }
            return;
        }
        let positions = self.positions(area);
        if let Some(line) = lines.next() {
            print(line, &positions, buffer, |at| self.columns[at].title());
        }
        for (line, row) in lines.zip(&self.rows) {
            print(line, &positions, buffer, |at| row[at].clone());
        }
    }
}

/// The position of a column.
struct Position {
    /// Its index.
    at: usize,
    x: u16,
    width: u16,
    alignment: Alignment,
}

impl Table {
    /// The positions of the columns that an area has room for, with gaps as wide as possible.
    fn positions(&self, area: Rect) -> Vec<Position> {
        let widths: Vec<u16> = self.widths().collect();
        let shown = self.shown(&widths, area.width);
        let taken: u16 = shown.iter().map(|&at| widths[at]).sum();
        let gaps = shown.len().saturating_sub(1).max(1) as u16;
        let gap = (area.width.saturating_sub(taken) / gaps).clamp(GAP_MIN, GAP_MAX);
        let mut x = area.x;
        let position = |at: usize| {
            let position = Position { at, x, width: widths[at], alignment: self.columns[at].alignment };
            x = x.saturating_add(widths[at] + gap);
            position
        };
        shown.into_iter().map(position).collect()
    }

    /// The indices of the columns that a line has room for, in order.
    fn shown(&self, widths: &[u16], room: u16) -> Vec<usize> {
        let mut ranks: Vec<u8> = self.columns.iter().map(|column| column.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let mut shown: Vec<usize> = Vec::new();
        for rank in ranks {
            let more = (0..self.columns.len()).filter(|at| self.columns[*at].rank == rank);
            let with_it: Vec<usize> = shown.iter().copied().chain(more).collect();
            let needed: u16 = with_it.iter().map(|&at| widths[at] + GAP_MIN).sum();
            if rank == 0 || needed <= room.saturating_add(GAP_MIN) {
                shown = with_it;
            }
        }
        shown.sort_unstable();
        shown
    }
}

fn print(line: Rect, positions: &[Position], buffer: &mut Buffer, cell: impl Fn(usize) -> Line<'static>) {
    for &Position { at, x, width, alignment } in positions {
        let room = Rect { x, width, ..line }.intersection(line);
        let cell = cell(at);
        let is_cut = cell.width() > room.width.into();
        // Left-aligned, so that a number keeps its first digits.
        cell.alignment(if is_cut { Alignment::Left } else { alignment }).render(room, buffer);
        if is_cut && room.width > 0 {
            buffer[(room.right() - 1, room.y)].set_symbol("…");
        }
    }
}

/// Draws a rule across the first line of an area, with texts on it.
pub fn rule(title: Line<'static>, aside: Line<'static>, area: Rect, buffer: &mut Buffer) {
    let Some(line) = area.rows().next() else { return };
    Line::styled("─".repeat(line.width.into()), DIMMED).render(line, buffer);
    let width = |text: &Line<'_>| text.width() as u16;
    let inner = Rect { x: line.x.saturating_add(2), width: line.width.saturating_sub(4), ..line };
    let room = inner.width.saturating_sub(width(&title) + 2);
    padded(title, inner, buffer);
    // If there is no room for both, only the title is shown.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(address: &'static str) -> Table {
        let columns = vec![
            Column::text("address", 10),
            Column::new("rate", 6).rank(2),
            Column::new("loss", 6).rank(1),
            Column::new("age", 6).rank(3).marked(true),
        ];
        let row = [address, "12.3k", "0.1%", "1m 01s"].map(Line::from).to_vec();
        Table { title: "few".into(), aside: Line::default(), columns, rows: vec![row], empty: "" }
    }

    fn lines(table: Table, columns: u16) -> Vec<String> {
        text(table, columns, 3).lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_that_do_not_fit_are_left_out_by_rank_and_none_is_cut() {
        assert_eq!(
            lines(sample("192.0.2.1"), 31)[1..],
            ["address      rate   loss    age", "192.0.2.1   12.3k   0.1% 1m 01s"]
        );
        assert_eq!(lines(sample("192.0.2.1"), 30)[1], "address        loss      age");
        assert_eq!(
            lines(sample("192.0.2.1"), 23)[1],
            "address         age",
            "the order's column stays, whatever its rank"
        );
        assert_eq!(lines(sample("[2001:db8::1]:40000"), 33)[2], "[2001:db8::1]:40000   0.1% 1m 01s");
    }

    #[test]
    fn a_cut_cell_is_marked_and_no_line_is_longer_than_the_terminal() {
        for columns in 0..60 {
            let lines = lines(sample("[2001:db8::1]:40000"), columns);
            assert!(lines.iter().all(|line| line.chars().count() <= columns.into()), "{columns}: {lines:?}");
        }
        assert_eq!(lines(sample("[2001:db8::1]:40000"), 12)[2], "[2001:db8::…");
        assert_eq!(lines(sample("[2001:db8::1]:40000"), 23)[2], "[2001:db8::1]:40000 1m…");
    }

    #[test]
    fn a_table_fits_into_the_width_that_it_needs() {
        let needed = sample("[2001:db8::1]:40000").columns_needed();
        let lines = lines(sample("[2001:db8::1]:40000"), needed);
        assert!(["address", "rate", "loss", "age"].iter().all(|heading| lines[1].contains(heading)), "{lines:?}");
    }
}
