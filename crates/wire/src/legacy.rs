//! The module system calls of Linux 2.4 (numbers 174 to 178 on x86-64), and the `struct module` they speak of.
//!
//! Whoever links a module in user space (an `insmod` of modutils) and the kernel share this structure. Sources:
//! create_module(2), init_module(2) ("Linux 2.4 and earlier"), query_module(2), get_kernel_syms(2) of man-pages 6.03;
//! include/linux/module.h and kernel/module.c of Linux 2.4.

use serde::{Deserialize, Serialize};

/// A string of the caller's memory, or the errno with which reading it failed.
pub type UserString = Result<Vec<u8>, i32>;

/// One of 2.4's module system calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegacyCall {
    /// `create_module(name, size)`; answered by `Answer::Value`, the address.
    CreateModule {
        /// The module's name.
        name: UserString,
        /// Bytes of its image, the header included.
        size: u64,
    },
    /// `init_module(name, image)`: the image travels as a file descriptor, as far as the caller's memory can be read.
    InitModule {
        /// The module's name.
        name: UserString,
    },
    /// `delete_module(name)`.
    DeleteModule {
        /// The module's name; `None` (NULL) removes what nobody has used since the last time.
        name: Option<UserString>,
    },
    /// `get_kernel_syms(table)`; answered by `Answer::Value` without a table, else by `Answer::Data`: what goes there.
    GetKernelSyms {
        /// Whether there is a table.
        table: bool,
    },
    /// `query_module(name, which, buf, bufsize, ret)`; answered by `Answer::Legacy`.
    QueryModule {
        /// The module's name; `None` (NULL) for the kernel itself.
        name: Option<UserString>,
        /// What is asked: [`query`].
        which: i32,
        /// Bytes of the caller's buffer.
        size: u64,
    },
}

/// What `query_module` does to the caller's memory, and its result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyReply {
    /// For the buffer.
    pub data: Vec<u8>,
    /// For `*ret`; `None` leaves it as it is.
    pub ret: Option<u64>,
    /// The errno after that; 0 for success.
    pub errno: i32,
}

/// `query_module`'s questions.
pub mod query {
    /// Is the call there?
    pub const NOTHING: i32 = 0;
    /// The names of all modules.
    pub const MODULES: i32 = 1;
    /// The names of the modules that a module uses.
    pub const DEPS: i32 = 2;
    /// The names of the modules that use a module.
    pub const REFS: i32 = 3;
    /// Exported symbols.
    pub const SYMBOLS: i32 = 4;
    /// A `struct module_info`.
    pub const INFO: i32 = 5;
}

/// Bits of `module.flags`.
pub mod flag {
    /// Its init function has succeeded.
    pub const RUNNING: u64 = 1;
    /// It is being removed.
    pub const DELETED: u64 = 2;
    /// `delete_module(NULL)` may remove it.
    pub const AUTOCLEAN: u64 = 4;
    /// Its use count changed since the last `delete_module(NULL)`.
    pub const VISITED: u64 = 8;
    /// It was used at least once.
    pub const USED_ONCE: u64 = 16;
    /// What used it has just been removed.
    pub const JUST_FREED: u64 = 32;
    /// Its init function runs.
    pub const INITIALIZING: u64 = 64;
}

/// `struct module` of Linux 2.4 on a 64-bit machine: offsets in bytes.
pub mod header {
    /// `size_of_struct`.
    pub const SIZE_OF_STRUCT: u64 = 0;
    /// `next`.
    pub const NEXT: u64 = 8;
    /// `name`.
    pub const NAME: u64 = 16;
    /// `size`, of the whole image.
    pub const SIZE: u64 = 24;
    /// `uc.usecount`, 32 bits.
    pub const USECOUNT: u64 = 32;
    /// `flags`.
    pub const FLAGS: u64 = 40;
    /// `nsyms`, 32 bits.
    pub const NSYMS: u64 = 48;
    /// `ndeps`, 32 bits.
    pub const NDEPS: u64 = 52;
    /// `syms`.
    pub const SYMS: u64 = 56;
    /// `deps`.
    pub const DEPS: u64 = 64;
    /// `refs`.
    pub const REFS: u64 = 72;
    /// `init`.
    pub const INIT: u64 = 80;
    /// `cleanup`.
    pub const CLEANUP: u64 = 88;
    /// `ex_table_start`.
    pub const EX_TABLE_START: u64 = 96;
    /// `ex_table_end`.
    pub const EX_TABLE_END: u64 = 104;
    /// `persist_start`: the first member that an insmod may leave out.
    pub const PERSIST_START: u64 = 112;
    /// `can_unload`.
    pub const CAN_UNLOAD: u64 = 128;
    /// `kallsyms_start`.
    pub const KALLSYMS_START: u64 = 144;
    /// `kallsyms_end`.
    pub const KALLSYMS_END: u64 = 152;
    /// `archdata_start`.
    pub const ARCHDATA_START: u64 = 160;
    /// `archdata_end`.
    pub const ARCHDATA_END: u64 = 168;
    /// `kernel_data`.
    pub const KERNEL_DATA: u64 = 176;
    /// `sizeof (struct module)`.
    pub const LEN: u64 = 184;
    /// The largest `size_of_struct` that is accepted: an insmod for a later kernel.
    pub const MOST: u64 = LEN + 16 * 8;
}

/// Bytes of `struct module_symbol`: value, name.
pub const SYMBOL_LEN: u64 = 16;
/// Bytes of `struct module_ref`: dep, ref, next_ref.
pub const REF_LEN: u64 = 24;
/// Bytes of `struct module_info`: address, size, flags, use count.
pub const INFO_LEN: u64 = 32;
/// Bytes of `struct kernel_sym`: value, 60 bytes of name, padding.
pub const KERNEL_SYM_LEN: usize = 72;
/// Bytes of `kernel_sym.name`.
pub const KERNEL_SYM_NAME: usize = 60;

/// The largest module image, in bytes.
pub const MOST_IMAGE: u64 = 64 << 20;

/// The release that uname(2) tells when 2.4's module system is there. The last one of the series, and a suffix that says
/// whose it is.
pub const RELEASE: &str = "2.4.37-lkm";

/// lkm's use of `archdata`, which 2.4 leaves to the architecture and x86-64 leaves empty: how pages of the image are
/// protected. Without it they can be read, written and executed, as on 2.4.
pub mod archdata {
    /// The first bytes.
    pub const MAGIC: [u8; 8] = *b"lkm-wx1\0";
    /// Bytes of an entry: start, end, access (three numbers of 64 bits); the addresses are whole pages.
    pub const ENTRY: u64 = 24;
    /// Access: read.
    pub const READ: u64 = 0;
    /// Access: read and write.
    pub const WRITE: u64 = 1;
    /// Access: read and execute.
    pub const EXECUTE: u64 = 4;
}
