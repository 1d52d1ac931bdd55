//! How much one cuisine is like another.
//!
//! Each cuisine belongs to a family, and each family to a region of the world. Two cuisines are alike by what they share:
//!
//! | share | similarity |
//! |---|---|
//! | the name | 1 |
//! | the family, such as Italian and pizza | 0.7 |
//! | the region, such as Italian and French | 0.3 |
//! | nothing, or one is not in the table | 0 |

use crate::places::fold;

const SAME_FAMILY: f64 = 0.7;
const SAME_REGION: f64 = 0.3;

/// Cuisine, family and region.
const TABLE: [(&str, &str, &str); 45] = [
    ("italian", "italian", "europe"),
    ("pizza", "italian", "europe"),
    ("pasta", "italian", "europe"),
    ("french", "french", "europe"),
    ("bistro", "french", "europe"),
    ("creperie", "french", "europe"),
    ("spanish", "iberian", "europe"),
    ("tapas", "iberian", "europe"),
    ("portuguese", "iberian", "europe"),
    ("greek", "aegean", "europe"),
    ("german", "central", "europe"),
    ("austrian", "central", "europe"),
    ("hungarian", "central", "europe"),
    ("polish", "slavic", "europe"),
    ("russian", "slavic", "europe"),
    ("ukrainian", "slavic", "europe"),
    ("british", "isles", "europe"),
    ("irish", "isles", "europe"),
    ("fish and chips", "isles", "europe"),
    ("turkish", "levant", "near east"),
    ("kebab", "levant", "near east"),
    ("lebanese", "levant", "near east"),
    ("arab", "levant", "near east"),
    ("persian", "persian", "near east"),
    ("moroccan", "maghreb", "africa"),
    ("tunisian", "maghreb", "africa"),
    ("ethiopian", "horn", "africa"),
    ("indian", "indian", "south asia"),
    ("pakistani", "indian", "south asia"),
    ("nepalese", "himalaya", "south asia"),
    ("chinese", "chinese", "east asia"),
    ("cantonese", "chinese", "east asia"),
    ("sichuan", "chinese", "east asia"),
    ("japanese", "japanese", "east asia"),
    ("sushi", "japanese", "east asia"),
    ("ramen", "japanese", "east asia"),
    ("korean", "korean", "east asia"),
    ("thai", "mekong", "east asia"),
    ("vietnamese", "mekong", "east asia"),
    ("american", "american", "americas"),
    ("burger", "american", "americas"),
    ("barbecue", "american", "americas"),
    ("mexican", "mexican", "americas"),
    ("brazilian", "southern cone", "americas"),
    ("argentinian", "southern cone", "americas"),
];

/// From 0 to 1, the same both ways. Case and accents do not matter.
pub fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (fold(one), fold(other));
    if one == other {
        return f64::from(u8::from(!one.is_empty()));
    }
    let find = |name: &str| TABLE.iter().find(|(cuisine, _, _)| *cuisine == name);
    match (find(&one), find(&other)) {
        (Some(one), Some(other)) if one.1 == other.1 => SAME_FAMILY,
        (Some(one), Some(other)) if one.2 == other.2 => SAME_REGION,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_goes_by_family_and_region() {
        assert_eq!(similarity("Pizza", "italian"), 0.7);
        assert_eq!(similarity("french", "italian"), 0.3);
        assert_eq!(similarity("sushi", "italian"), 0.0);
        assert_eq!(similarity("Crêperie", "creperie"), 1.0);
        assert_eq!(
            (similarity("martian", "martian"), similarity("martian", "thai"), similarity("", "")),
            (1.0, 0.0, 0.0)
        );
        for (one, ..) in TABLE {
            assert_eq!(fold(one), one);
            assert_eq!(TABLE.iter().filter(|(other, ..)| *other == one).count(), 1, "{one}");
            assert!(TABLE.iter().all(|(other, ..)| similarity(one, other) == similarity(other, one)));
        }
    }

    #[test]
    fn a_family_lies_in_one_region() {
        for (_, family, region) in TABLE {
            assert!(TABLE.iter().filter(|it| it.1 == family).all(|it| it.2 == region), "{family}");
        }
    }
}
