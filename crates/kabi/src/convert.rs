//! How C arguments become Rust values and Rust results become C's.

use crate::{Errno, KError, KPtr, KResult};

/// A type that can be an argument of an exported function.
pub trait FromAbi: Sized {
    /// Decodes an argument register.
    ///
    /// # Errors
    /// A pointer that cannot be read.
    fn from_abi(register: u64) -> KResult<Self>;
}

/// A type that can be the result of an exported function.
pub trait IntoAbi {
    /// Encodes the result register.
    ///
    /// # Errors
    /// What C cannot express: the module's call ends.
    fn into_abi(self) -> KResult<u64>;
}

macro_rules! numbers {
    ($($t:ty),*) => {$(
        impl FromAbi for $t {
            fn from_abi(register: u64) -> KResult<Self> { Ok(register as $t) }
        }
        impl IntoAbi for $t {
            fn into_abi(self) -> KResult<u64> { Ok(self as i64 as u64) }
        }
    )*};
}
numbers!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

impl FromAbi for bool {
    fn from_abi(register: u64) -> KResult<Self> {
        Ok(register as u8 != 0)
    }
}

impl IntoAbi for bool {
    fn into_abi(self) -> KResult<u64> {
        Ok(u64::from(self))
    }
}

impl IntoAbi for () {
    fn into_abi(self) -> KResult<u64> {
        Ok(0)
    }
}

impl<T> IntoAbi for KPtr<T> {
    fn into_abi(self) -> KResult<u64> {
        Ok(self.addr())
    }
}

impl<T: IntoAbi> IntoAbi for KResult<T> {
    fn into_abi(self) -> KResult<u64> {
        match self {
            Ok(value) => value.into_abi(),
            Err(KError::Errno(Errno(number))) => Ok(-i64::from(number) as u64),
            Err(other) => Err(other),
        }
    }
}

/// A pointer result that is NULL on failure, whatever the errno.
#[derive(Debug)]
pub struct NullPtr<T = ()>(pub KResult<KPtr<T>>);

/// A pointer result that carries the errno (`ERR_PTR`) on failure.
#[derive(Debug)]
pub struct ErrPtr<T = ()>(pub KResult<KPtr<T>>);

impl<T> IntoAbi for NullPtr<T> {
    fn into_abi(self) -> KResult<u64> {
        match self.0 {
            Ok(p) => Ok(p.addr()),
            Err(KError::Errno(_)) => Ok(0),
            Err(other) => Err(other),
        }
    }
}

impl<T> IntoAbi for ErrPtr<T> {
    fn into_abi(self) -> KResult<u64> {
        self.0.into_abi()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::{EINVAL, ENOMEM};

    #[test]
    fn results_follow_their_c_convention() {
        assert_eq!((-5i32).into_abi(), Ok(-5i64 as u64));
        assert_eq!(KResult::<u32>::Err(EINVAL.into()).into_abi(), Ok(-22i64 as u64));
        assert_eq!(NullPtr::<()>(Err(ENOMEM.into())).into_abi(), Ok(0));
        assert_eq!(ErrPtr::<()>(Err(ENOMEM.into())).into_abi(), Ok(-12i64 as u64));
        assert_eq!(KResult::<()>::Err(KError::Died).into_abi(), Err(KError::Died));
    }

    #[test]
    fn arguments_are_cut_to_their_type() {
        assert_eq!(u32::from_abi(0xffff_ffff_0000_0001), Ok(1));
        assert_eq!(i32::from_abi(0xffff_ffff), Ok(-1));
        assert_eq!(bool::from_abi(0x100), Ok(false));
    }
}
