//! Nodes and links that fail.

use super::net::{HOST_AT, Net};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Starts the network, and lets the links be measured and the clients begin.
fn playing(nodes: usize, clients: u8, seed: u64) -> Net {
    let mut net = Net::new(nodes, clients, seed);
    net.run(SECOND, false);
    net.run(2 * SECOND, true);
    assert!(net.clients.iter().all(|client| client.echoes > 40), "everybody plays");
    net
}

fn assert_sound(net: &Net, gap: Duration) {
    for (number, client) in net.clients.iter().enumerate() {
        assert_eq!((client.wrong, client.repeated), (0, 0), "client {number}");
        assert!(client.longest_gap < gap, "client {number} heard nothing for {:?}", client.longest_gap);
    }
}

#[test]
fn clients_go_over_the_best_relay_and_the_host_knows_their_addresses() {
    let net = playing(4, 20, 1);
    assert_eq!(net.last_node(), Some(1), "the nearest relay");
    for client in 0..20 {
        assert_eq!(net.address_at_host(client), Some(Net::client_address(client)));
    }
    assert!(net.clients.iter().all(|client| client.longest_gap < Duration::from_millis(200)));
    let forwarded = net.nodes[0].relay.counters().forwarded;
    assert!((20..20 * 10).contains(&forwarded), "only the first datagrams tell the address: {forwarded}");
}

#[test]
fn when_the_relay_dies_everybody_plays_on_over_the_next_within_a_second() {
    let mut net = playing(4, 20, 2);
    net.nodes[1].is_alive = false;
    net.run(2 * SECOND, true);
    assert_eq!(net.last_node(), Some(2));
    assert_sound(&net, SECOND);
    for client in 0..20 {
        assert_eq!(net.address_at_host(client), Some(Net::client_address(client)), "not that of the relay");
    }
    net.nodes[2].is_alive = false;
    net.run(2 * SECOND, true);
    assert_eq!(net.last_node(), Some(3));
    net.restart(1);
    net.run(3 * SECOND, true);
    assert_eq!(net.last_node(), Some(3), "a link that was down is not trusted at once");
    net.run(9 * SECOND, true);
    assert_eq!(net.last_node(), Some(1), "the best one is back");
    assert_sound(&net, SECOND);
}

#[test]
fn when_the_relay_loses_the_host_the_edge_hears_of_it_within_a_second() {
    let mut net = playing(3, 5, 3);
    net.cut.insert((1, HOST_AT));
    net.run(3 * SECOND, true);
    assert_eq!(net.last_node(), Some(2));
    assert_sound(&net, Duration::from_millis(1_300));
}

#[test]
fn an_edge_that_reaches_one_relay_alone_reaches_the_host_over_another_behind_it() {
    let mut net = playing(3, 5, 4);
    net.cut.extend([(0, 2), (1, HOST_AT)]);
    net.run(10 * SECOND, true);
    assert_eq!(net.last_node(), Some(2), "over relay 1 to relay 2");
    assert!(net.nodes[1].relay.counters().passed_on > 1_000);
    assert_sound(&net, Duration::from_millis(1_300));
}

#[test]
fn without_any_way_datagrams_are_counted_and_clients_come_back_with_the_link() {
    let mut net = playing(2, 5, 5);
    net.cut.insert((0, 1));
    net.run(2 * SECOND, true);
    assert!(net.nodes[0].relay.counters().no_route > 100);
    net.cut.clear();
    let before: Vec<_> = net.clients.iter().map(|client| client.echoes).collect();
    net.run(2 * SECOND, true);
    assert!(net.clients.iter().zip(before).all(|(client, before)| client.echoes > before + 30));
}

#[test]
fn edges_and_relays_that_start_again_are_taken_for_what_they_are() {
    let mut net = playing(3, 5, 6);
    net.restart(0);
    net.run(SECOND, false);
    let before: Vec<_> = net.clients.iter().map(|client| client.echoes).collect();
    net.run(2 * SECOND, true);
    assert!(net.clients.iter().zip(before).all(|(client, before)| client.echoes > before + 40));
    assert!(net.clients.iter().all(|client| client.wrong + client.repeated == 0));
}

#[test]
fn a_last_node_that_starts_again_at_once_tells_the_host_the_addresses_of_its_clients() {
    let mut net = playing(2, 20, 7);
    net.restart(1);
    net.run(3 * SECOND, true);
    assert_eq!(net.nodes[0].relay.counters().links_lost, 0, "nobody has noticed a silence");
    for client in 0..20 {
        assert_eq!(net.address_at_host(client), Some(Net::client_address(client)), "not that of the node");
    }
    let forwarded = net.nodes[0].relay.counters().forwarded;
    net.run(2 * SECOND, true);
    assert_eq!(net.nodes[0].relay.counters().forwarded, forwarded, "the host knows them now");
    assert_sound(&net, SECOND);
}

#[test]
fn a_node_or_a_host_with_a_new_address_that_does_not_answer_is_left_for_another_way() {
    let mut net = playing(3, 5, 8);
    assert_eq!(net.last_node(), Some(1));
    net.mislead(0, 1);
    net.run(2 * SECOND, true);
    assert_eq!(net.last_node(), Some(2), "the edge does not reach the relay any more");
    assert_sound(&net, SECOND);
    let mut net = playing(3, 5, 8);
    net.mislead(1, HOST_AT);
    net.run(2 * SECOND, true);
    assert_eq!(net.last_node(), Some(2), "the relay does not reach the host any more");
    assert_sound(&net, SECOND);
    assert!(!net.leads_to_host(1), "no socket of the relay leads to the host's former address");
}

/// Random losses, deaths, returns and cuts, but never without a way.
#[test]
fn whatever_fails_everybody_plays_on_and_hears_only_its_own() {
    let mut longest = [Duration::ZERO; 6];
    for seed in 0..20 {
        let mut net = playing(4, 8, 100 + seed);
        net.loss = seed % 6;
        let mut random = seed;
        for _ in 0..12 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let victim = 1 + (random >> 40) as usize % 3;
            match (random >> 33) % 3 {
                0 => net.nodes[victim].is_alive = false,
                1 => drop(net.cut.insert((0, victim))),
                _ => drop(net.cut.insert((victim, HOST_AT))),
            }
            net.run(2 * SECOND, true);
            net.cut.clear();
            if !net.nodes[victim].is_alive {
                net.restart(victim);
            }
            net.run(2 * SECOND, true);
        }
        for client in &net.clients {
            assert_eq!((client.wrong, client.repeated), (0, 0), "seed {seed}");
            let longest = &mut longest[net.loss as usize];
            *longest = client.longest_gap.max(*longest);
            // The detection, and the loss of single datagrams on top of it.
            assert!(client.longest_gap < SECOND, "seed {seed}: {:?}", client.longest_gap);
        }
    }
    println!("longest silence of a client, by percent of loss on each link: {longest:?}");
}
