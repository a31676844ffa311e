//! Reads Linux kernel modules (.ko files)
