//! How a cache is made. Counterpart: `__kmem_cache_create` and `calculate_alignment` of mm/slab_common.c.

use super::{CACHE, CACHES, Cache, KmemCache, NAME, OBJECT_SIZE, SIZE, flag, typesafe};
use crate::mm::owned::{self, Block};
use crate::{fault, log};
use kabi::errno::{EINVAL, ENOMEM};
use kabi::{Errno, KError, KPtr, KResult, KStr, c_uint, size_of_struct};
use machine::{access, heap};
use std::sync::{Arc, PoisonError};

/// Bytes of a cache line.
const LINE: usize = 64;

/// What a cache is to be.
pub(super) struct Wish {
    size: usize,
    align: usize,
    flags: u32,
    ctor: u64,
    /// From where, and how much.
    usercopy: (u32, u32),
}

impl Wish {
    pub(super) fn new(size: c_uint, align: c_uint, flags: u32, ctor: u64, usercopy: (u32, u32)) -> Self {
        Self { size: size as usize, align: align as usize, flags, ctor, usercopy }
    }
}

/// As `calculate_alignment` has it.
fn alignment(wish: &Wish, to_lines: bool) -> usize {
    let mut align = wish.align.max(8);
    if to_lines {
        let mut line = LINE;
        while wish.size <= line / 2 {
            line /= 2;
        }
        align = align.max(line);
    }
    align.next_multiple_of(8)
}

fn create(name: &Option<KStr>, wish: &Wish) -> KResult<KPtr<KmemCache>> {
    let name = name.as_ref().ok_or(EINVAL)?.to_string_lossy();
    let align = alignment(wish, wish.flags & flag("SLAB_HWCACHE_ALIGN", 0x2000) != 0);
    // Objects that outlive a free, or are poisoned, have their link to the next free one behind them.
    let behind = wish.ctor != 0 || typesafe(wish.flags) || wish.flags & flag("SLAB_POISON", 0x800) != 0;
    let size = wish.size.next_multiple_of(8) + if behind { 8 } else { 0 };
    let objects = heap::slab::make(size.max(8).next_multiple_of(align)).ok_or(EINVAL)?;
    let p: KPtr<KmemCache> = KPtr::new(heap::alloc(size_of_struct("kmem_cache")?).ok_or(ENOMEM)?);
    let text = heap::alloc(name.len() + 1).ok_or(ENOMEM)?;
    access::write(text, name.as_bytes())?;
    NAME.put(p, text)?;
    SIZE.put(p, size as u32)?;
    OBJECT_SIZE.put(p, wish.size as u32)?;
    let cache = Cache {
        name: name.as_str().into(),
        object_size: wish.size,
        align,
        flags: wish.flags,
        ctor: wish.ctor,
        usercopy: wish.usercopy,
        objects,
    };
    owned::note(p.addr(), Block::new(CACHE, 0).named(&name));
    CACHES.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(p.addr(), Arc::new(cache));
    Ok(p)
}

/// Makes a cache, or says why not as the kernel does.
pub(super) fn make(function: &str, name: Option<KStr>, wish: &Wish) -> KResult<KPtr<KmemCache>> {
    let error = match create(&name, wish) {
        Err(KError::Errno(Errno(number))) => number,
        other => return other,
    };
    let name = name.map_or_else(|| "(null)".into(), |name| name.to_string_lossy());
    if wish.flags & flag("SLAB_PANIC", 0x4_0000) != 0 {
        log::line(0, &format!("{function}: Failed to create slab '{name}'. Error -{error}"));
        return Err(KError::Bug("a cache that must not fail cannot be made"));
    }
    log::line(4, &format!("{function}({name}) failed with error -{error}"));
    fault::dump_stack();
    Ok(KPtr::NULL)
}

#[test]
fn alignment_follows_size_and_flags() {
    let wish = |size, align| Wish { size, align, flags: 0, ctor: 0, usercopy: (0, 0) };
    let plain = [(100, 0), (40, 16), (40, 12)].map(|(size, align)| alignment(&wish(size, align), false));
    assert_eq!(plain, [8, 16, 16]);
    assert_eq!([16, 20, 40, 100].map(|size| alignment(&wish(size, 0), true)), [16, 32, 64, 64]);
}
