//! Anything in any order.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Enter(usize, u64),
    Leave(usize, u64),
    Walk(usize, usize, u64),
    Play,
    Mute(usize, bool),
    Away(usize, bool),
    Pass(u64),
}

const HOSTS: usize = 3;
const ACCOUNTS: u64 = 2;

fn act() -> impl Strategy<Value = Act> {
    let (host, account) = (0..HOSTS, 1..=ACCOUNTS);
    prop_oneof![
        4 => (host.clone(), account.clone()).prop_map(|(host, account)| Act::Enter(host, account)),
        1 => (host.clone(), account.clone()).prop_map(|(host, account)| Act::Leave(host, account)),
        3 => (host.clone(), host.clone(), account).prop_map(|(from, to, account)| Act::Walk(from, to, account)),
        4 => Just(Act::Play),
        1 => (host.clone(), any::<bool>()).prop_map(|(host, is_mute)| Act::Mute(host, is_mute)),
        1 => (host, any::<bool>()).prop_map(|(host, is_away)| Act::Away(host, is_away)),
        4 => (1u64..1_500).prop_map(Act::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is late, away or mute: in the end each account is at one host at most, and every client has its answer.
    #[test]
    fn an_account_is_once_in_the_world(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut fleet = Fleet::new(HOSTS as u64);
            fleet.settle(MS(30)).await;
            for act in acts {
                match act {
                    Act::Enter(host, account) => fleet.enter(host, AccountId(account)),
                    Act::Leave(host, account) => fleet.leave(host, AccountId(account)),
                    Act::Walk(from, to, account) if from != to => fleet.walk(from, to, AccountId(account)),
                    Act::Walk(..) => {}
                    Act::Play => fleet.play(),
                    Act::Mute(host, is_mute) => fleet.hosts[host].is_mute = is_mute,
                    Act::Away(host, is_away) => {
                        fleet.hosts[host].bucket.set_fault(if is_away { BucketFault::Away } else { BucketFault::None });
                    }
                    Act::Pass(ms) => fleet.settle(MS(ms)).await,
                }
            }
            fleet.set_fault(BucketFault::None);
            fleet.settle(MS(8_000)).await;
            for _ in 0..3 {
                fleet.play();
                fleet.settle(MS(2_500)).await;
            }
            for account in (1..=ACCOUNTS).map(AccountId) {
                prop_assert!(fleet.places(account).len() <= 1, "{account} is at {:?}", fleet.places(account));
            }
            for host in &fleet.hosts {
                prop_assert!(host.entering.is_empty(), "a client has no answer");
                let held = host.keeper.counters().accounts;
                prop_assert_eq!(held, host.players.len() as u64, "nothing of players that have gone is left");
            }
            Ok(())
        })?;
    }
}
