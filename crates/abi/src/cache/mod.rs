//! The profile's file: written once by an import, mapped into memory by every start.

pub(crate) mod dir;
pub(crate) mod format;
pub(crate) mod map;
