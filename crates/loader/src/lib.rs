//! The module loader, one file per phase
