mod bake;
mod plans;
