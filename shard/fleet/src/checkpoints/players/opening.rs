//! The bucket is opened.

use super::{AGAIN, Players};
use crate::checkpoints::answer::{BucketError, Standing};
use crate::checkpoints::held::Finished;
use std::time::Duration;
use tokio::time::Instant;

/// After a restart of everything, the servers of NATS need so long to choose a leader, at most. Until then, the clients of a host
/// that has just started wait for the bucket, and the log has no complaint.
pub(super) const OPENING: Duration = Duration::from_secs(20);
/// Time between two attempts to open the bucket.
const OPEN_AGAIN: Duration = Duration::from_millis(500);
/// A bucket that answers nothing for so long is opened anew: it may have been removed.
const FAILING: Duration = Duration::from_secs(5);
/// NATS has no JetStream if it says so for so long: servers that have just started may not know yet.
const CERTAIN: Duration = Duration::from_secs(3);

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
        // It stays open until that has failed, too: maybe it answers again.
        if self.is_open && !self.is_opening && self.desk.failing_for() >= FAILING {
            self.open_at = Some(now);
        }
        if self.open_at.is_some_and(|at| now >= at) {
            (self.open_at, self.is_opening) = (None, true);
            let desk = self.desk.clone();
            self.tasks.spawn(async move { Finished::Opened(desk.open().await) });
        }
    }

    pub(super) fn opened(&mut self, opened: Result<(), BucketError>) {
        let now = Instant::now();
        self.is_opening = false;
        let Err(error) = opened else {
            if !std::mem::replace(&mut self.is_open, true) {
                tracing::info!("checkpoints of players and zones are kept");
            }
            (self.has_jetstream, self.without_since, self.complained_of) = (true, None, None);
            return;
        };
        self.is_open = false;
        if error == BucketError::NoJetStream {
            let since = *self.without_since.get_or_insert(now);
            if self.has_jetstream && now - since >= CERTAIN {
                self.has_jetstream = false;
                self.go_on_without();
            }
        } else {
            self.without_since = None;
        }
        let standing = self.standing();
        self.open_at = Some(now + if standing == Standing::Absent { AGAIN } else { OPEN_AGAIN });
        let is_early = standing == Standing::Opening && now < self.opening_until;
        if is_early || self.complained_of.replace(standing) == Some(standing) {
            return;
        }
        if standing == Standing::Opening {
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
