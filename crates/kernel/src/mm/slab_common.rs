//! Caches that inline allocations name. Counterpart: mm/slab_common.c.

use kabi::{DataExport, DataSize};

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    // All kernels' tables are smaller than a page.
    names: &["kmalloc_caches"],
    size: DataSize::Bytes(4096),
    percpu: false,
    gpl: false,
    init: |_, _| Ok(()),
    doc: "The caches of kmalloc, which inline code only hands on: an allocation goes by its size.",
}];
