//! A world as the cores of a server share it.
//!
//! | module | for |
//! |---|---|
//! | [`store`] | the entities that a core owns |
//! | [`exchange`] | the rings over which cores publish changes and send commands |
//! | [`interest`] | the grid that finds who is near, and the difference from tick to tick |
//! | [`replication`] | what each client is sent |
//! | [`visibility`] | what each client sees |

pub mod exchange;
pub mod interest;
pub mod replication;
pub mod store;
pub mod visibility;
