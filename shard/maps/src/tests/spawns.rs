//! Places where characters enter.

use super::{assert_refused, baked};
use crate::sample::{house, rock_of};
use ringshard_terrain::file::SpawnPlan;

fn spawn(point: &str) -> String {
    format!("[[spawn]]\nname = \"gate\"\nyaw = 90.0\npoints = [[100.0, 100.0], {point}]\n")
}

#[test]
fn a_place_gets_the_height_of_what_it_stands_on() {
    let house = ("m.glb", house());
    let model = "[[model]]\nfile = \"m.glb\"\noffset = [1000.0, 1000.0, 0.0]\n";
    let place = |point: &str| {
        baked(&format!("{model}{}", spawn(point)), std::slice::from_ref(&house)).map(|it| it.plan.spawns[1].clone())
    };
    let gate = |point: [f32; 3]| SpawnPlan { point, yaw: 16_384, name: "gate".to_owned() };
    assert_eq!(place("[200.0, 300.0]").unwrap(), gate([200.0, 300.0, 0.0]));
    assert_eq!(place("[1000.0, 1000.0]").unwrap(), gate([1_000.0, 1_000.0, 0.0]), "inside the house");
    assert_eq!(place("[1000.0, 1000.0, 335.0]").unwrap(), gate([1_000.0, 1_000.0, 330.0]), "on its roof");
}

#[test]
fn a_place_where_nobody_can_stand_is_refused_with_its_number() {
    let volumes = "[[water]]\nlow = [500, 0, 0]\nhigh = [900, 400, 130]\n\
        [[no-go]]\nname = \"pit\"\nlow = [0, 500, 0]\nhigh = [400, 900, 400]\n";
    let model = "[[model]]\nfile = \"m.glb\"\noffset = [1000.0, 1000.0, 0.0]\n[[model]]\nfile = \"r.glb\"\n";
    let files = [("m.glb", house()), ("r.glb", rock_of([16.0, 1.0, -16.0], 3.0))];
    let refused = |point: &str, words: &[&str]| {
        let tables = format!("{volumes}{model}{}", spawn(point));
        assert_refused(baked(&tables, &files), &[&["map.toml, spawn `gate`, point 2: "], words].concat());
    };
    refused("[-1.0, 100.0]", &["outside the map", "2000 by 2000 by 500"]);
    refused("[nan, 100.0]", &["outside the map"]);
    refused("[100.0, 100.0, 501.0]", &["outside the map"]);
    refused("[100.0]", &["[x, y] or [x, y, z]"]);
    refused("[]", &["[x, y] or [x, y, z]"]);
    refused("[100.0, 100.0, 90.0]", &["in the air", "below is at 0"]);
    refused("[700.0, 200.0]", &["130 units deep"]);
    refused("[200.0, 700.0]", &["`pit`", "nobody may enter"]);
    refused("[420.0, 700.0]", &["collides with the triangle"]);
    // A wall of the house, and the lintel of its doorway, which is passable.
    refused("[605.0, 1000.0]", &["collides with the triangle"]);
    assert!(baked(&format!("{model}{}", spawn("[1000.0, 710.0]")), &files).is_ok());
    refused("[1600.0, 1600.0]", &["lies in a solid"]);
    refused("[1600.0, 1600.0, 390.0]", &["too steep"]);
    let empty = "[[spawn]]\nname = \"gate\"\npoints = []\n";
    assert_refused(baked(empty, &[]), &["spawn `gate`", "has no points"]);
    assert_refused(baked(&spawn("[1.0, 1.0]").replace("90.0", "inf"), &[]), &["spawn `gate`", "`yaw` is inf"]);
}
