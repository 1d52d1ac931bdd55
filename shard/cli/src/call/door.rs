//! What both ways to a server's actions have in common.

use crate::failure::Failure;
use crate::login::Https;
use ringshard_client::requests::value::Value;
use serde_json::Value as Json;

/// A way to a server's actions.
pub trait Door {
    /// Calls an action, and waits for its answer.
    ///
    /// # Errors
    /// [`Failure`].
    fn call(&mut self, path: &str, request: &Value) -> Result<Answer, Failure>;
}

/// What an action answers.
pub enum Answer {
    /// A value that knows its type, from UDP.
    Typed(Value),
    /// JSON, from HTTPS.
    Json(Json),
}

impl Answer {
    /// The answer as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Answer::Typed(value) => value.to_json(),
            Answer::Json(json) => json.clone(),
        }
    }
}

impl Door for Https {
    fn call(&mut self, path: &str, request: &Value) -> Result<Answer, Failure> {
        let body = match request.to_json() {
            Json::Null => Json::Object(serde_json::Map::new()),
            json => json,
        };
        self.post(path, &body).map(Answer::Json)
    }
}
