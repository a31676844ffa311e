//! Trees in the test's own memory.

use super::*;

/// Nodes with a number as key, in memory of the test.
struct Tree {
    root: Box<u64>,
    nodes: Vec<[u64; 4]>,
}

impl Tree {
    fn new(count: usize) -> Self {
        Self { root: Box::new(0), nodes: (0..count as u64).map(|key| [0, 0, 0, key]).collect() }
    }

    fn root(&self) -> Root {
        Root::new(&raw const *self.root as u64)
    }

    fn node(&self, i: usize) -> Node {
        Node::new(self.nodes[i].as_ptr() as u64)
    }

    fn insert(&self, i: usize) {
        let (mut above, mut side, node) = (Node::NULL, Left, self.node(i));
        let key: u64 = node.get(24).unwrap();
        let mut at = top(self.root()).unwrap();
        while !at.is_null() {
            above = at;
            side = if key < at.get::<u64>(24).unwrap() { Left } else { Right };
            at = child(at, side).unwrap();
        }
        node.put(0, above.addr()).unwrap();
        set_child(node, Left, Node::NULL).unwrap();
        set_child(node, Right, Node::NULL).unwrap();
        if above.is_null() { self.root().put(0, node.addr()) } else { set_child(above, side, node) }.unwrap();
        balance(self.root(), node, &Plain).unwrap();
    }

    /// The black height, if no rule of the trees is broken.
    fn check(&self, node: Node) -> u32 {
        if node.is_null() {
            return 0;
        }
        let heights = [Left, Right].map(|side| {
            let below = child(node, side).unwrap();
            assert!(below.is_null() || parent(below).unwrap() == node);
            assert!(is_black(node).unwrap() || is_black(below).unwrap(), "two red nodes in a row");
            self.check(below)
        });
        assert_eq!(heights[0], heights[1], "black heights differ");
        heights[0] + u32::from(is_black(node).unwrap())
    }

    fn keys(&self) -> Vec<u64> {
        let mut out = Vec::new();
        let mut node = rb_first(self.root()).unwrap();
        while !node.is_null() {
            out.push(node.get(24).unwrap());
            node = rb_next(node).unwrap();
        }
        out
    }
}

#[test]
fn trees_stay_balanced_in_any_order() {
    let tree = Tree::new(211);
    let order: Vec<usize> = (0..211).map(|i| i * 97 % 211).collect();
    for (n, i) in order.iter().enumerate() {
        tree.insert(*i);
        tree.check(top(tree.root()).unwrap());
        assert_eq!(tree.keys().len(), n + 1);
    }
    assert_eq!(tree.keys(), (0..211).collect::<Vec<_>>());
    for i in order.iter().map(|i| i * 31 % 211) {
        erase(tree.root(), tree.node(i), &Plain).unwrap();
        tree.check(top(tree.root()).unwrap());
        assert!(!tree.keys().contains(&(i as u64)));
    }
    assert_eq!(*tree.root, 0);
}

#[test]
fn postorder_comes_to_children_first() {
    let tree = Tree::new(20);
    (0..20).for_each(|i| tree.insert(i));
    let mut seen = Vec::new();
    let mut node = rb_first_postorder(tree.root()).unwrap();
    while !node.is_null() {
        for side in [Left, Right] {
            let below = child(node, side).unwrap();
            assert!(below.is_null() || seen.contains(&below));
        }
        seen.push(node);
        node = rb_next_postorder(node).unwrap();
    }
    assert_eq!(seen.len(), 20);
}
