//! A world that the cores of a server share: each core owns a part of the entities and knows the state of all.
//!
//! | module | for |
//! |---|---|
//! | [`store`] | the entities that a core owns |
//! | [`exchange`] | the rings on which cores publish changes and send commands |
//! | [`border`] | what is near the border of a host is seen from the neighbour host |
//! | [`interest`] | the nearest entities to a point, and how that set changes |
//! | [`replication`] | what each client is sent |
//! | [`kind`] | kinds of entities: how far away each is seen |
//! | [`map_file`] | opening the map: the ground, walls and water of the world |
//! | [`rewind`] | where entities were some ticks ago, and which of them a ray met there |
//! | [`drawing`] | drawings of a part of the map, from above |
//! | [`visibility`] | which entities each client sees |
//!
//! The world uses the tick rate of the runtime and the types of `ringshard-world`. It knows no connections, endpoints or
//! games, and reads no clock.

pub mod border;
pub mod drawing;
pub mod exchange;
pub mod interest;
pub mod kind;
pub mod map_file;
pub mod replication;
pub mod rewind;
pub mod store;
pub mod visibility;
