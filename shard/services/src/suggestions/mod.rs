//! Suggestions: ranked places for people, a price and a cuisine.
