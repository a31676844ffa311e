//! Strings that modules pass.

use crate::{FromAbi, KResult};
use machine::access;

/// The longest string that is read, in bytes: longer ones are cut.
const LIMIT: usize = 1 << 20;

/// A copy of a NUL-terminated string of a module.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct KStr(Vec<u8>);

impl KStr {
    /// Its bytes, without the NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For messages: bytes that are no UTF-8 are replaced.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl From<&str> for KStr {
    fn from(s: &str) -> Self {
        Self(s.as_bytes().to_vec())
    }
}

impl FromAbi for KStr {
    fn from_abi(register: u64) -> KResult<Self> {
        Ok(Self(access::read_str(register, LIMIT)?))
    }
}

impl FromAbi for Option<KStr> {
    fn from_abi(register: u64) -> KResult<Self> {
        if register == 0 { Ok(None) } else { KStr::from_abi(register).map(Some) }
    }
}
