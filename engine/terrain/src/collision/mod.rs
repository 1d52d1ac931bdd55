//! Upright boxes that move among the triangles of a terrain.
//!
//! | module | for |
//! |---|---|
//! | [`sweep`] | when a moving box meets a triangle |
//! | [`nearby`] | the triangles that a box can meet in one tick |

pub(crate) mod nearby;
pub(crate) mod sweep;

pub(crate) use nearby::Nearby;
pub(crate) use sweep::Contact;
