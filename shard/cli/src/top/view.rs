//! The layout of the screen.

use super::screen::Screen;
use super::tables::{cores, drops, refusals, talkers};
use crate::table::{ACCENT, DIMMED, HEAD_ROWS, Table, rule};
use crate::units::{address, age, bytes, count, whole};
use jiff::Zoned;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline, Widget, Wrap};
use ringshard::ops::overload;
use std::collections::VecDeque;

/// Margins beside a text.
const SIDES: Margin = Margin { horizontal: 1, vertical: 0 };
/// Lines of the header.
const HEADER_ROWS: u16 = 2;
/// Width from which drops and connections are side by side.
const BESIDE_FROM: u16 = 140;
/// Width of the drops then.
const DROPS_COLUMNS: u16 = 64;
/// Lines for which the list of cores makes room: of the drops, and of the connections.
const DROPS_ROWS: u16 = HEAD_ROWS + 3;
const TALKERS_ROWS: u16 = HEAD_ROWS + 4;
/// Most refusals on a terminal: the most frequent reasons.
const REFUSALS_MAX: u16 = 3;
/// Most lines for why the server does not answer.
const LOST_ROWS_MAX: usize = 3;

/// The help: columns and keys.
const HELP: [&str; 6] = [
    "busy        share of the time spent in turns with work: datagrams, ticks, sending",
    "turn, tick  duration since the last update: median and 99th percentile",
    "skip/s      ticks skipped because the tick before ended too late",
    "krnl/s      datagrams dropped by the kernel because a socket buffer was full",
    "drop/s      datagrams and messages dropped by the server, by reason below",
    "q, Esc, Ctrl-C quit   s sort   p pause   up, down scroll cores   ? close help",
];

/// A screen, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The screen.
    pub screen: &'a Screen,
    /// Updates are paused.
    pub paused: bool,
    /// The help is shown.
    pub help: bool,
    /// The core at the top of the list.
    pub first_core: usize,
    /// On a terminal, with graphs and keys; else a page of text.
    pub live: bool,
}

impl<'a> View<'a> {
    /// A page of text.
    pub fn page(screen: &'a Screen) -> Self {
        View { screen, paused: false, help: false, first_core: 0, live: false }
    }

    /// Lines that the whole page needs.
    pub fn rows_needed(&self) -> u16 {
        let figures = &self.screen.figures;
        let talkers = talkers(figures, self.screen.order).rows_needed();
        HEADER_ROWS + self.cores_rows() + drops(figures).rows_needed() + self.refusals_rows() + talkers
    }

    /// Width that the whole page needs.
    pub fn columns_needed(&self) -> u16 {
        let figures = &self.screen.figures;
        let cores = cores(figures, u16::MAX, 0, figures.report.cores.len());
        let sheets = [cores, drops(figures), refusals(figures), talkers(figures, self.screen.order)];
        sheets.iter().map(Table::columns_needed).max().unwrap_or(0)
    }

    fn cores_rows(&self) -> u16 {
        let cores = self.screen.figures.report.cores.len();
        HEAD_ROWS + cores as u16 + u16::from(cores > 1)
    }

    /// Lines of the refusals; none while there are none, as on an echo server.
    fn refusals_rows(&self) -> u16 {
        match self.screen.figures.refusals.len() as u16 {
            0 => 0,
            rows if self.live => HEAD_ROWS + rows.min(REFUSALS_MAX),
            rows => HEAD_ROWS + rows,
        }
    }

    fn graph_rows(&self, rows: u16) -> u16 {
        match rows {
            _ if !self.live => 0,
            0..20 => 0,
            20..30 => 3,
            30..42 => 5,
            _ => 7,
        }
    }

    fn footer_rows(&self, columns: u16) -> u16 {
        let keys = if self.help { HELP.len() as u16 } else { 1 };
        // Wrapped lines are not full.
        let room = usize::from(columns).saturating_sub(12).max(1);
        let why = self.screen.lost.as_ref().map_or(0, |lost| 1 + lost.error.len().div_ceil(room).min(LOST_ROWS_MAX));
        if self.live { keys + why as u16 } else { 0 }
    }

    fn header(&self, area: Rect, buffer: &mut Buffer) {
        let Screen { figures, lost, seen, .. } = self.screen;
        let report = &figures.report;
        let mut lines = area.rows();
        let Some(line) = lines.next() else { return };
        let overload = overload::of(report);
        let chip = |text: &'static str, color| Span::from(text).fg(Color::Black).bg(color).bold();
        let mut states = Vec::new();
        for (is_so, text, color) in [
            (self.paused, " PAUSED ", Color::Blue),
            (report.draining, " DRAINING ", Color::Yellow),
            (overload.is_some(), " OVERLOADED ", Color::Yellow),
            (lost.is_some(), " NO ANSWER ", Color::Red),
        ] {
            if is_so {
                states.extend([" ".into(), chip(text, color)]);
            }
        }
        states.push(Span::styled(seen.strftime(" %H:%M:%S").to_string(), DIMMED));
        let states = Line::from(states);
        let width = (states.width() as u16).min(line.width);
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(line);
        let mut server = Line::from(format!(" ringshard {} ", report.version).fg(Color::Black).bg(ACCENT).bold());
        for text in [
            format!(" {}", address(report.listen)),
            report.datapath.to_string(),
            format!("up {}", age(report.uptime_s)),
            format!("pid {}", report.pid),
        ] {
            // If there is no room, the last ones are left out.
            if server.width() + 2 + text.len() <= left.width.into() {
                server.push_span(format!(" {text} "));
            }
        }
        server.render(left, buffer);
        states.render(right, buffer);
        if let Some(line) = lines.next() {
            self.totals().render(line, buffer);
        }
    }

    fn totals(&self) -> Line<'static> {
        let figures = &self.screen.figures;
        let connections = figures.connections();
        let plural = if connections == 1 { "" } else { "s" };
        let mut spans = vec![" ".into(), whole(connections as u64).bold(), format!(" connection{plural}   ").into()];
        match figures.rates.as_ref().map(|rates| &rates.all) {
            None => spans.push(Span::styled("rates follow with the next update", DIMMED)),
            Some(all) => spans.extend([
                "packets in ".into(),
                count(all.datagrams_in).bold(),
                format!("/s, {}/s   out ", bytes(all.bytes_in)).into(),
                count(all.datagrams_out).bold(),
                format!("/s, {}/s", bytes(all.bytes_out)).into(),
            ]),
        }
        if let Some(overload) = overload::of(&figures.report) {
            spans.push(format!("   {overload}").yellow());
        }
        spans.into()
    }

    fn graphs(&self, area: Rect, buffer: &mut Buffer) {
        let packets = &self.screen.packets;
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).spacing(2).areas(area);
        graph("packets/s in", packets, |(inward, _)| inward, Color::Green, left, buffer);
        graph("packets/s out", packets, |(_, outward)| outward, Color::Magenta, right, buffer);
    }

    fn tables(&self, area: Rect, buffer: &mut Buffer) {
        let Screen { figures, order, .. } = self.screen;
        let drops = drops(figures);
        let beside = self.live && area.width >= BESIDE_FROM;
        let refusals_rows = self.refusals_rows();
        let drops_rows = drops.rows_needed().min(DROPS_ROWS) + refusals_rows;
        let below_rows = if beside { TALKERS_ROWS } else { drops_rows + TALKERS_ROWS };
        // At least half of the room, and what the other tables leave.
        let cores_room =
            if self.live { (area.height / 2).max(area.height.saturating_sub(below_rows)) } else { area.height };
        let cores_rows = self.cores_rows().min(cores_room);
        let [upper, below] = Layout::vertical([Constraint::Length(cores_rows), Constraint::Fill(1)]).areas(area);
        let of_all = u16::from(figures.report.cores.len() > 1);
        let rows = cores_rows.saturating_sub(HEAD_ROWS + of_all);
        cores(figures, area.width, self.first_core, rows.into()).render(upper, buffer);
        let [left, right] = if beside {
            Layout::horizontal([Constraint::Length(DROPS_COLUMNS), Constraint::Fill(1)]).spacing(2).areas(below)
        } else {
            let room = below.height.saturating_sub(TALKERS_ROWS).max(below.height / 2);
            let rows = (drops.rows_needed() + refusals_rows).min(if self.live { room } else { below.height });
            Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)]).areas(below)
        };
        // A row of the drops comes first, then one of the refusals.
        let refusals_rows = left.height.saturating_sub(drops.rows_needed().min(HEAD_ROWS + 1)).min(refusals_rows);
        let refusals_rows = if refusals_rows > HEAD_ROWS { refusals_rows } else { 0 };
        let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Length(refusals_rows)]).areas(left);
        drops.render(upper, buffer);
        if refusals_rows > 0 {
            refusals(figures).render(lower, buffer);
        }
        talkers(figures, *order).render(right, buffer);
    }

    fn footer(&self, area: Rect, buffer: &mut Buffer) {
        let keys_rows = if self.help { HELP.len() as u16 } else { 1 };
        let [why, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(keys_rows)]).areas(area);
        if let Some(lost) = &self.screen.lost {
            let lasts = age(lost.since.duration_until(&Zoned::now()).as_secs_f64());
            let text =
                format!("no answer since {} ({lasts}), trying again\n{}", lost.since.strftime("%H:%M:%S"), lost.error);
            Paragraph::new(text).fg(Color::Red).wrap(Wrap { trim: true }).render(why.inner(SIDES), buffer);
        }
        for (line, text) in keys.rows().zip(if self.help { HELP.as_slice() } else { &[] }) {
            Line::styled(format!(" {text}"), DIMMED).render(line, buffer);
        }
        if !self.help {
            key_line(self.paused).render(keys, buffer);
        }
    }
}

impl Widget for View<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let [header, graphs, tables, footer] = Layout::vertical([
            Constraint::Length(HEADER_ROWS),
            Constraint::Length(self.graph_rows(area.height)),
            Constraint::Fill(1),
            Constraint::Length(self.footer_rows(area.width)),
        ])
        .areas(area);
        self.header(header, buffer);
        self.graphs(graphs, buffer);
        self.tables(tables, buffer);
        if self.screen.lost.is_some() {
            // The figures are old.
            buffer.set_style(graphs.union(tables), DIMMED);
        }
        self.footer(footer, buffer);
    }
}

fn key_line(paused: bool) -> Line<'static> {
    let pause = if paused { " resume   " } else { " pause   " };
    let keys = [(" q", " quit   "), ("s", " sort   "), ("p", pause), ("?", " help")];
    Line::from_iter(keys.into_iter().flat_map(|(key, text)| [key.fg(ACCENT).bold(), Span::styled(text, DIMMED)]))
}

fn graph(
    title: &'static str,
    packets: &VecDeque<Option<(f64, f64)>>,
    read: impl Fn((f64, f64)) -> f64,
    color: Color,
    area: Rect,
    buffer: &mut Buffer,
) {
    let seen = packets.iter().take(area.width.into()).map(|look| look.map(&read));
    let most = seen.clone().flatten().fold(0.0, f64::max);
    let aside = Line::styled(format!("max {}", count(most)), DIMMED);
    rule(Line::from(title).bold(), aside, area, buffer);
    let below = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let bars: Vec<Option<u64>> = seen.map(|value| value.map(|value| value.round() as u64)).collect();
    Sparkline::default()
        .data(&bars)
        .max((most.round() as u64).max(1))
        .direction(RenderDirection::RightToLeft)
        .absent_value_symbol(" ")
        .style(Style::new().fg(color))
        .render(below, buffer);
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::answer;
    use super::*;
    use crate::table::text;
    use ringshard::ops::admin::{AdminClientError, SortOrder};
    use std::time::Instant;

    fn screen(cores: usize) -> Screen {
        let began = Instant::now();
        let mut screen = Screen::new(answer(began, cores, 10), SortOrder::Rate);
        (11..15).for_each(|second| screen.take(Ok(answer(began, cores, second))));
        screen
    }

    fn lost() -> AdminClientError {
        AdminClientError::Unreachable(([127, 0, 0, 1], 3566).into(), "refused".into())
    }

    fn live(screen: &Screen) -> View<'_> {
        View { screen, paused: false, help: false, first_core: 0, live: true }
    }

    fn drawn(view: &View<'_>, columns: u16, rows: u16) -> Vec<String> {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        view.render(area, &mut buffer);
        let line = |row: Rect| row.columns().map(|cell| buffer[(cell.x, cell.y)].symbol().to_owned()).collect();
        area.rows().map(line).collect()
    }

    fn sizes() -> impl Iterator<Item = (u16, u16)> {
        let columns = [0, 1, 7, 30, 79, 80, 81, 99, 120, 139, 140, 200];
        columns
            .into_iter()
            .flat_map(|columns| [0, 1, 2, 3, 5, 8, 12, 19, 23, 24, 25, 30, 42, 60].map(|rows| (columns, rows)))
    }

    fn has(lines: &[String], words: &[&str]) {
        for word in words {
            assert!(lines.iter().any(|line| line.contains(word)), "no `{word}` in\n{}", lines.join("\n"));
        }
    }

    #[test]
    fn it_fits_any_screen_and_shows_every_part_from_80_by_24_up() {
        for cores in [1, 4, 64] {
            let mut screen = screen(cores);
            for is_lost in [false, true] {
                if is_lost {
                    screen.take(Err(lost()));
                }
                for (columns, rows) in sizes() {
                    for help in [false, true] {
                        let view = View { help, first_core: 70, paused: true, ..live(&screen) };
                        let lines = drawn(&view, columns, rows);
                        if columns >= 80 && rows >= 24 && !help {
                            has(&lines, &["packets/s in", "cores", "busy", "replayed", "192.0.2.2:40002", " quit "]);
                        }
                        if columns >= 80 && rows >= 42 && !help {
                            has(&lines, &["authority", "speed"]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_heading_and_no_number_is_cut_at_80_columns() {
        let screen = screen(2);
        let lines = drawn(&live(&screen), 80, 24);
        has(&lines, &["core  conns  in/s out/s   busy turn p50     p99 tick p99 skip/s krnl/s drop/s"]);
        has(&lines, &["0       300 1.00k 2.00k  20.0%"]);
        has(&lines, &["600 connections   packets in 2.00k/s, 195 KiB/s   out 4.00k/s, 1.95 MiB/s"]);
    }

    #[test]
    fn a_lost_server_is_reported_and_its_last_figures_stay() {
        let mut screen = screen(2);
        screen.take(Err(lost()));
        let lines = drawn(&live(&screen), 80, 24);
        has(&lines, &["NO ANSWER", "no answer since ", "no server answers at 127.0.0.1:3566", "(refused)", "replayed"]);
        // It is back, and begins with nothing.
        screen.take(Ok(answer(Instant::now(), 2, 1)));
        let lines = drawn(&live(&screen), 80, 24);
        has(&lines, &["rates follow with the next update", "replayed"]);
        assert!(!lines.iter().any(|line| line.contains("NO ANSWER")));
        screen.take(Ok(answer(Instant::now(), 2, 2)));
        has(&drawn(&live(&screen), 80, 24), &["packets in 2.00k/s"]);
    }

    #[test]
    fn cores_that_do_not_fit_are_scrolled_to() {
        let screen = screen(64);
        has(&drawn(&live(&screen), 80, 24), &["0 to 5 of 64", "all"]);
        let view = View { first_core: 99, ..live(&screen) };
        has(&drawn(&view, 80, 24), &["58 to 63 of 64"]);
    }

    #[test]
    fn a_page_has_all_of_it_without_graphs_and_keys() {
        let screen = screen(64);
        let view = View::page(&screen);
        let page = text(view, view.columns_needed(), view.rows_needed());
        assert_eq!(page.lines().filter(|line| line.contains("20.0%")).count(), 65, "every core, and all of them");
        assert!(!page.contains(" quit ") && !page.contains("packets/s out"), "{page}");
        assert!(page.lines().all(|line| line == line.trim_end()));
        let headings = [
            "in B/s",
            "handled p99",
            "ticks/s",
            "id",
            "age",
            "silent",
            "waiting",
            "refused",
            "bytes",
            "score",
            "refused because of",
            "player",
        ];
        has(&page.lines().map(str::to_owned).collect::<Vec<_>>(), &headings);
    }

    #[test]
    fn a_long_address_takes_the_place_of_other_columns_and_is_never_cut() {
        let began = Instant::now();
        let mut answer = answer(began, 1, 10);
        let address = "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:40000";
        answer.connections[0].address = address.parse().unwrap();
        let mut screen = Screen::new(answer, SortOrder::Age);
        for _ in 0..8 {
            let lines = drawn(&live(&screen), 80, 24);
            has(&lines, &[address]);
            assert!(!lines.iter().any(|line| line.contains('…')), "{}", lines.join("\n"));
            screen.next_order();
        }
    }

    #[test]
    fn every_order_has_its_column_marked_or_shown() {
        let mut screen = screen(2);
        let headings = ["bytes", "round trip", "loss", "age", "silent", "waiting", "refused", "score", "in B/s"];
        for heading in headings {
            screen.next_order();
            has(&drawn(&live(&screen), 80, 24), &[heading]);
        }
        assert_eq!(screen.order, SortOrder::Rate, "once around");
    }
}
