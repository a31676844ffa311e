//! Members of the kernel's structures, at the offsets that the running profile has.

use crate::{KError, KPtr, KResult, Word};
use abi::Profile;
use std::sync::OnceLock;

static PROFILE: OnceLock<Profile> = OnceLock::new();

/// Sets the profile of the kernel that this process is. The first call counts; returns whether it was this one.
pub fn set_profile(profile: Profile) -> bool {
    PROFILE.set(profile).is_ok()
}

/// The profile of the kernel that this process is.
///
/// # Panics
/// Before [`set_profile`]: a mistake in lkm.
pub fn profile() -> &'static Profile {
    PROFILE.get().expect("the profile is set before anything asks for it")
}

/// Size of a structure in this kernel.
///
/// # Errors
/// [`KError::NoMember`] if the kernel has no such structure.
pub fn size_of_struct(structure: &'static str) -> KResult<usize> {
    let size = profile().size_of(structure).map(|s| s as usize);
    size.ok_or(KError::NoMember { structure, path: "(size)" })
}

/// A member of a structure; looked up once. Make it a `static`.
#[derive(Debug)]
pub struct Field {
    structure: &'static str,
    path: &'static str,
    offset: OnceLock<Option<u64>>,
}

impl Field {
    /// The member `path` (dotted) of `structure`.
    pub const fn new(structure: &'static str, path: &'static str) -> Self {
        Self { structure, path, offset: OnceLock::new() }
    }

    /// Its offset in bytes, if this kernel has it.
    pub fn offset(&self) -> KResult<u64> {
        let find = || profile().member(self.structure, self.path).map(|m| m.offset);
        self.offset.get_or_init(find).ok_or(KError::NoMember { structure: self.structure, path: self.path })
    }

    /// True if this kernel has it.
    pub fn exists(&self) -> bool {
        self.offset().is_ok()
    }

    /// The member's address in the structure at `base`.
    ///
    /// # Errors
    /// [`KError::NoMember`].
    pub fn of<T>(&self, base: KPtr<T>) -> KResult<KPtr> {
        Ok(base.offset(self.offset()?).cast())
    }

    /// Reads the member as a number.
    ///
    /// # Errors
    /// [`KError::NoMember`]; when the memory cannot be read.
    pub fn get<W: Word, T>(&self, base: KPtr<T>) -> KResult<W> {
        base.get(self.offset()?)
    }

    /// Writes the member as a number.
    ///
    /// # Errors
    /// [`KError::NoMember`]; when the memory cannot be written.
    pub fn put<W: Word, T>(&self, base: KPtr<T>, value: W) -> KResult {
        base.put(self.offset()?, value)
    }
}
