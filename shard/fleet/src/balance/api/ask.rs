//! A request to the balancer, made of the fields, the headers and the address. What clients carry from one balancer to another is
//! checked here: what is forged or too old is counted, and has no effect.

use super::answer::Refusal;
use crate::balance::hash::short_hash;
use crate::balance::query::Fields;
use crate::balance::state::State;
use crate::balancer::{Ask, Forged, Party, Receipt, network_hash};
use crate::model::Name;
use axum::http::{HeaderMap, header};
use ipnet::Ipv6Net;
use ringshard_operation::admission::network_of;
use std::net::IpAddr;

/// Reports of one customer count as one: it may have a whole /48 of IPv6.
const SITE_V6_BITS: u8 = 48;
/// A receipt counts for so long.
const RECEIPT_MS: u64 = 600_000;

impl State {
    /// The fields of a query.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(super) fn fields(&self, query: Option<&str>) -> Result<Fields, Refusal> {
        Fields::parse(query.unwrap_or_default()).map_err(|fault| {
            self.counters.requests_malformed.count();
            Refusal::new(400, fault)
        })
    }

    /// What the balancer is asked. `now_ms` is the time since 1970.
    ///
    /// # Errors
    /// The pass of a party is forged or too old: the client must know, because its party would be split.
    pub(super) fn ask(&self, fields: Fields, headers: &HeaderMap, from: IpAddr, now_ms: u64) -> Result<Ask, Refusal> {
        let network = network_hash(network_of(from));
        let token = headers.get(header::AUTHORIZATION).map(|value| short_hash(value.as_bytes()));
        let ticket = fields.queue.as_deref().and_then(|text| self.genuine(self.seal.open_ticket(text)));
        let party = self.party(&fields, now_ms)?;
        let failed = self.failed(&fields.failed, from, now_ms);
        let request = fields.request(self.whereabouts(from), token, party, failed);
        let has_account = self.login.is_some() && token.is_some();
        Ok(Ask { request, network, holder: token.unwrap_or(network), ticket, has_account })
    }

    fn genuine<T>(&self, opened: Result<T, Forged>) -> Option<T> {
        opened.inspect_err(|_| self.counters.forged.count()).ok()
    }

    fn party(&self, fields: &Fields, now_ms: u64) -> Result<Option<Party>, Refusal> {
        let Some(text) = &fields.pass else { return Ok(fields.founder()) };
        let pass = self
            .genuine(self.seal.open_pass(text))
            .ok_or_else(|| Refusal::new(400, "pass: no balancer of this fleet made it"))?;
        if pass.until_ms < now_ms {
            self.counters.stale.count();
            return Err(Refusal::new(400, "pass: it is too old: the first member of the party asks for a new one"));
        }
        Ok(Some(Party::Member(pass)))
    }

    /// The hosts that the client could not reach. Each receipt is a report, too: only clients that were sent to a host can say that
    /// they do not reach it.
    fn failed(&self, texts: &[String], from: IpAddr, now_ms: u64) -> Vec<Name> {
        let (network, site) = (network_hash(network_of(from)), network_hash(site_of(from)));
        let mut failed = Vec::new();
        for text in texts {
            let Some(Receipt { network: sent_to, at_ms, host }) = self.genuine(self.seal.open_receipt(text)) else {
                continue;
            };
            if sent_to != network || at_ms + RECEIPT_MS < now_ms {
                self.counters.stale.count();
                continue;
            }
            self.counters.failures_reported.count();
            if self.balancer().report(&host, site, self.now_ms()) {
                self.counters.hosts_avoided.count();
                tracing::warn!(%host, "several clients cannot reach a host: it gets no newcomers for a while");
            }
            failed.push(host);
        }
        failed
    }
}

/// What one customer has: an IPv4 address, or a /48 of IPv6.
fn site_of(address: IpAddr) -> IpAddr {
    match network_of(address) {
        IpAddr::V6(network) => Ipv6Net::new_assert(network, SITE_V6_BITS).network().into(),
        v4 => v4,
    }
}
