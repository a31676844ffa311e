//! Kernel ABI profiles: what lkm knows of one kernel build
