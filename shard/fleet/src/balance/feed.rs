//! Takes new directories, policies, locations, tokens and certificates, while requests go on.

use super::fleet::{Stamp, read_policy, stamp};
use super::state::State;
use super::tokens::Tokens;
use crate::location::{Look, Watched};
use crate::registry::DirectoryReader;
use ringshard_certificates::Certificates;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Time between two directories that are taken. With many hosts there is always a new one, and preparing it costs time.
const DIRECTORY_EVERY: Duration = Duration::from_millis(100);

/// Takes directories until the registry ends.
pub(super) async fn directories(state: Arc<State>, reader: DirectoryReader) {
    let mut directory = reader.directory;
    loop {
        let latest = directory.borrow_and_update().clone();
        state.balancer().set_directory(&latest);
        state.counters.directories.count();
        sleep(DIRECTORY_EVERY).await;
        if directory.changed().await.is_err() {
            return;
        }
    }
}

/// Looks at the files of the policy, the tokens and the location database, forever.
pub(super) async fn files(state: Arc<State>, mut watched: Option<Watched>) {
    let mut policy = state.settings.policy.as_deref().map(|path| (path.to_owned(), stamp(path)));
    let mut tokens = state.settings.tokens.as_deref().map(|path| (path.to_owned(), stamp(path)));
    loop {
        if let Some((path, seen)) = policy.as_mut().filter(|(path, seen)| has_changed(path, seen)) {
            *seen = stamp(path);
            take_policy(&state, path);
        }
        if let Some((path, seen)) = tokens.as_mut().filter(|(path, seen)| has_changed(path, seen)) {
            *seen = stamp(path);
            take_tokens(&state, path);
        }
        if let Some(mut looking) = watched.take() {
            // A database of cities takes a moment to read.
            let looked = spawn_blocking(move || (looking.look(), looking)).await;
            let Ok((look, looking)) = looked else { return };
            report(&state, &look);
            watched = Some(looking);
        }
        sleep(state.settings.look_every).await;
    }
}

/// A file that vanishes for a moment, as some editors do it, has not changed.
fn has_changed(path: &Path, seen: &Stamp) -> bool {
    let now = stamp(path);
    now.is_some() && now != *seen
}

fn take_policy(state: &State, path: &Path) {
    match read_policy(path) {
        Ok(policy) => {
            if policy != *state.balancer().policy() {
                state.balancer().set_policy(policy);
                state.counters.policies.count();
                tracing::info!(file = %path.display(), "a new policy is in use");
            }
        }
        Err(error) => {
            state.counters.policies_failed.count();
            tracing::error!(%error, "the former policy stays in use");
        }
    }
}

fn take_tokens(state: &State, path: &Path) {
    match Tokens::load(path) {
        Ok(tokens) => {
            tracing::info!(file = %path.display(), tokens = tokens.count(), "the tokens were read again");
            state.set_tokens(tokens);
        }
        Err(error) => {
            state.counters.tokens_failed.count();
            tracing::error!(%error, "the former tokens stay in use");
        }
    }
}

pub(super) fn report(state: &State, look: &Look) {
    match look {
        Look::Same => {}
        Look::Loaded(database) => {
            state.counters.locations.count();
            tracing::info!(kind = database.kind(), made_s = database.made_s(), "a location database is in use");
        }
        Look::Kept(error) => {
            state.counters.locations_failed.count();
            tracing::error!(%error, "the former location database stays in use, if there is one");
        }
    }
}

/// Reads the certificate again when its files change, forever.
pub(super) async fn certificates(state: Arc<State>, certificates: Arc<Certificates>) {
    let mut complaint = String::new();
    loop {
        sleep(state.settings.look_every).await;
        let reading = Arc::clone(&certificates);
        let looked =
            spawn_blocking(move || if reading.changed() { reading.reload().map(|()| true) } else { Ok(false) });
        match looked.await {
            Ok(Ok(is_new)) => {
                complaint.clear();
                if is_new {
                    tracing::info!(fingerprint = %certificates.fingerprint(), "a new certificate is in use");
                }
            }
            Ok(Err(error)) => {
                let text = error.to_string();
                if text != complaint {
                    state.counters.certificates_failed.count();
                    tracing::error!(%error, "the former certificate stays in use");
                    complaint = text;
                }
            }
            Err(_) => return,
        }
    }
}
