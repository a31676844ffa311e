//! Variable arguments: System V's `va_list` on x86-64, which modules pass by pointer.

use crate::{FromAbi, KResult};
use machine::access;

/// A `va_list` of a module. Reading it advances the module's own list, as `va_arg` does.
#[derive(Debug, Clone, Copy)]
pub struct VaList {
    addr: u64,
}

/// The arguments after `...` of an exported function.
#[derive(Debug, Clone, Copy)]
pub struct VarArgs(pub VaList);

/// Bytes of the registers that are saved for integer arguments.
const REGISTERS: u32 = 48;

impl VaList {
    /// The list at `addr`.
    pub fn at(addr: u64) -> Self {
        Self { addr }
    }

    /// Where the list lies.
    pub fn addr(self) -> u64 {
        self.addr
    }

    /// The next argument; narrower ones are in the low bits.
    ///
    /// # Errors
    /// When the list or its memory cannot be read.
    #[allow(clippy::should_implement_trait, reason = "reading may fail and never ends")]
    pub fn next(&mut self) -> KResult<u64> {
        let used: u32 = access::get(self.addr)?;
        if used < REGISTERS {
            let save: u64 = access::get(self.addr + 16)?;
            access::put(self.addr, used + 8)?;
            return Ok(access::get(save.wrapping_add(u64::from(used)))?);
        }
        let at: u64 = access::get(self.addr + 8)?;
        access::put(self.addr + 8, at.wrapping_add(8))?;
        Ok(access::get(at)?)
    }
}

impl FromAbi for VaList {
    fn from_abi(register: u64) -> KResult<Self> {
        Ok(Self::at(register))
    }
}
