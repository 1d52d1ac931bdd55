//! What the admin port answers.

use super::metrics;
use crate::control::Control;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use ringshard_operation::Guard;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const DASHBOARD: &str = include_str!("dashboard.html");
/// Clients that one answer lists per thread, unless asked for fewer.
const ROWS_MAX: usize = 10_000;

type Answer = Response<Full<Bytes>>;

/// Answers a request.
pub(super) async fn answer<T>(request: &Request<T>, control: &Arc<Control>, guard: &Guard) -> Answer {
    if let Some((status, why)) = guard.refusal(request) {
        return plain(status, why);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => with_type("text/html; charset=utf-8", DASHBOARD.to_owned()),
        (&Method::GET, "/ready") if control.drains() => plain(StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (&Method::GET, "/ready") if control.has_failed() => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "a carrier has ended because its socket failed: restart the gateway")
        }
        (&Method::GET, "/ready") => plain(StatusCode::OK, "ready"),
        (&Method::GET, "/metrics") => match metrics::encode(control) {
            Ok(text) => with_type(metrics::CONTENT_TYPE, text),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        (&Method::GET, "/stats") => json_answer(&stats(control)),
        (&Method::GET, "/connections") => {
            let most =
                number(request.uri().query(), "limit").map_or(ROWS_MAX, |limit| limit.min(ROWS_MAX as u64) as usize);
            json_answer(&json!(control.connections(most).await))
        }
        (&Method::POST, "/reload") => reload(control),
        (&Method::POST, "/drain") => {
            control.drain(control.settings().drain);
            plain(StatusCode::ACCEPTED, "the gateway drains")
        }
        (&Method::POST, "/kick") => kick(request.uri().query(), control),
        (_, "/" | "/ready" | "/metrics" | "/stats" | "/connections" | "/reload" | "/drain" | "/kick") => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "GET /, /ready, /metrics, /stats, /connections?limit=N; POST /reload, /drain, /kick?thread=T&number=N",
        ),
    }
}

fn stats(control: &Control) -> Value {
    let (connections, clients) = control.taken();
    let threads = control.counters().iter().map(|counters| {
        let mut values = Map::new();
        counters.each(&mut |name, _, value| {
            values.insert(name.to_owned(), json!(value));
        });
        Value::Object(values)
    });
    json!({
        "name": control.settings().name,
        "uptime-seconds": control.uptime().as_secs(),
        "draining": control.drains(),
        "clients": clients,
        "connections": connections,
        "carrier-threads": control.settings().threads,
        "threads": threads.collect::<Vec<_>>(),
    })
}

fn reload(control: &Control) -> Answer {
    match control.reload() {
        Ok(need_restart) if need_restart.is_empty() => plain(StatusCode::OK, "reloaded"),
        Ok(need_restart) => {
            let names = need_restart.join(", ");
            plain(StatusCode::CONFLICT, &format!("reloaded, except what needs a restart: {names}"))
        }
        Err(error) => plain(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

fn kick(query: Option<&str>, control: &Control) -> Answer {
    let (Some(thread), Some(number)) = (number(query, "thread"), number(query, "number")) else {
        return plain(StatusCode::BAD_REQUEST, "name the client: /kick?thread=T&number=N, as /connections lists it");
    };
    match control.kick(usize::try_from(thread).unwrap_or(usize::MAX), number) {
        true => plain(StatusCode::ACCEPTED, "the client is closed, if it is still there"),
        false => plain(StatusCode::NOT_FOUND, "there is no such thread"),
    }
}

fn number(query: Option<&str>, name: &str) -> Option<u64> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

fn json_answer(value: &Value) -> Answer {
    with_type("application/json", value.to_string())
}

fn plain(status: StatusCode, what: &str) -> Answer {
    let mut answer = with_type("text/plain; charset=utf-8", format!("{what}\n"));
    *answer.status_mut() = status;
    answer
}

fn with_type(kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
