//! Looking for keys: one key, all keys that as patterns match a text, all keys.

use super::read::{Index, Node, Value};
use crate::error::Result;
use crate::glob;

/// A key has at most this many bytes below a wildcard; more means that a damaged index leads round in circles.
const DEEPEST: usize = 16 << 10;
/// A walk visits at most this many nodes, for the same reason; `modules.alias.bin` of Debian has 45,000.
const MOST: usize = 4 << 20;

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands among all that was found; the smallest is the best.
    pub priority: u32,
    /// The value.
    pub value: Vec<u8>,
}

impl From<Value<'_>> for Found {
    fn from(value: Value<'_>) -> Self {
        Found { priority: value.priority, value: value.value.to_vec() }
    }
}

/// How far a search may still go.
struct Walk {
    key: Vec<u8>,
    left: usize,
}

impl Walk {
    fn new() -> Self {
        Walk { key: Vec::new(), left: MOST }
    }

    /// Counts a node, and refuses too many.
    fn step(&mut self, index: &Index<'_>) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| index.damaged(0, "the nodes have no end"))?;
        if self.key.len() > DEEPEST {
            return Err(index.damaged(0, "a node leads back to itself"));
        }
        Ok(())
    }
}

impl<'a> Index<'a> {
    /// The best value of exactly this key.
    ///
    /// # Errors
    /// The index is damaged or cannot be read.
    pub fn search(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.find(key)?.and_then(|node| node.values().next().map(|value| value.value.to_vec())))
    }

    /// The node with the values of exactly this key.
    ///
    /// # Errors
    /// The index is damaged or cannot be read.
    pub fn find(&self, key: &[u8]) -> Result<Option<Node<'a>>> {
        let (mut node, mut rest) = (self.root()?, key);
        while let Some(here) = node {
            let Some(after) = rest.strip_prefix(here.prefix()) else { return Ok(None) };
            let [byte, below @ ..] = after else { return Ok(Some(here)) };
            node = self.child(&here, *byte)?;
            rest = below;
        }
        Ok(None)
    }

    /// The values of all keys that, taken as patterns (`*`, `?`, `[a-z]`), match `text`, in the order in which kmod
    /// gives them: by priority, and of equals the one found last first.
    ///
    /// # Errors
    /// The index is damaged or cannot be read.
    pub fn search_wild(&self, text: &[u8]) -> Result<Vec<Found>> {
        let mut out = Vec::new();
        let mut walk = Walk::new();
        let (mut node, mut rest) = (self.root()?, text);
        while let Some(here) = node {
            walk.step(self)?;
            let prefix = here.prefix();
            let plain = prefix.iter().position(|byte| is_wild(*byte)).unwrap_or(prefix.len());
            let Some(after) = rest.strip_prefix(prefix.get(..plain).unwrap_or_default()) else { break };
            rest = after;
            if plain < prefix.len() {
                self.below(&here, plain, &mut walk, rest, &mut out)?;
                break;
            }
            for wild in *b"*?[" {
                if let Some(child) = self.child(&here, wild)? {
                    walk.key.push(wild);
                    self.below(&child, 0, &mut walk, rest, &mut out)?;
                    walk.key.pop();
                }
            }
            let [byte, below @ ..] = rest else {
                here.values().for_each(|value| insert(&mut out, value));
                break;
            };
            node = self.child(&here, *byte)?;
            rest = below;
        }
        Ok(out)
    }

    /// Tries all keys below a wildcard, from byte `skip` of the prefix of `node` on; `walk.key` is what goes before it.
    ///
    /// Children come before the node itself, as kmod has it: of equal priorities the one found last is first.
    fn below(&self, node: &Node<'a>, skip: usize, walk: &mut Walk, text: &[u8], out: &mut Vec<Found>) -> Result<()> {
        let outside = walk.key.len();
        let mut levels = vec![Level::enter(node.clone(), skip, walk)];
        while let Some(level) = levels.last_mut() {
            if let Some(byte) = level.node.branch_from(level.next) {
                level.next = u16::from(byte) + 1;
                if let Some(child) = self.child(&level.node, byte)? {
                    walk.step(self)?;
                    walk.key.truncate(level.end);
                    walk.key.push(byte);
                    let level = Level::enter(child, 0, walk);
                    if !level.node.has_children() || may_begin(&walk.key, text) {
                        levels.push(level);
                    }
                }
                continue;
            }
            walk.key.truncate(level.end);
            if level.node.has_values() && glob::matches(&walk.key, text) {
                level.node.values().for_each(|value| insert(out, value));
            }
            levels.pop();
        }
        walk.key.truncate(outside);
        Ok(())
    }

    /// Calls `each` for every key and value in the order of the keys, the values of a key best first.
    ///
    /// # Errors
    /// The index is damaged or cannot be read; what comes before that place was given to `each` already.
    pub fn for_each(&self, each: impl FnMut(&[u8], Value<'_>)) -> Result<()> {
        // Every node is visited: one read is less than a part for each few of them.
        match self.whole()? {
            Some(bytes) => self.with(&bytes).walk(each),
            None => self.walk(each),
        }
    }

    fn walk(&self, mut each: impl FnMut(&[u8], Value<'_>)) -> Result<()> {
        let mut walk = Walk::new();
        let Some(root) = self.root()? else { return Ok(()) };
        let mut levels = vec![Level::enter(root, 0, &mut walk)];
        while let Some(level) = levels.last_mut() {
            if level.next == 0 {
                level.node.values().for_each(|value| each(&walk.key, value));
            }
            let Some(byte) = level.node.branch_from(level.next) else {
                levels.pop();
                continue;
            };
            level.next = u16::from(byte) + 1;
            if let Some(child) = self.child(&level.node, byte)? {
                walk.step(self)?;
                walk.key.truncate(level.end);
                walk.key.push(byte);
                levels.push(Level::enter(child, 0, &mut walk));
            }
        }
        Ok(())
    }
}

/// A node on the way down.
struct Level<'a> {
    node: Node<'a>,
    /// The length of the key that ends here.
    end: usize,
    /// The first byte that was not yet followed; 0 before the first.
    next: u16,
}

impl<'a> Level<'a> {
    fn enter(node: Node<'a>, skip: usize, walk: &mut Walk) -> Self {
        walk.key.extend_from_slice(node.prefix().get(skip..).unwrap_or_default());
        Level { end: walk.key.len(), node, next: 0 }
    }
}

fn is_wild(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[')
}

/// Whether a key that begins so may match; what is not sure may. A part of a bracket expression tells nothing.
fn may_begin(key: &[u8], text: &[u8]) -> bool {
    key.iter().any(|byte| matches!(byte, b'[' | b'\\')) || glob::begins(key, text)
}

fn insert(out: &mut Vec<Found>, value: Value<'_>) {
    let place = out.partition_point(|known| known.priority < value.priority);
    out.insert(place, value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Builder;

    fn index(entries: &[(&str, &str, u32)]) -> Vec<u8> {
        let mut builder = Builder::new();
        for (key, value, priority) in entries {
            builder.insert(key.as_bytes(), value.as_bytes(), *priority);
        }
        builder.build().unwrap()
    }

    fn wild(bytes: &[u8], text: &str) -> Vec<String> {
        let found = Index::new("i.bin", bytes).unwrap().search_wild(text.as_bytes()).unwrap();
        found.into_iter().map(|found| String::from_utf8(found.value).unwrap()).collect()
    }

    #[test]
    fn search_finds_whole_keys_only() {
        let bytes = index(&[("ask", "1", 0), ("as", "2", 0), ("asking", "3", 0), ("b", "4", 0)]);
        let index = Index::new("i.bin", &bytes).unwrap();
        for (key, want) in [("as", Some("2")), ("ask", Some("1")), ("aski", None), ("asking", Some("3")), ("", None)] {
            assert_eq!(index.search(key.as_bytes()).unwrap().as_deref(), want.map(str::as_bytes), "{key}");
        }
    }

    #[test]
    fn wildcards_in_keys_match() {
        let bytes = index(&[
            ("pci:v*d*", "any", 3),
            ("pci:v1d*", "one", 1),
            ("pci:v1d2", "exact", 2),
            ("pci:v[12]d?", "range", 1),
            ("p?i:*", "early", 4),
            ("usb:*", "usb", 0),
        ]);
        assert_eq!(wild(&bytes, "pci:v1d2"), ["one", "range", "exact", "any", "early"]);
        assert_eq!(wild(&bytes, "pci:v2d22"), ["any", "early"]);
        assert_eq!(wild(&bytes, "pci:v"), ["early"]);
        assert!(wild(&bytes, "").is_empty());
    }

    #[test]
    fn what_cannot_match_is_left_out_and_nothing_else() {
        let keys = [
            "", "*", "*ab", "*ab?", "*ab*c", "*ab[xy]", "*ab[x*", "*a[", "*a\\*", "*a\\*b", "*a\\x", "*a[!]x]b", "a*b",
            "a*bc", "?b*",
        ];
        let entries: Vec<(&str, &str, u32)> = keys.iter().zip(0..).map(|(key, at)| (*key, *key, at)).collect();
        let bytes = index(&entries);
        let letters = ["", "a", "b", "c", "x", "\\", "]"];
        for at in 0..letters.len().pow(4) {
            let text: String = (0..4).map(|place| letters[at / letters.len().pow(place) % letters.len()]).collect();
            let want: Vec<&str> =
                keys.into_iter().filter(|key| glob::matches(key.as_bytes(), text.as_bytes())).collect();
            assert_eq!(wild(&bytes, &text), want, "{text}");
        }
    }

    #[test]
    fn for_each_gives_all_in_order() {
        let bytes = index(&[("b", "1", 5), ("a", "2", 2), ("ab", "3", 1), ("a", "4", 1)]);
        let mut all = String::new();
        let index = Index::new("i.bin", &bytes).unwrap();
        index.for_each(|key, v| all += &format!("{}={} ", key.escape_ascii(), v.value.escape_ascii())).unwrap();
        assert_eq!(all, "a=4 a=2 ab=3 b=1 ");
    }

    #[test]
    fn an_index_that_leads_round_in_circles_is_refused() {
        // The root's child for `*` is the root.
        let mut bytes = index(&[]);
        bytes.truncate(8);
        let root = super::super::CHILDREN | 12;
        bytes.extend(root.to_be_bytes());
        bytes.extend([b'*', b'*']);
        bytes.extend(root.to_be_bytes());
        let index = Index::new("i.bin", &bytes).unwrap();
        let error = index.search_wild(b"x").unwrap_err().to_string();
        assert!(error.starts_with("i.bin: damaged at offset 0x0: a node leads back to itself"), "{error}");
        assert!(index.for_each(|_, _| ()).is_err());
        assert_eq!(index.search(b"****").unwrap(), None);
    }
}
