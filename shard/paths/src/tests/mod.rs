mod bake;
mod paths;
mod plans;
