//! Where the resources are: `/v1/resources/instances`.

use super::instances::ResourceInstances;
use crate::actions::{Access, Action, Builder, Caller, Limits};
use ringshard_requests::record;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

record! {
    /// A server that has the resources.
    pub struct InstanceRecord {
        /// Where clients reach it, such as `192.0.2.1:3565`.
        pub address: String,
        /// Its public key, in hexadecimal digits.
        pub server_key: String,
        /// Its load in percent: 100 is as much as it can do.
        pub load: u32,
    }
}

record! {
    /// All servers that have the resources, and have said so lately.
    pub struct InstancesAnswer {
        /// The one that the client should take comes first, then the least loaded.
        pub instances: Vec<InstanceRecord>,
    }
}

/// Adds the action.
pub fn register(actions: &mut Builder, instances: Arc<ResourceInstances>) {
    let about = "Lists the servers to download resources from; the first one is the best now.";
    let action = Action { path: "/v1/resources/instances", about, access: Access::Anybody, limits: Limits::default() };
    actions.add(action, move |_: Caller, (): ()| {
        let answer = answer(&instances, now());
        async move { Ok(answer) }
    });
}

fn answer(instances: &ResourceInstances, now: u64) -> InstancesAnswer {
    let mut list = instances.list(now);
    if let Some(chosen) = instances.choose(now) {
        // Those of equal rank keep their order.
        list.sort_by_key(|instance| instance.id != chosen.id);
    }
    let record = |instance: super::Instance| InstanceRecord {
        address: instance.address.to_string(),
        load: (instance.load() * 100.0).round() as u32,
        server_key: instance.server_key,
    };
    InstancesAnswer { instances: list.into_iter().map(record).collect() }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::instances::{Instance, new_id};
    use super::*;

    #[test]
    fn the_chosen_instance_comes_first_and_the_others_by_load() {
        let instances = ResourceInstances::default();
        for (port, ranges_waiting) in [(1, 200), (2, 0), (3, 50)] {
            let instance = Instance {
                id: new_id(),
                address: format!("192.0.2.1:{port}").parse().unwrap(),
                server_key: "0".repeat(64),
                ranges_waiting,
                bytes_per_second: 90,
                bytes_per_second_max: if port == 3 { 100 } else { 0 },
                reported: 0,
            };
            instances.report(0, instance).unwrap();
        }
        let answer = answer(&instances, 0);
        let shown: Vec<_> = answer.instances.iter().map(|it| (it.address.as_str(), it.load)).collect();
        assert_eq!(shown, [("192.0.2.1:2", 0), ("192.0.2.1:1", 78), ("192.0.2.1:3", 90)]);
    }
}
