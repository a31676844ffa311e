//! lkm's user-space kernel
