//! The bucket is opened.

use super::{AGAIN, Players};
use crate::checkpoints::answer::{BucketError, Standing};
use crate::checkpoints::held::Finished;
use std::time::Duration;
use tokio::time::Instant;

/// After a restart of everything, the servers of NATS need so long to choose a leader, at most. Until then, the clients of a host
/// that has just started wait for the bucket, and the log has no complaint.
pub(super) const OPENING: Duration = Duration::from_secs(20);
/// Time between two attempts to open the bucket meanwhile.
const OPEN_AGAIN: Duration = Duration::from_millis(500);

impl Players {
    /// Whether there is a bucket.
    pub fn standing(&self) -> Standing {
        match self.is_open {
            true => Standing::Open,
            false if self.has_jetstream => Standing::Opening,
            false => Standing::Absent,
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
        let Err(error) = opened else { return tracing::info!("checkpoints of players and zones are kept") };
        self.has_jetstream = error != BucketError::NoJetStream;
        let (now, standing) = (Instant::now(), self.standing());
        let is_early = self.has_jetstream && now < self.opening_until;
        self.open_at = Some(now + if is_early { OPEN_AGAIN } else { AGAIN });
        if is_early || self.complained_of.replace(standing) == Some(standing) {
            return;
        }
        if self.has_jetstream {
            tracing::warn!(
                %error,
                "NATS does not answer about checkpoints, so players with an account are refused, and new zones of this host wait: look at the \
                 nats-servers; most of them must run"
            );
        } else {
            tracing::warn!(
                %error,
                "no checkpoints are kept, so the players of a host that is killed enter as newcomers, and its zones begin anew: start every \
                 nats-server with JetStream (-js, and --store_dir with a folder), or set checkpoint-secs = 0"
            );
        }
    }
}
