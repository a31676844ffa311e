//! The order of kmod's hash tables (`shared/hash.c`), which some files of depmod have.
//!
//! `modules.symbols` lists symbols in the order of a table of 2048 buckets, and modules that `modules.order` does not
//! name come in that of a table of 512. Within a bucket keys are sorted by their bytes.

/// Buckets of the table of modules.
pub const MODULES: u32 = 512;
/// Buckets of the table of symbols.
pub const SYMBOLS: u32 = 2048;

/// What keys are sorted by: the bucket first.
pub fn rank(key: &[u8], buckets: u32) -> (u32, &[u8]) {
    (superfast(key) & buckets.wrapping_sub(1), key)
}

/// Paul Hsieh's "SuperFastHash", with bytes as signed as C has them on x86.
fn superfast(key: &[u8]) -> u32 {
    let pair = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]));
    let signed = |byte: u8| byte.cast_signed() as u32;
    let (rows, rest) = key.as_chunks::<4>();
    let mut hash = key.len() as u32;
    for [a, b, c, d] in rows {
        hash = hash.wrapping_add(pair(*a, *b));
        hash = (hash << 16) ^ (pair(*c, *d) << 11) ^ hash;
        hash = hash.wrapping_add(hash >> 11);
    }
    match *rest {
        [a, b, c] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 16;
            hash ^= signed(c) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [a, b] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [a] => {
            hash = hash.wrapping_add(signed(a));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}

#[test]
fn symbols_of_debian_s_file_are_in_this_order() {
    // Some lines of a `modules.symbols` of Debian's 6.1: the first three, and the last three.
    let names = [
        "drm_dp_link_train_channel_eq_delay",
        "drm_need_swiotlb",
        "jbd2_journal_inode_ranged_write",
        "rtllib_wx_set_freq",
        "scsi_register_device_handler",
        "unregister_snap_client",
    ];
    assert!(names.map(|name| rank(name.as_bytes(), SYMBOLS)).is_sorted());
    assert_eq!(superfast(b""), 0);
}
