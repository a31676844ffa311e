//! Random operations, compared with a plain array.

use super::*;

const SPACE: usize = 3000;

/// A cell for each of the first indices; nothing lies behind them.
struct Model(Vec<u64>, u64);

impl Model {
    fn slot(&self, index: usize) -> Slot {
        // Every store makes entries of its own, so equal neighbours are of one slot.
        let entry = self.0[index];
        let first = self.0[..index].iter().rposition(|e| *e != entry).map_or(0, |at| at + 1);
        let last = self.0[index..].iter().position(|e| *e != entry).map(|at| index + at - 1);
        Slot { first: first as u64, last: last.map_or(u64::MAX, |at| at as u64), entry }
    }

    fn number(&mut self, below: usize) -> usize {
        self.1 = self.1.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.1 >> 33) as usize % below
    }

    fn first_gap(&self, min: usize, max: usize, size: usize) -> Option<u64> {
        (min..=max + 1 - size.min(max + 1))
            .find(|at| self.0[*at..at + size].iter().all(|e| *e == 0))
            .map(|at| at as u64)
    }
}

/// Depth, gaps and order of a subtree.
fn check(node: &Node, from: u64) -> (usize, u64) {
    match node {
        Node::Leaf(slots) => {
            assert!(slots.len() <= ROOM && slots.iter().all(|slot| slot.first >= from && slot.first <= slot.last));
            (1, node.gap())
        }
        Node::Inner(children) => {
            assert!(!children.is_empty() && children.len() <= ROOM);
            let levels: Vec<_> = children.iter().map(|child| check(&child.node, child.first.min(from))).collect();
            assert!(levels.iter().zip(children).all(|(level, child)| level.1 == child.gap && level.0 == levels[0].0));
            assert!(children.iter().all(|child| child.first == child.node.first()));
            assert!(children.is_sorted_by(|a, b| a.first < b.first));
            (levels[0].0 + 1, node.gap())
        }
    }
}

#[test]
fn random_operations_match_a_plain_array() {
    let (mut model, mut ranges) = (Model(vec![0; SPACE], 1), Ranges::new());
    for round in 1..30_000u64 {
        let (first, len) = (model.number(SPACE - 1), 1 + model.number(if round % 2000 == 0 { 3000 } else { 12 }));
        let last = (first + len - 1).min(SPACE - 2);
        let entry = if model.number(5) < 2 { 0 } else { round };
        let slot = ranges.set(first as u64, last as u64, entry);
        model.0[first..=last].fill(entry);
        assert_eq!(slot, model.slot(first));
        let index = model.number(SPACE);
        assert_eq!(ranges.get(index as u64), model.slot(index));
        if round % 16 == 0 {
            let (min, size) = (model.number(SPACE / 2), 1 + model.number(30));
            let max = min + model.number(SPACE / 2);
            assert_eq!(
                ranges.first_gap(min as u64, max as u64, size as u64),
                model.first_gap(min, max, size),
                "{min} {max} {size}"
            );
            let last = ranges.last_gap(max as u64, size as u64).map(|slot| slot.last.min(max as u64) + 1 - size as u64);
            let want =
                (0..=(max + 1).saturating_sub(size)).rev().find(|at| model.0[*at..at + size].iter().all(|e| *e == 0));
            assert_eq!(last, want.map(|at| at as u64), "{max} {size}");
            check(&ranges.root, 0);
        }
    }
    let all = std::iter::successors(Some(ranges.get(0)), |slot| ranges.after(*slot)).count();
    let back = std::iter::successors(Some(ranges.get(u64::MAX)), |slot| ranges.before(*slot)).count();
    assert_eq!(all, back);
    assert!(ranges.height() > 2 && !ranges.is_empty());
    ranges.set(0, u64::MAX, 0);
    assert!(ranges.is_empty() && ranges.height() == 1);
}

#[test]
fn the_ends_belong_to_slots() {
    let mut ranges = Ranges::new();
    ranges.set(u64::MAX, u64::MAX, 7);
    ranges.set(0, 0, 8);
    assert_eq!(ranges.get(1), Slot { first: 1, last: u64::MAX - 1, entry: 0 });
    assert_eq!(ranges.first_gap(0, u64::MAX, u64::MAX - 1), Some(1));
    assert_eq!(ranges.first_gap(0, u64::MAX, u64::MAX), None);
    ranges.set(0, u64::MAX, 9);
    assert_eq!(ranges.get(5), Slot { first: 0, last: u64::MAX, entry: 9 });
    assert_eq!(ranges.last_gap(u64::MAX, 1), None);
}
