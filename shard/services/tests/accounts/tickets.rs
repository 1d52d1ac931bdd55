//! Tickets: from the issuer to the verifier, and what is refused.

use super::folder::{Folder, HOME, register, settings};
use proptest::prelude::*;
use ringshard_requests::ticket::{NoTicket, TICKET_BYTES_MAX, TICKET_NAME_BYTES_MAX, TicketFields, TicketParts};
use ringshard_services::AccountId;
use ringshard_services::accounts::{AccountSettings, Accounts, LoginLimits};
use ringshard_services::tickets::{
    CLOCK_SKEW, IssuerKey, LIFETIME, ServerKey, TicketIssuer, TicketRefusal, TicketVerifier,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

const SERVER: ServerKey = ServerKey([7; 32]);
/// When the server started, in milliseconds since 1970.
const START: u64 = 1_700_000_000_000;
const SKEW: u64 = CLOCK_SKEW.as_millis() as u64;
const LIFE: u64 = LIFETIME.as_millis() as u64;

fn issuer(seed: u8) -> TicketIssuer {
    TicketIssuer::from_seed(&[seed; 32])
}

fn verifier(own: &TicketIssuer) -> TicketVerifier {
    TicketVerifier::new(SERVER, Some(own.key()), &[], START)
}

/// A ticket of account 5, issued at a time after the start.
fn ticket(issuer: &TicketIssuer, after: u64) -> Vec<u8> {
    issuer.issue(START + after, AccountId(5), "Ann", SERVER).bytes
}

fn counted(verifier: &TicketVerifier, counter: &str) -> u64 {
    let mut value = None;
    verifier.counters().each(&mut |name, count| {
        if name.strip_prefix("services_tickets_") == Some(counter) {
            value = Some(count);
        }
    });
    value.unwrap_or_else(|| panic!("there is no counter {counter}"))
}

#[test]
fn a_ticket_lets_its_account_in_once() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    let ticket = ticket(&issuer, 10);
    let identity = verifier.verify(START + 20, &ticket, HOME).unwrap();
    assert_eq!((identity.account, identity.name.as_str()), (AccountId(5), "Ann"));
    assert_eq!(verifier.verify(START + 30, &ticket, HOME), Err(TicketRefusal::Used));
    assert_eq!((counted(&verifier, "accepted"), counted(&verifier, "used")), (1, 1));
}

#[test]
fn of_many_threads_with_one_ticket_one_gets_in() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    let ticket = ticket(&issuer, 10);
    let accepted = std::thread::scope(|scope| {
        let tries: Vec<_> =
            (0..4).map(|_| scope.spawn(|| verifier.verify(START + 20, &ticket, HOME).is_ok())).collect();
        tries.into_iter().map(|thread| thread.join().unwrap()).filter(|accepted| *accepted).count()
    });
    assert_eq!(accepted, 1);
}

#[test]
fn a_ticket_has_its_time() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    let check = |issued: u64, now: u64| verifier.verify(START + now, &ticket(&issuer, issued), HOME).map(drop);
    assert_eq!(check(10, 10 + LIFE + SKEW), Ok(()));
    assert_eq!(check(10, 11 + LIFE + SKEW), Err(TicketRefusal::Expired));
    assert_eq!(check(10 + SKEW, 10), Ok(()));
    assert_eq!(check(11 + SKEW, 10), Err(TicketRefusal::Early));
    assert_eq!(check(0, 10), Err(TicketRefusal::BeforeStart), "the process before may have seen it");
    assert_eq!(counted(&verifier, "expired") + counted(&verifier, "early") + counted(&verifier, "before_start"), 3);
}

#[test]
fn tickets_of_others_and_for_others_are_refused() {
    let (own, friend, stranger) = (issuer(1), issuer(2), issuer(3));
    let verifier = TicketVerifier::new(SERVER, Some(own.key()), &[friend.key()], START);
    let check = |ticket: &[u8], now: u64| verifier.verify(START + now, ticket, HOME).map(drop);
    assert_eq!(check(&ticket(&friend, SKEW + 1), SKEW + 2), Ok(()));
    assert_eq!(check(&ticket(&friend, SKEW), SKEW + 2), Err(TicketRefusal::BeforeStart), "its clock may be ahead");
    assert_eq!(check(&ticket(&stranger, 10), 20), Err(TicketRefusal::Unsigned));
    let for_other = own.issue(START + 10, AccountId(5), "Ann", ServerKey([8; 32])).bytes;
    assert_eq!(check(&for_other, 20), Err(TicketRefusal::OtherServer));
    // A stranger who names a known key.
    let mut forged = ticket(&stranger, 10);
    forged[1..9].copy_from_slice(&own.key().id());
    assert_eq!(check(&forged, 20), Err(TicketRefusal::Unsigned));
    assert_eq!(check(&[0x5a; 150], 20), Err(TicketRefusal::Malformed(NoTicket::Version(0x5a))));
    assert_eq!(check(&[], 20), Err(TicketRefusal::Malformed(NoTicket::Length(0))));
}

#[test]
fn an_issuer_cannot_make_a_ticket_that_lasts() {
    use ring::signature::Ed25519KeyPair;
    let (own, pair) = (issuer(1), Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
    let mut bytes = Vec::new();
    let fields = TicketFields {
        key_id: own.key().id(),
        server: SERVER.0,
        account: 5,
        name: "Ann",
        issued: START + 1,
        expires: u64::MAX,
        secret: [9; 16],
    };
    fields.write(&mut bytes);
    let signed = [b"ringshard ticket 1".as_slice(), &bytes].concat();
    bytes.extend_from_slice(pair.sign(&signed).as_ref());
    let verifier = verifier(&own);
    assert_eq!(verifier.verify(START + 2 + LIFE + SKEW, &bytes, HOME), Err(TicketRefusal::Expired));
    assert!(verifier.verify(START + 1 + LIFE, &bytes, HOME).is_ok());
}

#[test]
fn a_ticket_that_is_altered_anywhere_or_cut_is_refused_and_stays_unused() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    let ticket = ticket(&issuer, 10);
    for at in 0..ticket.len() {
        for bit in [0x01, 0x80] {
            let mut altered = ticket.clone();
            altered[at] ^= bit;
            let refusal = verifier.verify(START + 20, &altered, HOME).expect_err("it was altered");
            assert!(matches!(refusal, TicketRefusal::Malformed(_) | TicketRefusal::Unsigned), "byte {at}: {refusal}");
        }
        assert!(verifier.verify(START + 20, &ticket[..at], HOME).is_err());
    }
    let longer = [ticket.as_slice(), &[0]].concat();
    assert!(verifier.verify(START + 20, &longer, HOME).is_err());
    assert!(verifier.verify(START + 20, &ticket, HOME).is_ok());
}

#[test]
fn neither_a_full_memory_nor_a_jump_of_the_clock_lets_a_ticket_in_twice() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    let first = ticket(&issuer, 10);
    assert!(verifier.verify(START + 20, &first, HOME).is_ok());
    // Whenever others enter, some of them after jumps of the clock that make the verifier forget.
    for now in [1_000, 70_000, 140_000, 210_000, 40_000, 500_000, 15, 30] {
        let _ = verifier.verify(START + now, &ticket(&issuer, now), HOME);
        let again = verifier.verify(START + 30, &first, HOME);
        assert!(matches!(again, Err(TicketRefusal::Used | TicketRefusal::BeforeStart)), "after {now}: {again:?}");
    }
}

#[test]
fn honest_tickets_pass_minute_after_minute() {
    let issuer = issuer(1);
    let verifier = verifier(&issuer);
    for second in 1..600 {
        let ticket = ticket(&issuer, second * 1_000);
        // Late, but in time.
        assert!(verifier.verify(START + second * 1_000 + LIFE, &ticket, HOME).is_ok(), "second {second}");
    }
}

#[test]
fn refusals_are_logged_once_per_address_and_at_most_sixty_a_minute() {
    let verifier = verifier(&issuer(1));
    let from = |host: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host));
    for _ in 0..9 {
        verifier.verify(START, b"guess", from(1)).unwrap_err();
    }
    assert_eq!((counted(&verifier, "malformed"), counted(&verifier, "logged")), (9, 1));
    for host in 0..10_000 {
        verifier.verify(START, b"guess", from(host)).unwrap_err();
    }
    assert_eq!(counted(&verifier, "logged"), 60);
}

#[tokio::test]
async fn the_login_makes_tickets_for_accounts_at_a_limited_rate_and_keeps_its_key() {
    let folder = Folder::new();
    let limits = LoginLimits { tickets_burst: 3, tickets_per_minute: 0.5, ..settings().limits };
    let accounts = Accounts::open(&folder, AccountSettings { limits, ..settings() }).unwrap();
    let ann = register(&accounts, "ann").await.profile;
    let key = accounts.issuer().key();
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let verifier = TicketVerifier::new(SERVER, Some(key), &[], now() - 1000);
    let ticket = accounts.ticket(&ann, SERVER).await.unwrap();
    assert_eq!(verifier.verify(now(), &ticket.bytes, HOME).unwrap().account, ann.id);
    accounts.ticket(&ann, SERVER).await.unwrap();
    accounts.ticket(&ann, SERVER).await.unwrap();
    assert_eq!(accounts.ticket(&ann, SERVER).await.unwrap_err().status(), 429);
    drop(accounts);
    assert_eq!(folder.accounts().issuer().key(), key);
    assert_eq!(key.to_string().parse::<IssuerKey>().unwrap(), key);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_ticket_that_is_read_is_written_as_the_same_bytes(
        name in ".{0,32}",
        account: u64,
        issued in 0..u64::MAX / 2,
        life in 0..u64::MAX / 2,
        secret: [u8; 16],
        signature in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let name: String = name.chars().scan(0, |bytes, letter| {
            *bytes += letter.len_utf8();
            (*bytes <= TICKET_NAME_BYTES_MAX).then_some(letter)
        }).collect();
        let fields = TicketFields {
            key_id: [1; 8], server: [2; 32], account, name: &name, issued, expires: issued + life, secret,
        };
        let mut bytes = Vec::new();
        fields.write(&mut bytes);
        bytes.extend_from_slice(&signature);
        prop_assert!(bytes.len() <= TICKET_BYTES_MAX);
        let parts = TicketParts::read(&bytes).unwrap();
        prop_assert!(parts.fields == fields);
        prop_assert_eq!(parts.signature.as_slice(), &signature);
        prop_assert_eq!(parts.signed.len() + 64, bytes.len());
    }

    #[test]
    fn bytes_at_random_are_no_ticket(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0u8..40) {
        let verifier = verifier(&issuer(1));
        prop_assert!(verifier.verify(START + 20, &bytes, HOME).is_err());
        // With a version and a length that lead further.
        if bytes.len() > 60 {
            bytes[0] = 1;
            bytes[49] = length;
        }
        prop_assert!(verifier.verify(START + 20, &bytes, HOME).is_err());
    }
}
