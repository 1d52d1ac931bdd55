//! Where a player enters: at the next server of a list, or where a balancer sends it.

use super::Place;
use serde::Deserialize;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;
use ureq::Agent;

/// How long a balancer may take to answer. Then the player asks the next one.
const PATIENCE: Duration = Duration::from_secs(1);

/// The balancers of the fleet, as one player asks them.
#[derive(Clone)]
pub(super) struct Balancers {
    urls: Vec<String>,
    agent: Agent,
    /// The player's own address, which the balancers take from `X-Forwarded-For`.
    address: String,
    account: u32,
}

/// What a balancer has answered.
pub(super) struct Route {
    pub place: Place,
    /// With it, the player reports that it did not reach the host.
    pub receipt: String,
    /// Balancers before that one that did not answer.
    pub silent: u64,
}

/// A question that is under way.
pub(super) struct Asked(Receiver<Option<Route>>);

#[derive(Deserialize)]
struct Answer {
    address: String,
    key: String,
    receipt: String,
}

impl Balancers {
    /// For the player of this number. None: there are none.
    pub(super) fn new(urls: &[String], player: u32) -> Option<Self> {
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
        let [_, a, b, c] = player.to_be_bytes();
        let address = format!("10.{a}.{b}.{c}");
        (!urls.is_empty()).then(|| Balancers { urls: urls.to_vec(), agent: config.into(), address, account: player })
    }

    /// Asks one after the other until one answers with a host. `failed` is the receipt of a host that the player did not reach.
    pub(super) fn ask(&self, failed: Option<&str>) -> Option<Route> {
        let first = self.account as usize;
        let all = (0..self.urls.len()).map(|turn| &self.urls[(first + turn) % self.urls.len()]);
        let mut silent = 0;
        for url in all {
            match self.ask_one(url, failed) {
                Ok((place, receipt)) => return Some(Route { place, receipt, silent }),
                Err(error) => silent += u64::from(!is_answer(&error)),
            }
        }
        None
    }

    /// The same, while the other players go on.
    pub(super) fn begin(&self, failed: Option<String>) -> Asked {
        let (answer, asked) = channel();
        let balancers = self.clone();
        std::thread::spawn(move || answer.send(balancers.ask(failed.as_deref())));
        Asked(asked)
    }

    fn ask_one(&self, url: &str, failed: Option<&str>) -> Result<(Place, String), ureq::Error> {
        let request = self.agent.get(format!("{url}/v1/route")).header("X-Forwarded-For", &self.address);
        let request = request.query("account", format!("wanderer-{}", self.account));
        let request = failed.into_iter().fold(request, |request, receipt| request.query("failed", receipt));
        let answer: Answer = request.call()?.body_mut().read_json()?;
        let place = format!("{}={}", answer.address, answer.key).parse().map_err(std::io::Error::other)?;
        Ok((place, answer.receipt))
    }
}

/// Whether a balancer has answered all the same: with a refusal, or a place in its queue.
fn is_answer(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::StatusCode(_) | ureq::Error::Json(_))
}

impl Asked {
    /// The answer, once it is there. `Some(None)`: no balancer knew a host.
    pub(super) fn poll(&self) -> Option<Option<Route>> {
        match self.0.try_recv() {
            Ok(route) => Some(route),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(None),
        }
    }
}
