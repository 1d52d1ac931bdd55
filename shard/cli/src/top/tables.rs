//! The tables: cores, drops, connections.

use super::figures::{CoreRates, DropFigures, Figures, RefusalFigures, Talker};
use crate::admin::order_name;
use crate::table::{Column, DIMMED, Table};
use crate::units::{address, age, bytes, count, micros, percent, short_count, whole};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ringshard::ops::admin::SortOrder;
use ringshard::ops::report::{CoreSnapshot, Percentiles};

/// Share of time in turns: little is left, and too little is left.
const BUSY: [f64; 2] = [0.7, 0.9];
/// Share of lost datagrams: noticeable, and harmful.
const LOSS: [f64; 2] = [0.01, 0.05];
/// Round-trip time in milliseconds: noticeable, and harmful.
const ROUND_TRIP_MS: [f64; 2] = [150.0, 300.0];
/// Events per second that should never happen: any, and more than a few.
const NEVER: [f64; 2] = [f64::MIN_POSITIVE, 1.0];
/// Events per second that bad networks cause: any, and many.
const SOMETIMES: [f64; 2] = [f64::MIN_POSITIVE, 1_000.0];

/// Width from which the table of cores shows bars.
const BARS_FROM: u16 = 100;
/// Width of a bar.
const BAR: u16 = 12;

/// The style of a value: normal, warning or bad.
fn heat(value: f64, [warn, bad]: [f64; 2]) -> Style {
    match value {
        value if value >= bad => Style::new().fg(Color::Red).bold(),
        value if value >= warn => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}

/// The score of a player: suspicious, and certain.
const SCORE: [f64; 2] = [1.0, 50.0];

fn score(score: f64) -> Line<'static> {
    if score < 0.05 { Line::styled("0", DIMMED) } else { Line::styled(format!("{score:.1}"), heat(score, SCORE)) }
}

/// An unknown value.
fn none() -> Line<'static> {
    Line::styled("-", DIMMED)
}

/// A rate of unwanted events; dimmed while it is 0.
fn trouble(rate: f64, bounds: [f64; 2]) -> Line<'static> {
    if rate > 0.0 { Line::styled(count(rate), heat(rate, bounds)) } else { Line::styled("0", DIMMED) }
}

fn time(percentiles: Option<Percentiles>, read: impl Fn(Percentiles) -> f64) -> Line<'static> {
    percentiles.map_or_else(none, |percentiles| micros(read(percentiles)).into())
}

/// The columns of the table of cores.
fn core_columns(bars: bool) -> Vec<Column> {
    vec![
        Column::text("core", 4),
        Column::new("conns", 6),
        Column::new("in/s", 5),
        Column::new("out/s", 5),
        Column::new("in B/s", 8).rank(1),
        Column::new("out B/s", 8).rank(1),
        Column::new("busy", if bars { BAR + 7 } else { 6 }),
        Column::new("turn p50", 8),
        Column::new("p99", 7),
        Column::new("handled p99", 11).rank(2),
        Column::new("tick p50", 8).rank(3),
        Column::new("tick p99", 8),
        Column::new("ticks/s", 7).rank(4),
        Column::new("skip/s", 6),
        Column::new("krnl/s", 6),
        Column::new("drop/s", 6),
    ]
}

/// A row of the table of cores.
fn core_row(name: String, connections: usize, rates: Option<&CoreRates>, bars: bool) -> Vec<Line<'static>> {
    let rate = |read: fn(&CoreRates) -> f64| rates.map_or_else(none, |rates| count(read(rates)).into());
    let volume = |read: fn(&CoreRates) -> f64| rates.map_or_else(none, |rates| bytes(read(rates)).into());
    let troubles = |read: fn(&CoreRates) -> f64, bounds| rates.map_or_else(none, |it| trouble(read(it), bounds));
    let turn = rates.and_then(|rates| rates.turn);
    let tick = rates.and_then(|rates| rates.tick);
    vec![
        name.into(),
        short_count(connections as u64).into(),
        rate(|it| it.datagrams_in),
        rate(|it| it.datagrams_out),
        volume(|it| it.bytes_in),
        volume(|it| it.bytes_out),
        rates.map_or_else(none, |rates| busy(rates.busy, bars)),
        time(turn, |it| it.p50_us),
        time(turn, |it| it.p99_us),
        time(rates.and_then(|rates| rates.handled), |it| it.p99_us),
        time(tick, |it| it.p50_us),
        time(tick, |it| it.p99_us),
        rate(|it| it.ticks),
        troubles(|it| it.ticks_skipped, NEVER),
        troubles(|it| it.kernel_drops, NEVER),
        troubles(|it| it.drops, SOMETIMES),
    ]
}

/// The cores from `first` on, at most `rows` of them, and their sum.
pub fn cores(figures: &Figures, width: u16, first: usize, rows: usize) -> Table {
    let cores = &figures.report.cores;
    let bars = width >= BARS_FROM;
    let columns = core_columns(bars);
    let row = |name, connections, rates| core_row(name, connections, rates, bars);
    let rates = figures.rates.as_ref();
    let each = |(index, core): (usize, &CoreSnapshot)| {
        // The figures of a stuck core are old.
        let rates = rates.and_then(|rates| rates.cores.get(index)).filter(|_| core.stuck_s.is_none());
        let row = row(core.core.to_string(), core.connections, rates);
        match core.stuck_s {
            Some(_) => row.into_iter().map(|line| line.patch_style(heat(1.0, NEVER))).collect(),
            None => row,
        }
    };
    let first = first.min(cores.len().saturating_sub(rows));
    let mut shown: Vec<_> = cores.iter().enumerate().skip(first).take(rows).map(each).collect();
    if cores.len() > 1 {
        let bold = |line: Line<'static>| line.bold();
        let all = row("all".into(), figures.connections(), rates.map(|rates| &rates.all));
        shown.push(all.into_iter().map(bold).collect());
    }
    let aside = match cores.len() > rows {
        true => format!("{} to {} of {}: up, down", first, first + rows.max(1) - 1, cores.len()),
        false => String::new(),
    };
    let aside = match stuck(cores) {
        Some(stuck) => Line::styled(stuck, heat(1.0, NEVER)),
        None => Line::styled(aside, DIMMED),
    };
    Table { title: title("cores"), aside, columns, rows: shown, empty: "none" }
}

/// Names the stuck cores.
fn stuck(cores: &[CoreSnapshot]) -> Option<String> {
    let texts =
        cores.iter().filter_map(|core| Some(format!("core {} has been stuck for {}", core.core, age(core.stuck_s?))));
    texts.reduce(|texts, text| texts + ", " + &text)
}

fn title(text: &'static str) -> Line<'static> {
    Line::from(text).bold()
}

fn busy(share: f64, bar: bool) -> Line<'static> {
    let style = heat(share, BUSY);
    let text = Span::styled(percent(share), style);
    if !bar {
        return text.into();
    }
    let eighths = (share * f64::from(BAR) * 8.0).round() as usize;
    let mut drawn = "█".repeat(eighths / 8);
    drawn.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    let rest = usize::from(BAR) - drawn.chars().count().min(BAR.into());
    let color = style.fg.unwrap_or(Color::Green);
    Line::from(vec![
        Span::from(drawn).fg(color),
        Span::styled("·".repeat(rest), DIMMED),
        Span::styled(format!("{:>7}", text.content), style),
    ])
}

/// The drops, by reason.
pub fn drops(figures: &Figures) -> Table {
    let columns = vec![
        Column::text("reason", 20),
        Column::new("since start", 11).rank(2),
        Column::new("now/s", 7),
        Column::text("last offender", 21).rank(1),
    ];
    let row = |drops: &DropFigures| {
        vec![
            drops.reason.clone().into(),
            whole(drops.total).into(),
            drops.rate.map_or_else(none, |rate| trouble(rate, SOMETIMES)),
            drops.offender.map_or_else(none, |offender| address(offender).into()),
        ]
    };
    let rows = figures.drops.iter().map(row).collect();
    Table { title: title("drops"), aside: Line::default(), columns, rows, empty: "no drops since the start" }
}

/// What players were refused, by reason, and the player with the highest score among the connections.
pub fn refusals(figures: &Figures) -> Table {
    let columns = vec![
        Column::text("refused because of", 20),
        Column::new("since start", 11).rank(2),
        Column::new("now/s", 7),
        Column::text("most by", 21).rank(1),
    ];
    let row = |refusals: &RefusalFigures| {
        let times = |talker: &Talker| talker.connection.refusals.get(refusals.reason).copied().unwrap_or(0);
        let most = figures.talkers.iter().max_by_key(|talker| times(talker)).filter(|talker| times(talker) > 0);
        vec![
            refusals.reason.into(),
            whole(refusals.total).into(),
            refusals.rate.map_or_else(none, |rate| trouble(rate, SOMETIMES)),
            most.map_or_else(none, |talker| address(talker.connection.address).into()),
        ]
    };
    let rows = figures.refusals.iter().map(row).collect();
    Table { title: title("authority"), aside: Line::default(), columns, rows, empty: "no player was refused anything" }
}

/// The connections.
pub fn talkers(figures: &Figures, order: SortOrder) -> Table {
    let is = |wanted: SortOrder| order == wanted;
    let columns = vec![
        Column::text("address", 21),
        Column::text("id", 9).rank(5),
        Column::new("core", 4).rank(4),
        Column::new("in B/s", 8).rank(1).marked(is(SortOrder::Rate)),
        Column::new("out B/s", 8).rank(1).marked(is(SortOrder::Rate)),
        Column::new("round trip", 10).rank(2).marked(is(SortOrder::RoundTrip)),
        Column::new("loss", 6).rank(3).marked(is(SortOrder::Loss)),
        Column::new("bytes", 8).rank(7).marked(is(SortOrder::Bytes)),
        Column::new("age", 7).rank(8).marked(is(SortOrder::Age)),
        Column::new("silent", 7).rank(9).marked(is(SortOrder::Silence)),
        Column::new("waiting", 8).rank(6).marked(is(SortOrder::Unacknowledged)),
        Column::new("refused", 7).rank(10).marked(is(SortOrder::OverBudget)),
        Column::new("score", 6).rank(11).marked(is(SortOrder::Refusals)),
        Column::text("mostly", 12).rank(12),
        Column::text("player", 9).rank(13),
    ];
    let row = |talker: &Talker| {
        let connection = &talker.connection;
        let rate = |rate: Option<f64>| rate.map_or_else(none, |rate| bytes(rate).into());
        let round_trip = |millis: f64| Line::styled(micros(millis * 1000.0), heat(millis, ROUND_TRIP_MS));
        vec![
            address(connection.address).into(),
            Line::styled(connection.id.clone(), DIMMED),
            connection.core.to_string().into(),
            rate(talker.rates.map(|rates| rates.0)),
            rate(talker.rates.map(|rates| rates.1)),
            connection.round_trip_ms.map_or_else(none, round_trip),
            Line::styled(percent(connection.loss), heat(connection.loss, LOSS)),
            bytes((connection.bytes_in + connection.bytes_out) as f64).into(),
            age(connection.age_s).into(),
            age(connection.silent_s).into(),
            bytes(connection.unacknowledged_bytes as f64).into(),
            trouble(connection.over_budget as f64, SOMETIMES),
            score(connection.score),
            connection.main_refusal().map_or_else(none, |(why, _)| why.to_owned().into()),
            connection.player.clone().map_or_else(none, Line::from),
        ]
    };
    let rows = figures.talkers.iter().map(row).collect();
    let aside = Line::styled(format!("by {}, largest first", order_name(order)), DIMMED);
    Table { title: title("top talkers"), aside, columns, rows, empty: "no connections" }
}
