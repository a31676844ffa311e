//! Everything that lkm itself offers to modules: the lists of all files, in one place.

use crate::{fault, jump_label, klib, log, mm, module, static_call};
use kabi::{DataExport, Export};

/// All functions.
pub fn functions() -> impl Iterator<Item = &'static Export> {
    let lists: Vec<&'static [&'static Export]> = vec![
        fault::EXPORTS,
        jump_label::EXPORTS,
        klib::kstrtox::EXPORTS,
        klib::list::EXPORTS,
        klib::sprintf::EXPORTS,
        klib::string::EXPORTS,
        log::EXPORTS,
        mm::slab::EXPORTS,
        module::param_ops::EXPORTS,
        module::refs::EXPORTS,
        static_call::EXPORTS,
    ];
    lists.into_iter().flatten().copied()
}

/// All variables.
pub fn data() -> impl Iterator<Item = &'static DataExport> {
    let lists: Vec<&'static [DataExport]> = vec![log::DATA, module::param_ops::DATA];
    lists.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_exported_once() {
        let mut seen = HashSet::new();
        for name in functions().flat_map(|e| e.names).chain(data().flat_map(|d| d.names)) {
            assert!(seen.insert(name), "{name} is exported twice");
        }
    }
}
