//! The table, and the same as JSON.

use crate::conversation::Task;
use crate::libraries::Library;
use crate::measure::{Case, DELIVERED_MIN, Observed, Rate};
use serde::Serialize;
use std::time::Duration;

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub library: &'static str,
    pub encryption: &'static str,
    /// When the server serves: `arrival` or `60 Hz`.
    pub served: &'static str,
    pub task: &'static str,
    pub clients: usize,
    pub bytes: usize,
    /// Messages that each client sends per second; none: as many as possible.
    pub hz: Option<f64>,
    /// Messages of each client under way, at the maximum rate of the echo.
    pub window: Option<u32>,
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Why there are no figures.
    pub error: Option<String>,
}

/// The measured figures of a row.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Messages that arrived at the clients, per second. The echo carries as many to the server.
    pub messages_per_second: f64,
    /// Datagrams that arrived at the clients, per second.
    pub datagrams_to_clients_per_second: f64,
    /// Datagrams that clients sent, per second.
    pub datagrams_to_server_per_second: f64,
    /// Share of the messages that arrived, within a second.
    pub delivered: f64,
    /// Server CPU time per message, in microseconds. Each message of an echo counts twice: once in and once out.
    pub server_us_per_message: f64,
    /// Share of one CPU.
    pub server_cpu: f64,
    pub server_resident_bytes: u64,
    /// Share of one CPU.
    pub client_cpu: f64,
    /// Share of the time that the server or the clients, whichever is more, waited because something else used their CPU.
    pub waited: f64,
    /// Round trip in milliseconds, from the time at which a message was due. None for the transfer.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

impl Figures {
    fn new(task: Task, observed: &Observed) -> Self {
        let seconds = observed.elapsed.as_secs_f64();
        let per_second = |count: u64| count as f64 / seconds;
        let handled = match task {
            Task::Echo => observed.arrived * 2,
            Task::Transfer => observed.arrived,
        };
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Figures {
            messages_per_second: per_second(observed.arrived),
            datagrams_to_clients_per_second: per_second(observed.traffic.received),
            datagrams_to_server_per_second: per_second(observed.traffic.sent),
            delivered: observed.delivered,
            server_us_per_message: observed.server_cpu.used.as_secs_f64() * 1e6 / handled.max(1) as f64,
            server_cpu: observed.server_cpu.used.as_secs_f64() / seconds,
            server_resident_bytes: observed.server_bytes,
            client_cpu: observed.client_cpu.used.as_secs_f64() / seconds,
            waited: observed.server_cpu.waited.max(observed.client_cpu.waited).as_secs_f64() / seconds,
            p50_ms: observed.round_trip.map(|(p50, _)| ms(p50)),
            p99_ms: observed.round_trip.map(|(_, p99)| ms(p99)),
        }
    }
}

impl Row {
    /// A row with figures.
    pub fn new(library: Library, case: &Case, on_tick: bool, window: Option<u32>, observed: &Observed) -> Self {
        let figures = Some(Figures::new(case.task, observed));
        Row { figures, window, ..Row::empty(library, case, on_tick) }
    }

    /// A row without figures.
    pub fn failed(library: Library, case: &Case, error: String) -> Self {
        let on_tick = library.serves_on_tick(case.rate == Rate::Max);
        Row { error: Some(error), ..Row::empty(library, case, on_tick) }
    }

    fn empty(library: Library, case: &Case, on_tick: bool) -> Self {
        Row {
            library: library.name(),
            encryption: library.encryption(),
            served: if on_tick { "60 Hz" } else { "arrival" },
            task: match case.task {
                Task::Echo => "echo",
                Task::Transfer => "transfer",
            },
            clients: case.clients,
            bytes: case.bytes,
            hz: match case.rate {
                Rate::Max => None,
                Rate::Hz(hz) => Some(hz),
            },
            window: None,
            figures: None,
            error: None,
        }
    }

    /// Whether it has figures, and enough messages arrived.
    pub fn is_met(&self) -> bool {
        self.figures
            .as_ref()
            .is_some_and(|figures| figures.delivered >= DELIVERED_MIN && figures.messages_per_second > 0.0)
    }

    fn cells(&self) -> Vec<String> {
        let rate = self.hz.map_or("max".to_owned(), |hz| format!("{hz} Hz"));
        let mut cells: Vec<String> = [self.task, self.library, self.encryption, self.served].map(String::from).into();
        let window = self.window.map_or("-".to_owned(), |window| window.to_string());
        cells.extend([self.clients.to_string(), self.bytes.to_string(), rate, window]);
        let Some(figures) = &self.figures else {
            cells.push(format!("failed: {}", self.error.as_deref().unwrap_or("no figures")));
            return cells;
        };
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.2}"));
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        cells.extend([
            count(figures.messages_per_second),
            count(figures.datagrams_to_server_per_second),
            count(figures.datagrams_to_clients_per_second),
            format!("{:.1} %", figures.delivered * 100.0),
            format!("{:.2}", figures.server_us_per_message),
            percent(figures.server_cpu) + if figures.waited > WAITED_MAX { "*" } else { "" },
            ms(figures.p50_ms),
            ms(figures.p99_ms),
            format!("{:.1}", figures.server_resident_bytes as f64 / f64::from(1 << 20)),
            percent(figures.client_cpu),
        ]);
        cells
    }
}

/// A row in which something else used the CPUs for a larger share of the time is marked.
const WAITED_MAX: f64 = 0.05;
const HEADINGS: [&str; 18] = [
    "task",
    "library",
    "encrypted",
    "served",
    "clients",
    "bytes",
    "rate",
    "window",
    "messages/s",
    "datagrams in",
    "out",
    "delivered",
    "us/message",
    "CPU",
    "p50 ms",
    "p99 ms",
    "RSS MiB",
    "clients' CPU",
];
/// Columns of text, which begin at the left.
const TEXT_COLUMNS: usize = 4;

/// The rows as a table, and what its columns mean.
pub fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> =
        std::iter::once(HEADINGS.map(String::from).into()).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| {
        // The reason of a failure may be long; it is the last cell of its row.
        let figures = cells.iter().filter(|row| row.len() == HEADINGS.len() || column < row.len() - 1);
        figures.map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column < TEXT_COLUMNS {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        text += line.join("  ").trim_end();
        text += "\n";
    }
    text + LEGEND
}

const LEGEND: &str = "
served        when the server answers: as datagrams arrive, or on a 60 Hz tick
window        messages of each client under way: 1, or the smallest number with which no larger one is faster
messages/s    that arrived at the clients; an echo carries as many to the server
datagrams     per second, in to the server and out to the clients: some libraries put several messages in one
delivered     share of the echoes that came back within 1 s, or 100 %: a transfer loses nothing
us/message    the server's CPU time, the kernel's work included; an echo is two messages, one in and one out
CPU           share of one CPU that the server used; clients' CPU: near 100 %, the clients are the limit
*             other programs used the CPU of the server or the clients for more than 5 % of the time: measure again
p50, p99      round trip, from the time at which a message was due
RSS           the server's memory
";

/// Three digits: 1.23M, 456k, 789.
fn count(value: f64) -> String {
    match value {
        _ if value >= 999_500.0 => format!("{:.2}M", value / 1e6),
        _ if value >= 99_950.0 => format!("{:.0}k", value / 1e3),
        _ if value >= 9_995.0 => format!("{:.1}k", value / 1e3),
        _ if value >= 999.5 => format!("{:.2}k", value / 1e3),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Traffic;
    use crate::server_process::CpuTime;

    #[test]
    fn counts_have_three_digits() {
        let counts = [0.0, 999.4, 1_234.0, 12_345.0, 123_456.0, 999_600.0, 1_234_567.0].map(count);
        assert_eq!(counts, ["0", "999", "1.23k", "12.3k", "123k", "1.00M", "1.23M"]);
    }

    #[test]
    fn an_echo_is_two_messages_of_the_server_and_a_transfer_one() {
        let cpu = |used, waited| CpuTime { used: Duration::from_millis(used), waited: Duration::from_millis(waited) };
        let observed = Observed {
            elapsed: Duration::from_secs(2),
            arrived: 1_000,
            delivered: 1.0,
            traffic: Traffic { received: 500, sent: 250 },
            server_cpu: cpu(4, 0),
            server_bytes: 0,
            client_cpu: cpu(1_000, 200),
            round_trip: None,
        };
        let echo = Figures::new(Task::Echo, &observed);
        assert_eq!((echo.messages_per_second, echo.server_us_per_message), (500.0, 2.0));
        assert_eq!((echo.datagrams_to_clients_per_second, echo.datagrams_to_server_per_second), (250.0, 125.0));
        assert_eq!((echo.server_cpu, echo.client_cpu, echo.waited), (0.002, 0.5, 0.1));
        assert_eq!(Figures::new(Task::Transfer, &observed).server_us_per_message, 4.0);
    }

    #[test]
    fn a_row_that_failed_or_lost_messages_is_not_met() {
        let case = Case { task: Task::Echo, clients: 4, bytes: 64, rate: Rate::Max, window: None };
        let failed = Row::failed(Library::Enet, &case, "a client did not connect".into());
        assert!(!failed.is_met());
        assert!(table(&[failed]).contains("failed: a client did not connect"));
    }
}
