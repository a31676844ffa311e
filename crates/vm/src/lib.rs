//! A real kernel in QEMU: run, normalise, compare
