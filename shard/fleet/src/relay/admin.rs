//! The admin port: metrics for Prometheus, and the node as JSON. It reads; nothing can be changed here.

use super::driver::Driver;
use crate::model::Node;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde_json::json;
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 16;
/// For the head of a request, and for a connection.
const HEAD: Duration = Duration::from_secs(5);
const CONNECTION: Duration = Duration::from_secs(30);
/// Time until the next try, once the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";

/// Serves, forever. `node` has what does not change of the node.
pub(super) async fn serve(listener: TcpListener, driver: Rc<Driver>, node: Node) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (driver, node) = (Rc::clone(&driver), node.clone());
                spawn_local(async move {
                    connection(stream, driver, node).await;
                    drop(place);
                });
            }
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}

async fn connection(stream: TcpStream, driver: Rc<Driver>, node: Node) {
    let service = service_fn(move |request| {
        let answer = answer(&request, &driver, &node);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // Errors are the client's.
    let _ = timeout(CONNECTION, builder.serve_connection(TokioIo::new(stream), service)).await;
}

fn answer(request: &Request<Incoming>, driver: &Driver, node: &Node) -> Response<String> {
    if request.method() != Method::GET {
        return reply(StatusCode::METHOD_NOT_ALLOWED, JSON, json!({ "error": "ask with GET" }).to_string());
    }
    match request.uri().path() {
        "/metrics" => match metrics(driver) {
            Ok(text) => reply(StatusCode::OK, METRICS, text),
            Err(error) => {
                reply(StatusCode::INTERNAL_SERVER_ERROR, JSON, json!({ "error": error.to_string() }).to_string())
            }
        },
        "/node" => {
            let shown = driver.with_relay(super::Relay::shown);
            let state = json!({ "node": Node { links: shown.links, ..node.clone() }, "routes": shown.routes, "clients": shown.clients, "exits": shown.exits });
            reply(StatusCode::OK, JSON, state.to_string())
        }
        _ => reply(StatusCode::NOT_FOUND, JSON, json!({ "error": "there are /metrics and /node" }).to_string()),
    }
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}

fn metrics(driver: &Driver) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let figures = driver.with_relay(Figures::of);
    registry.sub_registry_with_prefix("ringshard_relay").register_collector(Box::new(figures));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// The figures of one scrape.
#[derive(Debug)]
struct Figures {
    counters: Vec<(&'static str, &'static str, u64)>,
    clients: usize,
    exits: usize,
    links: Vec<Link>,
}

/// A link, with its figures in the order of [`LINK_FIGURES`].
#[derive(Debug)]
struct Link {
    labels: [(&'static str, String); 2],
    figures: [f64; 4],
}

const LINK_FIGURES: [(&str, &str); 4] = [
    ("link_up", "1 while probes of a link are answered"),
    ("link_round_trip_best_seconds", "Best round trip of a link in the last one to two minutes"),
    ("link_round_trip_seconds", "Smoothed round trip of a link"),
    ("link_loss_ratio", "Share of the last hundred probes of a link that were lost"),
];

impl Figures {
    fn of(relay: &super::Relay) -> Figures {
        let mut counters = Vec::new();
        relay.counters().each(&mut |name, help, value| counters.push((name, help, value)));
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        let links = relay.measured().into_iter().map(|link| Link {
            labels: [("kind", link.kind.to_owned()), ("to", link.to.to_string())],
            figures: [f64::from(u8::from(link.up)), seconds(link.best), seconds(link.round_trip), link.loss],
        });
        let links = links.collect();
        let shown = relay.shown();
        Figures { counters, clients: shown.clients, exits: shown.exits, links }
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = [
            ("clients", "Clients at the doors of this edge now", self.clients as f64),
            ("exits", "Clients for which this is the last node now", self.exits as f64),
        ];
        for (name, help, value) in gauges {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (at, (name, help)) in LINK_FIGURES.iter().enumerate() {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for link in &self.links {
                ConstGauge::new(link.figures[at]).encode(metric.encode_family(&link.labels)?)?;
            }
        }
        for (name, help, value) in &self.counters {
            ConstCounter::new(*value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
