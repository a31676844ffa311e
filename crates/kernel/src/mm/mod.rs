//! Memory for modules. Counterpart: mm/.

pub mod check;
pub mod exact;
pub mod guard;
pub mod inline_access;
pub mod kasan;
pub mod kmem_cache;
pub mod maccess;
pub mod mempool;
pub mod owned;
pub mod page;
pub mod page_alloc;
pub mod page_frag;
pub mod page_guard;
pub mod percpu;
pub mod slab;
pub mod slab_common;
pub mod uaccess;
pub mod usercopy;
pub mod util;
pub mod vmalloc;
