//! Pointers to module memory.

use crate::{FromAbi, KResult};
use machine::access::{self, Word};
use std::marker::PhantomData;

/// A pointer into module memory; `T` names the structure that lies there and is never made.
pub struct KPtr<T = ()> {
    addr: u64,
    kind: PhantomData<fn() -> T>,
}

impl<T> KPtr<T> {
    /// The NULL pointer.
    pub const NULL: Self = Self::new(0);

    /// A pointer to `addr`.
    pub const fn new(addr: u64) -> Self {
        Self { addr, kind: PhantomData }
    }

    /// The address.
    pub const fn addr(self) -> u64 {
        self.addr
    }

    /// True for NULL.
    pub const fn is_null(self) -> bool {
        self.addr == 0
    }

    /// The same address as a pointer to something else.
    pub const fn cast<U>(self) -> KPtr<U> {
        KPtr::new(self.addr)
    }

    /// `bytes` further on; wraps as C's does on this machine.
    pub const fn offset(self, bytes: u64) -> Self {
        Self::new(self.addr.wrapping_add(bytes))
    }

    /// Reads the number at `offset`.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn get<W: Word>(self, offset: u64) -> KResult<W> {
        Ok(access::get(self.addr.wrapping_add(offset))?)
    }

    /// Writes the number at `offset`.
    ///
    /// # Errors
    /// When the memory cannot be written.
    pub fn put<W: Word>(self, offset: u64, value: W) -> KResult {
        Ok(access::put(self.addr.wrapping_add(offset), value)?)
    }

    /// Copies `len` bytes from `offset`.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn bytes(self, offset: u64, len: usize) -> KResult<Vec<u8>> {
        let mut out = vec![0; len];
        access::read(self.addr.wrapping_add(offset), &mut out)?;
        Ok(out)
    }
}

impl<T> Clone for KPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for KPtr<T> {}

impl<T> PartialEq for KPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.addr == other.addr
    }
}

impl<T> Eq for KPtr<T> {}

impl<T> std::hash::Hash for KPtr<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.addr.hash(state);
    }
}

impl<T> std::fmt::Debug for KPtr<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KPtr({:#x})", self.addr)
    }
}

impl<T> FromAbi for KPtr<T> {
    fn from_abi(register: u64) -> KResult<Self> {
        Ok(Self::new(register))
    }
}

/// A pointer through which a function gives back a number.
#[derive(Debug, Clone, Copy)]
pub struct Out<W> {
    addr: u64,
    kind: PhantomData<fn(W)>,
}

impl<W: Word> Out<W> {
    /// Stores the number.
    ///
    /// # Errors
    /// When the memory cannot be written.
    pub fn set(self, value: W) -> KResult {
        Ok(access::put(self.addr, value)?)
    }
}

impl<W> FromAbi for Out<W> {
    fn from_abi(register: u64) -> KResult<Self> {
        Ok(Self { addr: register, kind: PhantomData })
    }
}
