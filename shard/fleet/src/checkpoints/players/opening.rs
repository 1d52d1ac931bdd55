//! The bucket is opened.

use super::{AGAIN, Players};
use crate::checkpoints::answer::{BucketError, Standing};
use crate::checkpoints::held::Finished;
use std::time::Duration;
use tokio::time::Instant;

/// After a restart of everything, the servers of NATS need so long to choose a leader, at most. Until then, a host that has just
/// started waits for the bucket: else each of its zones and accounts would begin anew, and replace what was saved.
pub(super) const OPENING: Duration = Duration::from_secs(20);
/// Time between two attempts to open the bucket meanwhile.
const OPEN_AGAIN: Duration = Duration::from_millis(500);

impl Players {
    /// Whether there is a bucket.
    pub fn standing(&self) -> Standing {
        match self.is_open {
            true => Standing::Open,
            false if Instant::now() < self.opening_until => Standing::Opening,
            false => Standing::Missing,
        }
    }

    /// Opens it when that is due.
    pub(super) fn open(&mut self, now: Instant) {
        if self.open_at.is_some_and(|at| now >= at) {
            self.open_at = None;
            let desk = self.desk.clone();
            self.tasks.spawn(async move { Finished::Opened(desk.bucket.open().await) });
        }
    }

    pub(super) fn opened(&mut self, opened: Result<(), BucketError>) {
        self.is_open = opened.is_ok();
        match opened {
            Ok(()) => tracing::info!("checkpoints of players and zones are kept"),
            Err(error) => {
                let now = Instant::now();
                if error == BucketError::NoJetStream {
                    self.opening_until = self.opening_until.min(now);
                }
                let is_opening = now < self.opening_until;
                self.open_at = Some(now + if is_opening { OPEN_AGAIN } else { AGAIN });
                if !is_opening && !std::mem::replace(&mut self.has_complained, true) {
                    tracing::warn!(
                        %error,
                        "no checkpoints are kept, so the players of a host that is killed enter as newcomers, and its zones begin anew: start every \
                         nats-server with JetStream (-js, and --store_dir with a folder), or set checkpoint-secs = 0"
                    );
                }
            }
        }
    }
}
