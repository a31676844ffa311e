//! Reads any bytes as type information, as an index of it, and as a profile's file.
//!
//! Input: the first byte chooses; then the bytes, for an index with the type information after it.
#![no_main]

mod input;

use abi::btf::build_index;
use abi::{Btf, Profile, TypeId};
use input::Input;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// Names that are asked for.
const NAMES: [&str; 6] = ["module", "struct list_head", "int", "u", "printk", "enum e"];
/// No question is put to more types than this.
const MOST: u32 = 64;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    match input.byte() % 4 {
        0 | 1 => {
            if let Ok(index) = build_index(input.0) {
                ask(&Btf::new(input.0, &index).expect("an index fits what it was made of"));
            }
        }
        2 => {
            let index = input.counted();
            if let Some(btf) = Btf::new(input.0, index) {
                ask(&btf);
            }
        }
        _ => profile(input.0),
    }
});

fn ask(btf: &Btf<'_>) {
    let count = btf.type_count();
    for id in (0..count.min(MOST)).chain([count, u32::MAX]).map(TypeId) {
        black_box((btf.kind(id), btf.size(id), btf.resolve(id), btf.array(id), btf.pointee(id), btf.value(id)));
        black_box((btf.members(id), btf.enumerators(id), btf.prototype_of(id), btf.define(id)));
        black_box((btf.type_name(id), btf.declare(id, "name"), btf.member(id, "a.b"), btf.member(id, "a[3].b")));
        if let Some(name) = btf.name(id) {
            black_box((btf.aggregate(name), btf.type_by_name(name), btf.declare_function(name), btf.variable(name)));
        }
    }
    for name in NAMES {
        black_box((
            btf.aggregate(name),
            btf.prototype(name),
            btf.functions(name).take(9).count(),
            btf.enum_value(name),
        ));
    }
}

/// The bytes behind a sound head, whose tables come from the input: lengths and checksum would stop every change else.
fn profile(bytes: &[u8]) {
    let head_len = bytes.len().min(1024);
    let mut file = b"LKM-ABI\n".to_vec();
    file.extend(2u32.to_le_bytes());
    file.extend((32 + head_len as u32).to_le_bytes());
    file.extend((32 + bytes.len() as u64).to_le_bytes());
    let sum = hash64(hash64(1, &file), &bytes[..head_len]);
    file.extend(sum.to_le_bytes());
    file.extend(bytes);
    let Some((file, path)) = memory_file(&file) else { return };
    let profile = Profile::open(&path);
    drop(file);
    if let Ok(profile) = profile {
        black_box((profile.release(), profile.vermagic(), profile.build_id(), profile.source(), profile.origin()));
        if let Some(btf) = profile.btf() {
            ask(&btf);
        }
        for name in NAMES {
            black_box((profile.export(name), profile.symbol(name), profile.size_of(name), profile.section(name)));
            black_box(profile.symbols_named(name).take(9).count());
        }
        black_box((profile.symbol_at(0x1000), profile.section_at(0x1000), profile.image_bytes(0x1000, 16)));
        black_box((profile.exports().take(99).count(), profile.symbols().take(99).count()));
        black_box((profile.sections().take(99).count(), profile.segments().take(99).count()));
        black_box((profile.percpu_template(), profile.relocations().is_some()));
    }
}

fn memory_file(bytes: &[u8]) -> Option<(OwnedFd, PathBuf)> {
    let fd = rustix::fs::memfd_create("profile", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
    let mut file = File::from(fd);
    file.write_all(bytes).ok()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Some((file.into(), path))
}

/// The checksum of a profile's head, as crates/abi/src/bytes.rs reckons it.
fn hash64(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let h = bytes.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let h = (h ^ h >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    h ^ h >> 32
}
