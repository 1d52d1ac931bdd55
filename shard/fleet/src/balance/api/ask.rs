//! A request to the balancer, made of the fields, the headers and the address. What clients carry from one balancer to another is
//! checked here: what is forged or too old has no effect. If a client shows it, it is counted.

use super::answer::Refusal;
use crate::balance::hash::short_hash;
use crate::balance::query::Fields;
use crate::balance::state::State;
use crate::balancer::{Ask, Forged, HELD_PER_NETWORK_MAX, Party, Receipt, network_hash};
use crate::model::Name;
use axum::http::{HeaderMap, header};
use ipnet::Ipv6Net;
use ringshard_operation::admission::network_of;
use std::net::IpAddr;

/// Reports of one customer count as one: it may have a whole /48 of IPv6.
const SITE_V6_BITS: u8 = 48;
/// A receipt counts for so long.
const RECEIPT_MS: u64 = 600_000;

/// What a request showed.
#[derive(Default)]
struct Shown {
    forged: u32,
    stale: u32,
    /// Hosts that the client was sent to, and could not reach.
    failed: Vec<Name>,
}

impl State {
    /// The fields of a query, of those that are taken.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(super) fn fields(&self, query: Option<&str>, taken: &[&str]) -> Result<Fields, Refusal> {
        Fields::parse(query.unwrap_or_default(), taken).map_err(|fault| {
            self.counters.requests_malformed.count();
            Refusal::new(400, fault)
        })
    }

    /// What a client asks the balancer. What it shows is counted, and its receipts are reports. `now_ms` is the time since
    /// 1970.
    ///
    /// # Errors
    /// The pass of a party is forged or too old: the client must know, because its party would be split. Or its party is larger
    /// than a client without an account may found.
    pub(super) fn ask(&self, fields: Fields, headers: &HeaderMap, from: IpAddr, now_ms: u64) -> Result<Ask, Refusal> {
        let token = headers.get(header::AUTHORIZATION).map(|value| short_hash(value.as_bytes()));
        let mut shown = Shown::default();
        let ask = self.read(fields, token, from, now_ms, &mut shown);
        self.note(&shown, from);
        let ask = Ask { has_account: self.login.is_some() && token.is_some(), ..ask? };
        check_size(&ask)?;
        Ok(ask)
    }

    /// What a client would ask, for an operator who wants to know why. It counts nothing, and reports nothing. The client is
    /// taken for the holder of its queue ticket, and for one with an account if there is a login door: an operator has no
    /// player's token.
    ///
    /// # Errors
    /// As [`State::ask`].
    pub(super) fn supposed(&self, fields: Fields, from: IpAddr, now_ms: u64) -> Result<Ask, Refusal> {
        let mut ask = self.read(fields, None, from, now_ms, &mut Shown::default())?;
        ask.holder = ask.ticket.map_or(ask.holder, |ticket| ticket.holder);
        ask.has_account = self.login.is_some();
        check_size(&ask)?;
        Ok(ask)
    }

    fn read(
        &self,
        fields: Fields,
        token: Option<u64>,
        from: IpAddr,
        now_ms: u64,
        shown: &mut Shown,
    ) -> Result<Ask, Refusal> {
        let network = network_hash(network_of(from));
        let ticket = fields.queue.as_deref().and_then(|text| shown.genuine(self.seal.open_ticket(text)));
        let party = self.party(&fields, now_ms, shown)?;
        self.read_receipts(&fields.failed, network, now_ms, shown);
        let request = fields.request(self.whereabouts(from), token, party, shown.failed.clone());
        Ok(Ask { request, network, holder: token.unwrap_or(network), ticket, has_account: false })
    }

    fn party(&self, fields: &Fields, now_ms: u64, shown: &mut Shown) -> Result<Option<Party>, Refusal> {
        let Some(text) = &fields.pass else { return Ok(fields.founder()) };
        let pass = shown
            .genuine(self.seal.open_pass(text))
            .ok_or_else(|| Refusal::new(400, "pass: no balancer of this fleet made it"))?;
        if pass.until_ms < now_ms {
            shown.stale += 1;
            return Err(Refusal::new(400, "pass: it is too old: the first member of the party asks for a new one"));
        }
        Ok(Some(Party::Member(pass)))
    }

    /// The hosts that the client could not reach. Only clients that were sent to a host can say that they do not reach it.
    fn read_receipts(&self, texts: &[String], network: u64, now_ms: u64, shown: &mut Shown) {
        for text in texts {
            let Some(Receipt { network: sent_to, at_ms, host }) = shown.genuine(self.seal.open_receipt(text)) else {
                continue;
            };
            if sent_to == network && at_ms + RECEIPT_MS >= now_ms {
                shown.failed.push(host);
            } else {
                shown.stale += 1;
            }
        }
    }

    /// Counts what a client showed, and takes its reports.
    fn note(&self, shown: &Shown, from: IpAddr) {
        for _ in 0..shown.forged {
            self.counters.forged.count();
        }
        for _ in 0..shown.stale {
            self.counters.stale.count();
        }
        let site = network_hash(site_of(from));
        for host in &shown.failed {
            self.counters.failures_reported.count();
            if self.balancer().report(host, site, self.now_ms()) {
                self.counters.hosts_avoided.count();
                tracing::warn!(%host, "several clients cannot reach a host: it gets no newcomers for a while");
            }
        }
    }
}

impl Shown {
    fn genuine<T>(&mut self, opened: Result<T, Forged>) -> Option<T> {
        opened.inspect_err(|_| self.forged += 1).ok()
    }
}

/// As many places as a large party needs are held only for an account: otherwise anybody could fill the fleet by asking alone.
fn check_size(ask: &Ask) -> Result<(), Refusal> {
    match ask.request.party {
        Some(Party::Founder { size, .. }) if size > HELD_PER_NETWORK_MAX && !ask.has_account => {
            let error = format!("size: a party of more than {HELD_PER_NETWORK_MAX} needs the token of an account");
            Err(Refusal::new(400, error))
        }
        _ => Ok(()),
    }
}

/// What one customer has: an IPv4 address, or a /48 of IPv6.
fn site_of(address: IpAddr) -> IpAddr {
    match network_of(address) {
        IpAddr::V6(network) => Ipv6Net::new_assert(network, SITE_V6_BITS).network().into(),
        v4 => v4,
    }
}
