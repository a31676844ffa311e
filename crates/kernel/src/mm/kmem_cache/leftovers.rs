//! What is said of a cache that is destroyed while objects are left. Counterpart: `__kmem_cache_shutdown` of mm/slub.c.

use super::Cache;
use crate::mm::check;
use crate::mm::owned::{self, Block, Kind};
use crate::{env, fault, log, module, oops};

/// The `TAINT_BAD_PAGE` bit.
const BAD_PAGE: u64 = 1 << 5;

/// The objects that are not given back.
pub(super) fn left_in(cache: &Cache) -> Vec<u64> {
    let mut left = cache.objects.in_use();
    if check::guards() {
        let mine = |block: &Block| block.kind == Kind::Object && block.name.as_deref() == Some(&*cache.name);
        left.extend(owned::all().into_iter().filter(|(_, b)| b.guard.is_some() && mine(b)).map(|(addr, _)| addr));
    }
    left
}

/// What the kernel says.
pub(super) fn complain(cache: &Cache, left: &[u64]) {
    let newer = env::version() >= (6, 12);
    let line = |text: &str| log::line(3, text);
    let title = if newer {
        "Objects remaining on __kmem_cache_shutdown()".to_string()
    } else {
        format!("Objects remaining in {} on __kmem_cache_shutdown()", cache.name)
    };
    line("=============================================================================");
    line(&format!("BUG {} ({}): {title}", cache.name, oops::tainted(module::taint::bits())));
    line("-----------------------------------------------------------------------------");
    line("");
    let slab = format!(
        "Slab 0x{} objects={} used={} fp=0x{} flags=0x200(slab|node=0|zone=2)",
        env::hashed(left.first().copied().unwrap_or(0) & !0xfff),
        cache.objects.per_slab(),
        left.len(),
        env::hashed(0)
    );
    let objects = || {
        for object in left {
            let offset = cache.objects.offset_of(*object);
            log::line(3, &format!("Object 0x{} @offset={offset}", env::hashed(*object)));
        }
    };
    if newer {
        objects();
        line(&slab);
        module::taint::add_bits(BAD_PAGE);
        fault::warn_in("__kmem_cache_shutdown", "mm/slub.c", 0, None);
    } else {
        line(&slab);
        fault::dump_stack();
        module::taint::add_bits(BAD_PAGE);
        objects();
    }
}
