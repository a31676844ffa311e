//! The C library's allocator.

/// From this size on, memory that is freed is given back to the kernel at once.
const LARGE: libc::c_int = 256 << 10;

/// Keeps large blocks apart from the heap for good. Otherwise glibc moves the border up to 32 MiB as soon as such a block
/// was freed, and the heap then keeps what the largest of many files took.
pub fn give_large_blocks_back() {
    #[cfg(target_env = "gnu")]
    for option in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: mallopt takes numbers alone, and locks the allocator. What it refuses stays as it was.
        unsafe { libc::mallopt(option, LARGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of this process in memory that no file stands behind.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    #[test]
    fn large_blocks_go_back_whatever_was_freed_before() {
        const SIZE: usize = 24 << 20;
        give_large_blocks_back();
        let before = resident();
        for _ in 0..3 {
            let block = std::hint::black_box(vec![1u8; SIZE]);
            // What comes after it keeps a heap from shrinking.
            let after = std::hint::black_box(vec![1u8; 1000]);
            drop(block);
            assert!(resident() < before + SIZE / 2, "{} of {before}", resident());
            drop(after);
        }
    }
}
