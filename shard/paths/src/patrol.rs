//! Routes that an NPC walks again and again.

/// What comes after the last point of a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The first one.
    Around,
    /// The same way back.
    Back,
}

/// A route: points, and which of them is next.
#[derive(Clone, PartialEq, Debug)]
pub struct Patrol {
    points: Vec<[f32; 3]>,
    turn: Turn,
    next: usize,
    goes_back: bool,
}

impl Patrol {
    /// A route over these points. The first goal is the first point.
    ///
    /// # Panics
    /// Panics if there is no point.
    pub fn new(points: Vec<[f32; 3]>, turn: Turn) -> Patrol {
        assert!(!points.is_empty(), "a patrol has points");
        Patrol { points, turn, next: 0, goes_back: false }
    }

    /// The present goal.
    pub fn goal(&self) -> [f32; 3] {
        self.points[self.next]
    }

    /// The character has arrived at the goal, or cannot reach it: the next point is the goal. Returns it.
    pub fn advance(&mut self) -> [f32; 3] {
        let last = self.points.len() - 1;
        match self.turn {
            Turn::Around => self.next = if self.next == last { 0 } else { self.next + 1 },
            Turn::Back => {
                self.goes_back = if self.next == last { true } else { self.goes_back && self.next > 0 };
                self.next = if self.goes_back { self.next.saturating_sub(1) } else { (self.next + 1).min(last) };
            }
        }
        self.goal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_goes_around_or_back() {
        let point = |x: usize| [x as f32, 0.0, 0.0];
        for (turn, expected) in [(Turn::Around, [0, 1, 2, 0, 1, 2, 0]), (Turn::Back, [0, 1, 2, 1, 0, 1, 2])] {
            let mut patrol = Patrol::new((0..3).map(point).collect(), turn);
            for goal in expected {
                assert_eq!(patrol.goal(), point(goal));
                patrol.advance();
            }
        }
        let mut alone = Patrol::new(vec![point(7)], Turn::Back);
        assert_eq!([alone.advance(), alone.advance()], [point(7); 2]);
    }
}
