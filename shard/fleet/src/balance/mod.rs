//! `ringshard balance`: the balancer as an HTTP or HTTPS server. Any number of instances may run; none keeps what a client must
//! not lose.
//!
//! | folder or file | has |
//! |---|---|
//! | `settings` | the settings of the balancer |
//! | `run` | an instance from its settings to its end: signals, reloads, drain |
//! | `server` | [`Server`]: an open port, and the tasks behind it |
//! | `feed` | takes new directories, policies, locations and tokens |
//! | `connections` | TCP and TLS connections |
//! | `places` | how many connections there may be, and how fast an address may ask |
//! | `api` | what is answered to which request |
//! | `state` | what all requests share |
//! | `query` | the fields of a request |
//! | `client_address` | the address of a client, through proxies that are trusted |
//! | `login` | tickets of the login door |
//! | `fleet` | orders to hosts, and the policy, as the registry keeps them |
//! | `tokens` | who may read and who may write |
//! | `audit` | who changed what |
//! | `flows` | the decisions of the last minutes, by place and region |
//! | `draining` | tells everything that the balancer drains |
//! | `counters`, `metrics` | what is counted, and how it is reported |
//! | `explain` | a decision in full, without a balancer that runs |
//! | `clock`, `hash` | the time, hashes of what clients send |

mod api;
mod audit;
mod client_address;
mod clock;
mod connections;
mod counters;
mod draining;
mod explain;
mod feed;
mod fleet;
mod flows;
mod hash;
mod login;
mod metrics;
mod places;
mod query;
mod run;
mod server;
mod settings;
mod state;
mod tokens;

pub use explain::explain;
pub use fleet::Registry;
pub use run::{check, run};
pub use server::{Server, StartError};
pub use settings::{CertificateFiles, LimitSettings, LoginSettings, Raw, Settings, SettingsError, Sources};

#[cfg(test)]
mod tests;
