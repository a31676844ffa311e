//! Safe wrappers for the host's system calls that rustix does not offer
