//! The description of the whole door: the actions, and what this folder serves beside them (`openapi.json`).

use super::super::state::State;
use axum::Json;
use axum::extract::State as Of;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What `openapi.json` adds to the description of the actions.
#[derive(Deserialize)]
struct Endpoints {
    paths: Map<String, Value>,
    responses: Map<String, Value>,
    schemas: Map<String, Value>,
}

pub(super) async fn document(Of(state): Of<Arc<State>>) -> Json<Value> {
    let mut document = state.actions.openapi(env!("CARGO_PKG_VERSION"));
    let Endpoints { paths, responses, schemas } =
        serde_json::from_str(include_str!("openapi.json")).expect("the file is JSON");
    for (path, mut endpoint) in paths {
        // The action that lists the actions has the path of the endpoint that lists them.
        let action = document["paths"][&path]["post"].take();
        if !action.is_null() {
            endpoint["post"] = action;
        }
        document["paths"][path] = endpoint;
    }
    document["components"]["responses"] = Value::Object(responses);
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = schema;
    }
    Json(document)
}
