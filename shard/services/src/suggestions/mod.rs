//! Suggestions: ranked places for people, a price and a cuisine.
//!
//! The score is a documented sum, and each part of it says why. What players like, dislike or have visited moves it. Nothing is
//! learned from other players.

mod actions;
mod counters;
mod cuisine;
mod feedback;
mod score;
mod suggester;
#[cfg(test)]
mod tests;

pub use actions::{FeedbackRequest, PartRecord, SuggestAnswer, SuggestRequest, SuggestionRecord, register};
pub use counters::Counters;
pub use cuisine::similarity;
pub use feedback::{Feedback, FeedbackError, PLACES_MAX, Remark, Verdict};
pub use score::{Part, Wish, score};
pub use suggester::{CANDIDATES, SuggestError, Suggester, Suggestion};
