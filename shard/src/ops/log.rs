//! The log: lines on standard error, written by a thread of its own. Nobody else ever waits for whoever reads them: lines
//! that find the queue full are dropped and counted.

use crate::config::LogFormat;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Lines that wait to be written at most.
const LINES_MAX: usize = 1024;

/// A log that could not be started, or told what to log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter makes no sense.
    #[error("log is `{0}`: it takes error, warn, info, debug or trace ({1})")]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// The log cannot change any more.
    #[error("the log cannot change what it logs: {0}")]
    Gone(#[from] reload::Error),
    /// The program logs already, in its own way.
    #[error("this program has a log already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// The running log. Copies of it are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Option<Arc<Started>>);

#[derive(Debug)]
struct Started {
    filter: reload::Handle<EnvFilter, Registry>,
    dropped: ErrorCounter,
}

/// Keep it until the process ends: when it is dropped, lines that wait are written, for which it waits a second at most.
#[derive(Debug)]
pub struct Flush(#[allow(dead_code, reason = "it acts when it is dropped")] WorkerGuard);

impl Log {
    /// Logs to standard error from here on.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn start(filter: &str, format: LogFormat) -> Result<(Log, Flush), LogError> {
        let (filter, handle) = reload::Layer::<EnvFilter, Registry>::new(parse(filter)?);
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(LINES_MAX)
            .thread_name("log")
            .finish(std::io::stderr());
        let started = Started { filter: handle, dropped: writer.error_counter() };
        let lines = fmt::layer().with_writer(writer).with_target(false);
        let lines = match format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).try_init()?;
        Ok((Log(Some(Arc::new(started))), Flush(guard)))
    }

    /// A log that is not this server's to change: the program that runs the server logs in its own way.
    pub fn of_program() -> Log {
        Log::default()
    }

    /// Logs what passes this filter from here on.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        let parsed = parse(filter)?;
        self.0.as_ref().map_or(Ok(()), |started| Ok(started.filter.reload(parsed)?))
    }

    /// Lines that were dropped because nobody read those before them.
    pub fn dropped_lines(&self) -> u64 {
        self.0.as_ref().map_or(0, |started| started.dropped.dropped_lines() as u64)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter).map_err(|error| LogError::Filter(filter.to_owned(), error))
}
