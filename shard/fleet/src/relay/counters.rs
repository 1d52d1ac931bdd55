//! What a node counts.

macro_rules! counters {
    ($($(#[doc = $about:literal])* $name:ident,)*) => {
        /// Counters of a node since its start.
        #[derive(Clone, PartialEq, Eq, Default, Debug)]
        pub struct Counters {
            $($(#[doc = $about])* pub $name: u64,)*
        }

        impl Counters {
            /// Calls `visit` with the name, the meaning and the value of every counter.
            pub fn each(&self, visit: &mut dyn FnMut(&'static str, &'static str, u64)) {
                $(visit(stringify!($name), concat!($($about),*).trim_ascii(), self.$name);)*
            }
        }
    };
}

counters! {
    /// Datagrams of clients that this edge took.
    client_datagrams,
    /// Datagrams of hosts that this edge sent to clients.
    delivered,
    /// Datagrams passed from one node to the next, neither of which is this one.
    passed_on,
    /// Datagrams that this node sent to hosts.
    to_hosts,
    /// Datagrams that this node got from hosts.
    from_hosts,
    /// Datagrams to hosts that told the client's address.
    forwarded,
    /// Datagrams dropped because they had to tell the client's address and were too long for that.
    too_long_to_forward,
    /// Datagrams of clients and hosts dropped because they are too long with what nodes add. Both try such lengths from time to time.
    too_long,
    /// Datagrams that no client sends, and empty ones of hosts: dropped.
    malformed,
    /// Datagrams of clients dropped because no route to the host is up.
    no_route,
    /// Clients that were taken in.
    flows_opened,
    /// Clients that have been silent for so long that they were forgotten.
    flows_expired,
    /// Datagrams dropped because the edge has as many clients in sessions as it may have, as many clients of one address, or gets too many new ones.
    flows_refused,
    /// Clients without a session that were forgotten because the edge has as many clients as it may have and a new one came.
    flows_displaced,
    /// Datagrams for a client or from a host that this node does not know any more: dropped.
    unknown_flow,
    /// Datagrams for a host that this node does not know: dropped.
    unknown_host,
    /// Datagrams dropped because this last node has as many clients in sessions as it may have.
    exits_refused,
    /// Clients without a session that were forgotten because this last node has as many clients as it may have and a new one came.
    exits_displaced,
    /// Datagrams from no node of the fleet, or changed on their way: dropped.
    forged,
    /// Datagrams of nodes of another version, or broken ones: dropped.
    malformed_node,
    /// Datagrams of nodes that this node does not know, or that lead along such: dropped.
    unknown_node,
    /// Datagrams of nodes that came before, or too late to tell: dropped.
    replayed,
    /// Datagrams of an earlier run of a node: dropped.
    stale_run,
    /// Probes that were answered.
    probes_answered,
    /// Probes that were sent, to nodes and hosts.
    probes_sent,
    /// Answers to probes that were not waited for: too late, repeated or invented.
    answers_unclaimed,
    /// Links that went down.
    links_lost,
    /// Hosts whose route was changed, because it was down or another one was much better.
    reroutes,
    /// Datagrams that the kernel did not take.
    send_failed,
    /// Receive calls that failed.
    receive_failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_each_counter_with_its_meaning() {
        let (page, mut count) = (include_str!("../../ROUTES.md"), 0);
        Counters::default().each(&mut |name, about, _| {
            let row = format!("| `ringshard_relay_{name}_total` | counter | {}", about.trim_end_matches('.'));
            assert_eq!(page.matches(&*row).count(), 1, "the page should have: {row}");
            count += 1;
        });
        assert_eq!(page.matches("_total` |").count(), count, "the page has a counter that does not exist");
    }
}
