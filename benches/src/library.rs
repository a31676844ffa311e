//! What the library's containers and sums cost a module, against Rust's own and a good crate, in nanoseconds an operation.
//!
//! The module times itself; each of its operations crosses the border. What it is compared with runs in the same process on
//! the same keys.

use crate::init::log_of_init;
use crate::stats::{Row, rows};
use crate::{Bench, fresh_rounds, print_sample};
use kernel::Config;
use std::collections::{BTreeMap, HashMap, LinkedList};
use std::hint::black_box;
use std::time::Instant;

const GROUP: &str = "library: nanoseconds an operation (crc32c: a KiB), 20,000 keys";
/// Pairs of the module's names and those of what each is compared with.
const PAIRS: [(&str, &str); 14] = [
    ("rbtree-insert", "BTreeMap: insert"),
    ("rbtree-erase", "BTreeMap: remove"),
    ("xarray-store", "HashMap: insert"),
    ("xarray-load", "HashMap: get"),
    ("xarray-erase", "HashMap: remove"),
    ("maple-store", "BTreeMap of indices: insert"),
    ("maple-load", "BTreeMap of indices: get"),
    ("maple-erase", "BTreeMap of indices: remove"),
    ("rhashtable-insert", "HashMap (hashbrown): insert"),
    ("rhashtable-lookup", "HashMap (hashbrown): get"),
    ("rhashtable-remove", "HashMap (hashbrown): remove"),
    ("list_sort", "LinkedList through a Vec: sort"),
    ("sort", "slice: sort_unstable"),
    ("crc32c-KiB", "crc32c: crc32c_append"),
];
const KEYS: usize = 20_000;

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let file = bench.modules.library.to_str().unwrap_or_default();
    let samples = fresh_rounds(bench.rounds(9), &["library", &bench.modules.release, file])?;
    let mut out = Vec::new();
    for (own, other) in PAIRS {
        let of = |name: &str| samples.iter().find(|(known, _)| known == name).map(|(_, s)| s.clone());
        let pair = of(other).zip(of(own)).ok_or_else(|| format!("no samples of {own}"))?;
        out.extend(rows(GROUP, "ns", &[other, own], &[pair.0, pair.1], 0));
    }
    Ok(out)
}

fn keys() -> Vec<u64> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u64::from(state)
    };
    (0..KEYS).map(|_| next()).collect()
}

fn each(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / KEYS as f64
}

/// The other side, in the order of [`PAIRS`].
fn others() -> [f64; 14] {
    let keys = keys();
    let mut tree = BTreeMap::new();
    let insert = each(|| keys.iter().for_each(|key| _ = black_box(tree.insert(*key, key))));
    let remove = each(|| keys.iter().for_each(|key| _ = black_box(tree.remove(key))));
    let mut map = HashMap::new();
    let places: Vec<u64> = keys.iter().map(|key| key % (4 * KEYS as u64)).collect();
    let store = each(|| places.iter().for_each(|at| _ = black_box(map.insert(*at, at))));
    let load = each(|| places.iter().for_each(|at| _ = black_box(map.get(at))));
    let erase = each(|| places.iter().for_each(|at| _ = black_box(map.remove(at))));
    let mut ranges = BTreeMap::new();
    let range = each(|| keys.iter().for_each(|key| _ = black_box(ranges.insert(*key, (*key, key)))));
    let at = each(|| keys.iter().for_each(|key| _ = black_box(ranges.range(..=*key).next_back())));
    let without = each(|| keys.iter().for_each(|key| _ = black_box(ranges.remove(key))));
    let mut table = HashMap::new();
    let put = each(|| keys.iter().for_each(|key| _ = black_box(table.insert(*key, key))));
    let get = each(|| keys.iter().for_each(|key| _ = black_box(table.get(key))));
    let take = each(|| keys.iter().for_each(|key| _ = black_box(table.remove(key))));
    let mut list: LinkedList<u64> = keys.iter().copied().collect();
    let list_sort = each(|| {
        let mut all: Vec<u64> = std::mem::take(&mut list).into_iter().collect();
        all.sort();
        list = all.into_iter().collect();
    });
    black_box(&list);
    let bytes: Vec<u8> = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
    let mut sorted = keys;
    let sort = each(|| sorted.sort_unstable());
    black_box(&sorted);
    let start = Instant::now();
    let crc = (0..16).fold(u32::MAX, |crc, _| crc32c::crc32c_append(crc, &bytes));
    let sum = start.elapsed().as_secs_f64() * 1e9 / (16 * bytes.len() / 1024) as f64;
    black_box(crc);
    [insert, remove, store, load, erase, range, at, without, put, get, take, list_sort, sort, sum]
}

/// One round: both sides, in this process.
pub fn sample(release: &str, file: &str) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    let text = log_of_init(Config::new(profile), file)?;
    let mut numbers = Vec::new();
    for ((own, other), value) in PAIRS.into_iter().zip(others()) {
        let tenths = text.lines().find_map(|line| line.split_once(&format!("library {own} "))?.1.parse::<f64>().ok());
        numbers.push((own, tenths.ok_or_else(|| format!("the module says nothing of {own}"))? / 10.0));
        numbers.push((other, value));
    }
    print_sample(&numbers)
}
