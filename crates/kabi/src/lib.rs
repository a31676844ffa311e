//! The C boundary between module code and lkm's Rust code.
//!
//! Kernel code is written in safe Rust on top of this crate: arguments arrive as types ([`KStr`], [`KPtr`], [`Out`],
//! [`VaList`]), results leave as types, module memory is read and written through pointers whose accesses can fail.
//! An access that faults is [`KError::Fault`]; returned from an exported function it becomes an oops, and the module
//! call is abandoned. The attribute `#[kexport]` makes the C entry point and the table row of a function; a variable's
//! row is a [`DataExport`].

#[doc(hidden)]
pub mod border;
mod convert;
pub mod errno;
mod error;
mod export;
mod field;
mod kstr;
mod ptr;
mod va_list;

pub use border::{call, running, set_oops_hook};
pub use convert::{ErrPtr, FromAbi, IntoAbi, NullPtr};
pub use errno::Errno;
pub use error::{KError, KResult};
pub use export::{Convention, DataExport, DataSize, Export};
pub use field::{Field, profile, set_profile, size_of_struct};
pub use kexport::{exports, kexport};
pub use kstr::KStr;
pub use machine::access::Word;
pub use ptr::{KPtr, Out};
pub use va_list::{VaList, VarArgs};

/// C's `int`.
#[allow(non_camel_case_types, reason = "the field's name")]
pub type c_int = i32;
/// C's `unsigned int`.
#[allow(non_camel_case_types, reason = "the field's name")]
pub type c_uint = u32;
/// C's `long`.
#[allow(non_camel_case_types, reason = "the field's name")]
pub type c_long = i64;
/// C's `unsigned long`.
#[allow(non_camel_case_types, reason = "the field's name")]
pub type c_ulong = u64;
