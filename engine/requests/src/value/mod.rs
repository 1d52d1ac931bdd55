//! Values that describe themselves: a schema ahead of the data, so that programs can read them without compiled types.
