//! Ranks the places around a position for a wish.

use super::counters::Counters;
use super::feedback::{Feedback, FeedbackError, Remark, Verdict};
use super::score::{Part, Wish, score};
use crate::AccountId;
use crate::places::{Place, Places, PlacesError, Position};
use std::sync::Arc;

/// Places that are ranked, at most: the nearest ones.
pub const CANDIDATES: usize = 500;

/// A place, and why it is where it is in the ranking.
#[derive(Clone, PartialEq, Debug)]
pub struct Suggestion {
    /// The place.
    pub place: Place,
    /// In metres.
    pub distance: f64,
    /// The sum of all points.
    pub score: f64,
    /// The parts of the score.
    pub parts: Vec<Part>,
}

/// Why there are no suggestions.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// The places cannot be queried.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// The feedback cannot be read or written.
    #[error(transparent)]
    Feedback(#[from] FeedbackError),
    /// The server stops.
    #[error("the server ends")]
    Ending,
    /// There is no such place.
    #[error("there is no such place")]
    NoPlace,
}

/// Suggests places of one kind. A clone is another handle to the same feedback.
#[derive(Clone)]
pub struct Suggester {
    places: Places,
    kind: Arc<str>,
    feedback: Arc<Feedback>,
    counters: Arc<Counters>,
}

impl Suggester {
    /// Suggests places of `kind`, such as `restaurant`.
    pub fn new(places: Places, kind: &str, feedback: Feedback) -> Self {
        Suggester { places, kind: kind.into(), feedback: Arc::new(feedback), counters: Arc::default() }
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The best places within so many metres, the best first; of equal scores, the nearest first. The nearest [`CANDIDATES`]
    /// places are ranked.
    ///
    /// # Errors
    /// [`SuggestError`].
    pub async fn suggest(
        &self,
        account: Option<AccountId>,
        wish: &Wish,
        (at, within): (Position, f64),
        (limit, now_ms): (usize, u64),
    ) -> Result<Vec<Suggestion>, SuggestError> {
        let kind = Some(self.kind.to_string());
        let around = self.places.nearest(at, within, kind, CANDIDATES).await?;
        let remarks = self.remarks(account).await?;
        let mut suggestions: Vec<Suggestion> = around
            .into_iter()
            .filter_map(|near| {
                let parts = score(wish, &near, &remarks, now_ms)?;
                let score = parts.iter().map(|part| part.points).sum();
                Some(Suggestion { place: near.place, distance: near.distance, score, parts })
            })
            .collect();
        // The sort is stable, and the places are in the order of distance.
        suggestions.sort_by(|a, b| b.score.total_cmp(&a.score));
        suggestions.truncate(limit);
        Ok(suggestions)
    }

    /// Stores an account's feedback on a place.
    ///
    /// # Errors
    /// [`SuggestError`].
    pub async fn say(&self, account: AccountId, place: u64, verdict: Verdict, now_ms: u64) -> Result<(), SuggestError> {
        let place = self.places.by_key(place).await?.ok_or(SuggestError::NoPlace)?;
        self.blocking(move |feedback| feedback.say(account, (place.key, &place.cuisine), verdict, now_ms)).await
    }

    async fn remarks(&self, account: Option<AccountId>) -> Result<Vec<Remark>, SuggestError> {
        let Some(account) = account else { return Ok(Vec::new()) };
        self.blocking(move |feedback| feedback.of(account)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Feedback) -> Result<T, FeedbackError> + Send + 'static,
    ) -> Result<T, SuggestError> {
        let feedback = Arc::clone(&self.feedback);
        match tokio::task::spawn_blocking(move || work(&feedback)).await {
            Ok(done) => Ok(done?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(SuggestError::Ending),
        }
    }
}
