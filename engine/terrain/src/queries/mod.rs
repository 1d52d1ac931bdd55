//! What is where: rays, lines of sight and shapes against the ground and the static geometry of a [`Terrain`](crate::Terrain).
//!
//! | module | for |
//! |---|---|
//! | `beam` | a ray that was checked and cut to the map |
//! | `walk` | the cells of a grid along a ray |
//! | `facet` | where a ray meets a triangle |
//! | `squares` | the height field as triangles |
//! | `ray` | `Terrain::ray` and `Terrain::sees` |
//! | `batch` | many rays and lines of sight at once |
//! | `shapes` | balls, capsules and boxes: with the feature `shapes` |
//! | `standing` | where a character can stand |
//!
//! No query allocates. Whatever numbers a query gets, it ends and does not panic: numbers that are not finite meet nothing.
//!
//! All arithmetic is relative to where the ray enters the map: at the far corner of the largest maps, neighbouring 32-bit
//! floats are a sixteenth of a unit apart.

mod batch;
mod beam;
mod facet;
mod ray;
#[cfg(feature = "shapes")]
mod shapes;
mod squares;
mod standing;
mod walk;

pub use ray::{Impact, Ray, Surface};
#[cfg(feature = "shapes")]
pub use shapes::Body;
