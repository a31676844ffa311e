//! How names of modules and aliases are written in the database (kmod's `shared/util.c`).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A module's name as the kernel has it: underscores for dashes, nothing from the first dot on.
pub fn module_name(word: &[u8]) -> Vec<u8> {
    word.iter().take_while(|byte| **byte != b'.').map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect()
}

/// The module's name in a path: [`module_name`] of what follows the last slash.
pub fn module_name_of_path(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref().as_os_str().as_bytes();
    module_name(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

/// An alias as the indexes have it: underscores for dashes, but not between brackets. `None` if the brackets do not
/// pair, or if it is 4096 bytes long or longer: kmod takes no such alias.
pub fn alias_name(alias: &[u8]) -> Option<Vec<u8>> {
    const LIMIT: usize = 4096;
    if alias.len() >= LIMIT {
        return None;
    }
    let mut out = alias.to_vec();
    let mut inside = false;
    for byte in &mut out {
        match (*byte, inside) {
            (b'-', false) => *byte = b'_',
            (b']', false) => return None,
            (b'[', false) => inside = true,
            (b']', true) => inside = false,
            _ => {}
        }
    }
    (!inside).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(module_name(b"a-b.ko.xz"), b"a_b");
        assert_eq!(module_name_of_path("kernel/x-y/a-b.ko"), b"a_b");
        assert_eq!(module_name_of_path("a-b"), b"a_b");
        assert_eq!(module_name_of_path("a/"), b"");
    }

    #[test]
    fn aliases_keep_dashes_in_brackets() {
        assert_eq!(alias_name(b"a-b[c-d]e-f").unwrap(), b"a_b[c-d]e_f");
        assert_eq!(alias_name(b"a[[-]-").unwrap(), b"a[[-]_");
        assert_eq!((alias_name(b"a]"), alias_name(b"a[b")), (None, None));
        assert_eq!(alias_name(&[b'a'; 4096]), None);
    }
}
