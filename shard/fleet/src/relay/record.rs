//! The record of a node in the registry, which must not be longer than what others read.

use crate::model::{Name, Node, Quality};

/// What a percent of loss costs, in milliseconds: as when routes are computed.
const LOSS_PERCENT_COST_MS: u64 = 10;

/// Leaves out links until the record is short enough. Those to nodes stay, because all routes lead over them; of those to hosts,
/// the best. Links that are down go first. Gives how many are left out.
pub(super) fn shorten(node: &mut Node) -> usize {
    if bytes(node) <= Node::RECORD_BYTES_MAX {
        return 0;
    }
    let all = std::mem::take(&mut node.links);
    let count = all.nodes.len() + all.hosts.len();
    let mut room = Node::RECORD_BYTES_MAX.saturating_sub(bytes(node));
    let nodes = all.nodes.into_iter().map(|(to, quality)| (false, to, quality));
    let hosts = all.hosts.into_iter().map(|(to, quality)| (true, to, quality));
    let mut links: Vec<_> = nodes.chain(hosts).collect();
    links.sort_by_cached_key(|(is_host, to, quality)| {
        let cost = u64::from(quality.round_trip_ms) + LOSS_PERCENT_COST_MS * u64::from(quality.loss_percent);
        (!quality.up, *is_host, cost, to.clone())
    });
    for (is_host, to, quality) in links {
        let taken = link_bytes(&to, quality);
        if taken > room {
            break;
        }
        room -= taken;
        let kept = if is_host { &mut node.links.hosts } else { &mut node.links.nodes };
        kept.insert(to, quality);
    }
    count - node.links.nodes.len() - node.links.hosts.len()
}

/// Bytes of the record.
pub(super) fn bytes(node: &Node) -> usize {
    serde_json::to_vec(node).expect("a node is plain data").len()
}

/// What a link adds to a record: the name in quotes, a colon, the quality and a comma.
fn link_bytes(to: &Name, quality: Quality) -> usize {
    to.as_str().len() + 4 + serde_json::to_vec(&quality).expect("a quality is plain data").len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::NODES_MAX;

    /// Each name as long as names may be.
    fn name(kind: &str, number: usize) -> Name {
        format!("{kind}-{number:0width$}", width = 62 - kind.len()).parse().unwrap()
    }

    fn node(hosts: usize, doors: usize) -> Node {
        let quality =
            |at: usize| Quality { up: !at.is_multiple_of(5), round_trip_ms: 65_535 - at as u16, loss_percent: 100 };
        let mut node = Node {
            name: name("node", 0),
            run: Some(crate::model::RunId(u64::MAX)),
            region: name("region", 0),
            address: format!("{0}.{0}.{0}.example:65535", name("node", 0)),
            doors: (0..doors)
                .map(|at| (name("host", at), "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".to_owned()))
                .collect(),
            gateway: Some(crate::model::gateway_name(u64::MAX)),
            version: "100.100.100".to_owned(),
            links: Default::default(),
        };
        node.links.nodes = (1..NODES_MAX).map(|at| (name("node", at), quality(at))).collect();
        node.links.hosts = (0..hosts).map(|at| (name("host", at), quality(at))).collect();
        node
    }

    #[test]
    fn the_largest_fleet_that_is_planned_fits() {
        for (hosts, doors) in [(334, 0), (334, 334), (1_000, 0)] {
            let mut node = node(hosts, doors);
            let before = node.clone();
            assert_eq!((shorten(&mut node), node == before), (0, true), "{hosts} hosts, {doors} doors");
        }
    }

    #[test]
    fn of_more_links_the_worst_to_hosts_are_left_out() {
        let mut node = node(1_500, 0);
        let all = node.links.clone();
        let left_out = shorten(&mut node);
        assert_eq!(left_out, all.hosts.len() + all.nodes.len() - node.links.hosts.len() - node.links.nodes.len());
        let len = bytes(&node);
        assert!((Node::RECORD_BYTES_MAX - 200..=Node::RECORD_BYTES_MAX).contains(&len), "it is full: {len} bytes");
        let is_up = |(_, quality): &(&Name, &Quality)| quality.up;
        assert_eq!(node.links.nodes.iter().filter(is_up).count(), all.nodes.iter().filter(is_up).count());
        let worst = node.links.hosts.values().map(|quality| quality.round_trip_ms).max();
        let missing = all.hosts.iter().filter(|(to, quality)| quality.up && !node.links.hosts.contains_key(*to));
        assert!(missing.map(|(_, quality)| quality.round_trip_ms).min() > worst, "the best are there");
        assert!(node.links.hosts.values().all(|quality| quality.up));
    }
}
