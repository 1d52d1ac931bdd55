//! The log: lines on standard error, written by a thread of its own. No other thread waits for the reader: lines that find
//! the queue full are dropped and counted.

pub use crate::ops::line_queue::FlushGuard;

use crate::config::LogFormat;
use crate::ops::line_queue::LineQueue;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// Libraries whose events the server logs in its own words. Only their warnings are logged, unless the filter names them.
const CHATTY: [&str; 1] = ["async_nats"];

/// A log that cannot be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not valid.
    #[error("log is `{0}`, but must be off, error, warn, info, debug or trace ({1})")]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// Its thread cannot be started.
    #[error("cannot start the thread of the log: {0}")]
    Thread(#[from] std::io::Error),
    /// The log has ended.
    #[error("cannot change the level of the log: {0}")]
    Ended(#[from] reload::Error),
    /// The program has another log.
    #[error("cannot start the log, because this program already has one: {0}")]
    AlreadyStarted(#[from] tracing_subscriber::util::TryInitError),
}

/// The running log. Its clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Option<Arc<Started>>);

#[derive(Debug)]
struct Started {
    filter: reload::Handle<Targets, Registry>,
    lines: LineQueue,
}

impl Log {
    /// Starts logging to standard error.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn start(filter: &str, format: LogFormat) -> Result<(Log, FlushGuard), LogError> {
        let (filter, handle) = reload::Layer::<Targets, Registry>::new(parse(filter)?);
        let (queue, guard) = LineQueue::start(std::io::stderr())?;
        let started = Started { filter: handle, lines: queue.clone() };
        let lines = fmt::layer().with_writer(queue).with_target(false);
        let lines = match format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).try_init()?;
        Ok((Log(Some(Arc::new(started))), guard))
    }

    /// For a program that logs in its own way: the server cannot change that log.
    pub fn external() -> Log {
        Log::default()
    }

    /// Changes what is logged.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        let parsed = parse(filter)?;
        self.0.as_ref().map_or(Ok(()), |started| Ok(started.filter.reload(parsed)?))
    }

    /// Lines that were dropped because the reader did not keep up.
    pub fn dropped_lines(&self) -> u64 {
        self.0.as_ref().map_or(0, |started| started.lines.dropped())
    }
}

fn parse(filter: &str) -> Result<Targets, LogError> {
    let parsed: Targets = filter.parse().map_err(|error| LogError::Filter(filter.to_owned(), error))?;
    let is_finer = parsed.default_level().is_some_and(|level| level > LevelFilter::WARN);
    let chatty = CHATTY.into_iter().filter(|library| is_finer && !filter.contains(library));
    Ok(chatty.fold(parsed, |filter, library| filter.with_target(library, LevelFilter::WARN)))
}
