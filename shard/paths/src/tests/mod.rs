mod bake;
mod paths;
mod plans;
mod walks;
