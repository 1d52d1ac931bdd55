//! `/v1/suggest` and `/v1/suggest/feedback`.

use super::feedback::Verdict;
use super::score::{Part, Wish};
use super::suggester::{SuggestError, Suggester, Suggestion};
use crate::actions::{Access, Action, Builder, Caller, Failure, Limits};
use crate::counters::count;
use crate::places::{PlaceRecord, Position, within};
use ringshard_requests::record;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PEOPLE_MAX: u32 = 1_000;
const PRICE_MAX: f64 = 1e9;
const CUISINE_BYTES_MAX: usize = 64;
const WITHIN_DEFAULT: f64 = 10_000.0;
const LIMIT_DEFAULT: u16 = 10;
const LIMIT_MAX: u16 = 20;
/// Bytes of the suggestions of an answer.
const ANSWER_BYTES_MAX: usize = 14_000;

record! {
    /// Asks where to eat.
    pub struct SuggestRequest {
        /// From 1 to 1,000.
        pub people: u32,
        /// For all of them together.
        pub price: f64,
        /// Such as "italian"; any without it.
        pub cuisine: Option<String>,
        /// In degrees.
        pub latitude: f64,
        /// In degrees.
        pub longitude: f64,
        /// In metres; 10,000 without it.
        pub within: Option<f64>,
        /// From 1 to 20; 10 without it.
        pub limit: Option<u16>,
    }
}

record! {
    /// A part of a score.
    pub struct PartRecord {
        /// Such as "budget".
        pub name: String,
        /// What it adds.
        pub points: f64,
        /// A sentence.
        pub why: String,
    }
}

record! {
    /// A place, and why it is suggested.
    pub struct SuggestionRecord {
        /// The place.
        pub place: PlaceRecord,
        /// The sum of the points.
        pub score: f64,
        /// The parts of the score.
        pub parts: Vec<PartRecord>,
    }
}

record! {
    /// Places, the best first.
    pub struct SuggestAnswer {
        /// May be empty.
        pub suggestions: Vec<SuggestionRecord>,
    }
}

record! {
    /// Gives feedback on a place.
    pub struct FeedbackRequest {
        /// The key of the place.
        pub place: u64,
        /// `liked`, `disliked`, `visited`, or `nothing`, which takes all of it back.
        pub verdict: String,
    }
}

impl From<SuggestError> for Failure {
    fn from(error: SuggestError) -> Failure {
        match error {
            SuggestError::Places(error) => error.into(),
            SuggestError::NoPlace => Failure::new(404, error.to_string()),
            error => Failure::new(503, error.to_string()).wait(Duration::from_secs(5)),
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}

/// Adds the actions.
pub fn register(actions: &mut Builder, suggester: &Suggester) {
    let asked = suggester.clone();
    let about = "Suggests places to eat for people, a price, a cuisine and a position, and says why.";
    let limits = Limits { per_second: 5.0, burst: 10, ..Limits::default() };
    let action = Action { path: "/v1/suggest", about, access: Access::Anybody, limits };
    actions.add(action, move |caller: Caller, request: SuggestRequest| {
        let suggester = asked.clone();
        async move {
            count(&suggester.counters().asked);
            let answer = suggest(&suggester, &caller, request).await;
            answer.inspect_err(|_| count(&suggester.counters().failed))
        }
    });
    let asked = suggester.clone();
    let about = "Says of a place that you like, dislike or have visited it. Later suggestions take it into account.";
    let action = Action { path: "/v1/suggest/feedback", about, access: Access::Account, limits };
    actions.add(action, move |caller: Caller, request: FeedbackRequest| {
        let suggester = asked.clone();
        async move {
            count(&suggester.counters().remarks);
            let answer = say(&suggester, &caller, request).await;
            answer.inspect_err(|_| count(&suggester.counters().failed))
        }
    });
}

async fn suggest(suggester: &Suggester, caller: &Caller, it: SuggestRequest) -> Result<SuggestAnswer, Failure> {
    if !(1..=PEOPLE_MAX).contains(&it.people) {
        return Err(Failure::new(400, format!("people lies between 1 and {PEOPLE_MAX}")));
    }
    if !(it.price > 0.0 && it.price <= PRICE_MAX) {
        return Err(Failure::new(400, "price lies above 0"));
    }
    let cuisine = it.cuisine.unwrap_or_default();
    if cuisine.len() > CUISINE_BYTES_MAX {
        return Err(Failure::new(400, format!("cuisine has at most {CUISINE_BYTES_MAX} bytes")));
    }
    let limit = it.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure::new(400, format!("a limit lies between 1 and {LIMIT_MAX}")));
    }
    let at = (Position::new(it.latitude, it.longitude)?, within(it.within, WITHIN_DEFAULT)?);
    let wish = Wish { people: it.people, price: it.price, cuisine };
    let found = suggester.suggest(caller.account, &wish, at, (usize::from(limit), now_ms())).await?;
    let mut bytes = 0;
    let fitting = found.into_iter().map(record).take_while(|it| {
        let parts: usize = it.parts.iter().map(|part| 16 + part.name.len() + part.why.len()).sum();
        bytes += it.place.bytes() + parts;
        bytes <= ANSWER_BYTES_MAX
    });
    Ok(SuggestAnswer { suggestions: fitting.collect() })
}

fn record(it: Suggestion) -> SuggestionRecord {
    let part = |Part { name, points, why }| PartRecord { name: String::from(name), points, why };
    SuggestionRecord {
        place: PlaceRecord::new(it.place, Some(it.distance)),
        score: it.score,
        parts: it.parts.into_iter().map(part).collect(),
    }
}

async fn say(suggester: &Suggester, caller: &Caller, it: FeedbackRequest) -> Result<(), Failure> {
    let account = caller.account.ok_or_else(|| Failure::new(401, "log in to say something of a place"))?;
    let verdict = match it.verdict.as_str() {
        "liked" => Verdict::Liked,
        "disliked" => Verdict::Disliked,
        "visited" => Verdict::Visited,
        "nothing" => Verdict::Nothing,
        _ => return Err(Failure::new(400, "verdict is liked, disliked, visited or nothing")),
    };
    Ok(suggester.say(account, it.place, verdict, now_ms()).await?)
}
