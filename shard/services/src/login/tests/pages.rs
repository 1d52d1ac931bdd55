//! Web pages of other origins.

use super::client::request;
use super::*;
use axum::body::Body;
use axum::http::{HeaderName, Method};

const HOME: &str = "https://play.example";

/// What the door answers a page of an origin.
async fn ask(bench: &Bench, origin: &'static str, method: Method, path: &str, preflight: bool) -> client::Answer {
    let mut request = request(method, path, None, Body::empty());
    request.headers_mut().insert("origin", origin.parse().unwrap());
    if preflight {
        request.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
    }
    bench.client().await.send(request).await.unwrap()
}

const ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-origin");

#[tokio::test]
async fn a_page_of_a_known_origin_may_ask_and_read_each_answer() {
    let bench = Bench::open(|settings| settings.origins = vec![HOME.to_owned()]).await;
    for path in ["/v1/login", "/v1/twice", "/v1/sessions/7"] {
        let answer = ask(&bench, HOME, Method::OPTIONS, path, true).await;
        assert_eq!((answer.status, &answer.headers[ALLOWED]), (204, &HOME.parse().unwrap()), "{path}");
        assert_eq!(answer.headers["access-control-allow-methods"], "GET, POST, DELETE");
        assert_eq!(answer.headers["access-control-allow-headers"], "authorization, content-type, idempotency-key");
    }
    // A page must also be able to read why it was refused.
    for (path, status) in [("/v1/health", 200), ("/v1/sessions", 401), ("/v1/nothing", 404), ("/v1/login", 405)] {
        let answer = ask(&bench, HOME, Method::GET, path, false).await;
        assert_eq!((answer.status, &answer.headers[ALLOWED]), (status, &HOME.parse().unwrap()), "{path}");
        assert_eq!(answer.headers["vary"], "origin");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn no_other_page_may_and_programs_do_without() {
    let bench = Bench::open(|settings| settings.origins = vec![HOME.to_owned()]).await;
    for origin in ["https://evil.example", "https://play.example:444", "null"] {
        let preflight = ask(&bench, origin, Method::OPTIONS, "/v1/login", true).await;
        assert_eq!((preflight.status, &preflight.body["status"]), (403, &json!(403)), "{origin}");
        let answer = ask(&bench, origin, Method::GET, "/v1/health", false).await;
        assert!(!preflight.headers.contains_key(ALLOWED) && !answer.headers.contains_key(ALLOWED), "{origin}");
    }
    let program = bench.client().await.get("/v1/health", None).await;
    assert!(program.status == 200 && !program.headers.contains_key(ALLOWED));
    let options = bench.client().await.ask(Method::OPTIONS, "/v1/login", None, Body::empty()).await;
    assert_eq!(options.status, 405);
}
