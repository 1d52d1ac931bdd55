//! Finding a path in a worker thread.

use crate::{Navigator, NoPath, Path};
use std::sync::Arc;

/// A path that a game asks for. It is a part of the game's own job.
#[derive(Clone, Debug)]
pub struct PathJob {
    /// Finds it. All cores and workers share one.
    pub navigator: Arc<Navigator>,
    /// For whom. It comes back with the result.
    pub ticket: u64,
    /// Where the path begins, in units.
    pub from: [f32; 3],
    /// Where it ends.
    pub to: [f32; 3],
}

/// The result of a [`PathJob`].
#[derive(Clone, PartialEq, Debug)]
pub struct PathFound {
    /// That of the job.
    pub ticket: u64,
    /// The path, or why there is none.
    pub path: Result<Path, NoPath>,
}

impl PathJob {
    /// Does the job. It takes up to a few milliseconds.
    pub fn run(self) -> PathFound {
        PathFound { ticket: self.ticket, path: self.navigator.find(self.from, self.to) }
    }
}
