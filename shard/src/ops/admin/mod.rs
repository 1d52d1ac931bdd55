//! The admin port and the admin socket: HTTP, on threads of their own. No core ever waits for them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the dashboard |
//! | `GET /live` | 200 while every core turns. It answers at once, without asking the cores |
//! | `GET /ready` | 200 while every core turns and the server admits clients. A second line tells what is wrong with its place in a fleet |
//! | `GET /fleet` | the server's place in a fleet, as JSON; null without a fleet |
//! | `GET /host` | what a fleet needs to know: state, key, contract, players, load. It answers at once |
//! | `GET /metrics` | everything, for Prometheus: OpenMetrics if `Accept` asks for it, else the classic text format |
//! | `GET /stats` | everything, as JSON; of a stuck core its last figures, and for how long it has been stuck (`stuck_s`) |
//! | `GET /histograms` | latency percentiles by core and stage |
//! | `GET /sessions` | connections: `sort`, `limit`, `core`, `address`, `id`; the header `Ringshard-Missing-Cores` names stuck cores |
//! | `GET /path` | the path of a player, tick by tick: `player`, a player or connection, and `seconds`. It takes that long |
//! | `GET /capture` | the datagrams of some seconds, as a file for Wireshark: `seconds`, `megabytes`, `address` |
//! | `GET /keys` | traffic secrets, to decrypt captures; only if `key-log` allows it |
//! | `GET /config` | every setting, and its source |
//! | `POST /reload` | reads the settings again |
//! | `POST /kick` | ends connections: `target`, an id, an address or an address with a port |
//! | `POST /drain` | admits no new clients; ends the server when all have left or `drain-ms` is over |
//!
//! By default the port listens on loopback only. With `admin-token-file`, requests need its token, except `/`, `/live` and
//! `/ready`. Without, any process of this host may ask and none may give commands: those need the token, the Unix socket
//! `admin-socket`, which the file system guards, or a signal. A page of another site cannot ask through a browser on this
//! host, because its requests name another host.
//!
//! | module | for |
//! |---|---|
//! | `listener` | the port, the socket, and accepting connections |
//! | `http_connections` | the open connections |
//! | `guard` | which requests are allowed |
//! | `routes` | the requests above |
//! | `respond` | running a request beside the HTTP thread |
//! | `capture_stream`, `connection_query`, `metrics` | answers that need more than a line |
//! | `client`, [`unix_client`] | the other end: asking a running server |

mod capture_stream;
mod client;
mod connection_query;
mod guard;
mod http_connections;
mod listener;
mod metrics;
mod respond;
mod routes;
pub mod unix_client;

pub use client::{AdminClient, AdminClientError};
pub use connection_query::{ConnectionQuery, SortOrder};
pub use listener::{AdminListener, BindError};
