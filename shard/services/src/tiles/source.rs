//! Tiles as resources: `tile/SET/Z/X/Y`.

use super::provider::TileError;
use super::sets::Tiles;
use super::tile::{InvalidTile, parse_name};
use crate::counters::count;
use crate::resources::{Content, Opening, Refusal, Source};

impl Source for Tiles {
    fn open<'a>(&'a self, name: &'a str) -> Opening<'a> {
        Box::pin(async move {
            let (set, tile) = parse_name(name).map_err(|error| self.malformed(error))?;
            match self.get(set, tile).await {
                Ok(Some(bytes)) => Ok(Content::from_bytes(bytes)),
                Ok(None) => Err(Refusal::not_found(name)),
                Err(error) => Err(refusal(&error)),
            }
        })
    }
}

impl Tiles {
    fn malformed(&self, error: InvalidTile) -> Refusal {
        count(&self.counters().refused);
        Refusal { status: 400, wait: None, message: error.to_string() }
    }
}

fn refusal(error: &TileError) -> Refusal {
    Refusal { status: error.status(), wait: error.wait(), message: error.to_string() }
}
