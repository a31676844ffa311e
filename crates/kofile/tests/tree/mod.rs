//! The real modules of this machine: `/lib/modules/*/kernel`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// All modules of all installed kernels, sorted.
pub fn modules() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for release in std::fs::read_dir("/lib/modules").into_iter().flatten().flatten() {
        collect(&release.path().join("kernel"), &mut found);
    }
    found.sort();
    if found.is_empty() {
        eprintln!("no modules in /lib/modules/*/kernel: nothing to compare with (install linux-image-amd64)");
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, found);
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().contains(".ko")) {
            found.push(path);
        }
    }
}

/// About `count` of the modules, evenly spread, and some that have much of everything.
pub fn sample(count: usize) -> Vec<PathBuf> {
    const ALWAYS: [&str; 6] = ["amdgpu.ko", "btrfs.ko", "iwlwifi.ko", "libcrc32c.ko", "cfg80211.ko", "nf_tables.ko"];
    let all = modules();
    let step = (all.len() / count.max(1)).max(1);
    let wanted = |path: &PathBuf| ALWAYS.iter().any(|name| path.to_string_lossy().contains(&format!("/{name}")));
    all.iter().enumerate().filter(|(n, path)| n % step == 0 || wanted(path)).map(|(_, path)| path.clone()).collect()
}

/// Runs `test` on every path, on all processors; gives its results in the order of the paths.
pub fn for_each<T: Send>(paths: &[PathBuf], test: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || paths.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).map(|path| (path, test(path))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a test thread failed")).collect()
    });
    results.sort_by_key(|(path, _)| *path);
    results.into_iter().map(|(_, result)| result).collect()
}
