//! What went wrong at a server, and the exit code of it.

use crate::output::PrintError;
use std::time::Duration;
use thiserror::Error;

/// Why there is no answer to print.
#[derive(Debug, Error)]
pub enum Failure {
    /// The server refuses. The status is that of HTTP.
    #[error("refused with status {status}: {message}{}", again(*wait))]
    Refused {
        /// As in HTTP.
        status: u16,
        /// What the server says.
        message: String,
        /// When to try again.
        wait: Option<Duration>,
    },
    /// The server answers, but not with what was asked for.
    #[error("{0}")]
    Wrong(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// No answer.
    #[error("{0}")]
    Unreachable(String),
    /// Standard output cannot be written.
    #[error(transparent)]
    Print(#[from] PrintError),
}

impl Failure {
    /// A refusal without a wait.
    pub fn refused(status: u16, message: impl Into<String>) -> Failure {
        Failure::Refused { status, message: message.into(), wait: None }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused { .. } | Failure::Wrong(_) | Failure::Print(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) => 3,
        }
    }
}

fn again(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!(" (try again in {:.1} s)", wait.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_status_message_and_wait() {
        let wait = Some(Duration::from_millis(1_500));
        let refused = Failure::Refused { status: 429, message: "too many calls".into(), wait };
        assert_eq!(refused.to_string(), "refused with status 429: too many calls (try again in 1.5 s)");
        assert_eq!(Failure::refused(404, "none").to_string(), "refused with status 404: none");
    }
}
