//! An open file. Counterpart: fs/open.c, fs/read_write.c, fs/ioctl.c, and fs/proc/inode.c, which puts itself before a module's
//! operations.
//!
//! DIFFERS: the host keeps the position of a file in /proc, so `proc_lseek` is not called and a position that its operations
//! set otherwise than by what they return is lost. Each open file has an inode of its own and no dentry; `flush`, `mmap`, `fasync`, `splice` and the iterators
//! (`read_iter`, `write_iter`) are not called. The buffer of a read or write is a copy that module code could reach
//! without copy_to_user and kin, too.

use super::poll::Waits;
use crate::fs::{Ctx, DEFAULT_POLLMASK, Ioctl, OpenFile, PollWaker};
use crate::mm::uaccess::with_window;
use kabi::errno::{EINVAL, EIO, ENOMEM, ENOTTY, ESPIPE};
use kabi::{Errno, Field, KPtr, KResult, c_int, size_of_struct};
use machine::{access, heap};
use std::sync::Mutex;

static FILE_OPS: Field = Field::new("file", "f_op");
static FILE_FLAGS: Field = Field::new("file", "f_flags");
static FILE_MODE: Field = Field::new("file", "f_mode");
static FILE_POS: Field = Field::new("file", "f_pos");
static FILE_INODE: Field = Field::new("file", "f_inode");
static FILE_PRIVATE: Field = Field::new("file", "private_data");
static INODE_MODE: Field = Field::new("inode", "i_mode");
static INODE_RDEV: Field = Field::new("inode", "i_rdev");
static INODE_CDEV: Field = Field::new("inode", "i_cdev");
static INODE_OPS: Field = Field::new("inode", "i_fop");
static INODE_PRIVATE: Field = Field::new("inode", "i_private");
static INODE_SIZE: Field = Field::new("inode", "i_size");

/// The operations of a kind of files, and what is said where one is missing.
pub struct Operations {
    open: Field,
    release: Field,
    read: Field,
    write: Field,
    llseek: Field,
    ioctl: Field,
    compat_ioctl: Field,
    poll: Field,
    /// The file points to them, and its open function may put others there.
    in_file: bool,
    /// Reading or writing without the operation.
    missing: Errno,
}

/// `struct file_operations`.
pub static FILE_OPERATIONS: Operations = Operations {
    open: Field::new("file_operations", "open"),
    release: Field::new("file_operations", "release"),
    read: Field::new("file_operations", "read"),
    write: Field::new("file_operations", "write"),
    llseek: Field::new("file_operations", "llseek"),
    ioctl: Field::new("file_operations", "unlocked_ioctl"),
    compat_ioctl: Field::new("file_operations", "compat_ioctl"),
    poll: Field::new("file_operations", "poll"),
    in_file: true,
    missing: EINVAL,
};

/// `struct proc_ops`.
pub static PROC_OPS: Operations = Operations {
    open: Field::new("proc_ops", "proc_open"),
    release: Field::new("proc_ops", "proc_release"),
    read: Field::new("proc_ops", "proc_read"),
    write: Field::new("proc_ops", "proc_write"),
    llseek: Field::new("proc_ops", "proc_lseek"),
    ioctl: Field::new("proc_ops", "proc_ioctl"),
    compat_ioctl: Field::new("proc_ops", "proc_compat_ioctl"),
    poll: Field::new("proc_ops", "proc_poll"),
    in_file: false,
    missing: EIO,
};

/// `FMODE_*`
pub(super) mod mode {
    pub(crate) const READ: u32 = 0x1;
    pub(crate) const WRITE: u32 = 0x2;
    pub(crate) const LSEEK: u32 = 0x4;
    pub(crate) const PREAD: u32 = 0x8;
    pub(crate) const PWRITE: u32 = 0x10;
    pub(crate) const ATOMIC_POS: u32 = 0x8000;
    pub(crate) const CAN_READ: u32 = 0x2_0000;
    pub(crate) const CAN_WRITE: u32 = 0x4_0000;
    pub(crate) const OPENED: u32 = 0x8_0000;
    pub(crate) const STREAM: u32 = 0x20_0000;
}

/// `O_CREAT`, `O_EXCL`, `O_NOCTTY`, `O_TRUNC`: heeded by the open function, then gone.
const AT_OPEN: u32 = 0o1700;
/// What `fcntl(2)` can change: `O_APPEND`, `O_NONBLOCK`, `FASYNC`, `O_DIRECT`, `O_NOATIME`.
const CHANGEABLE: u32 = 0o1_066_000;
/// `SEEK_MAX`
const LAST_WHENCE: u32 = 4;
/// `ENOIOCTLCMD`
const NO_COMMAND: Errno = Errno(515);

/// Zeroed memory that module code can reach; given back when dropped.
pub(super) struct Memory {
    addr: u64,
    len: usize,
}

impl Memory {
    fn new(len: usize) -> KResult<Self> {
        let len = len.max(1);
        Ok(Self { addr: heap::alloc(len).ok_or(ENOMEM)?, len })
    }

    fn structure(name: &'static str) -> KResult<Self> {
        Self::new(size_of_struct(name)?)
    }

    fn with(bytes: &[u8]) -> KResult<Self> {
        let memory = Self::new(bytes.len())?;
        access::write(memory.addr, bytes)?;
        Ok(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        heap::free(self.addr, self.len);
    }
}

/// What the open function finds.
pub struct New<'a> {
    /// Whose operations they are.
    pub kind: &'static Operations,
    /// The operations.
    pub ops: KPtr,
    /// `i_mode`
    pub mode: u16,
    /// `i_rdev`
    pub dev: u32,
    /// `i_cdev`
    pub cdev: u64,
    /// `i_private`
    pub inode_private: u64,
    /// `private_data`
    pub private: u64,
    /// `i_size`
    pub size: u64,
    /// The file keeps its position itself, as devices do.
    pub own_position: bool,
    /// What lkm does in place of the open operation.
    pub open: Option<&'a dyn Fn(KPtr) -> KResult>,
}

struct Opened {
    file: KPtr,
    inode: KPtr,
    kind: &'static Operations,
    ops: KPtr,
    own_position: bool,
    waits: Mutex<Waits>,
    // Dropped in this order: the memory first, what it stands for last.
    _memory: [Memory; 2],
    _held: Box<dyn Send + Sync>,
}

/// Opens a file (`do_dentry_open`); `held` is dropped after its release.
///
/// # Errors
/// What its open function says.
pub fn open(new: &New<'_>, held: Box<dyn Send + Sync>, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
    let opened = Opened::new(new, held, ctx.flags)?;
    match new.open {
        Some(open) => open(opened.file)?,
        None => opened.call_open()?,
    }
    opened.settle()?;
    Ok(Box::new(opened))
}

/// What a function of the kernel answers: a number, or an error below 0.
fn answer(value: u64) -> KResult<u64> {
    let value = value as i64;
    if value < 0 { Err(Errno(i32::try_from(-value).unwrap_or(EINVAL.0)).into()) } else { Ok(value as u64) }
}

impl Opened {
    fn new(new: &New<'_>, held: Box<dyn Send + Sync>, flags: u32) -> KResult<Self> {
        let memory = [Memory::structure("file")?, Memory::structure("inode")?];
        let [file, inode] = [KPtr::<()>::new(memory[0].addr), KPtr::<()>::new(memory[1].addr)];
        INODE_MODE.put(inode, new.mode)?;
        INODE_RDEV.put(inode, new.dev)?;
        INODE_CDEV.put(inode, new.cdev)?;
        INODE_PRIVATE.put(inode, new.inode_private)?;
        INODE_SIZE.put(inode, new.size)?;
        if new.kind.in_file {
            INODE_OPS.put(inode, new.ops.addr())?;
            FILE_OPS.put(file, new.ops.addr())?;
        }
        FILE_PRIVATE.put(file, new.private)?;
        FILE_INODE.put(file, inode.addr())?;
        FILE_FLAGS.put(file, flags)?;
        let access = flags.wrapping_add(1) & (mode::READ | mode::WRITE);
        FILE_MODE.put(file, access | mode::LSEEK | mode::PREAD | mode::PWRITE | mode::ATOMIC_POS)?;
        let (kind, ops, own_position) = (new.kind, new.ops, new.own_position);
        Ok(Self { file, inode, kind, ops, own_position, waits: Mutex::default(), _memory: memory, _held: held })
    }

    /// The address of an operation; 0 if there is none.
    fn operation(&self, which: &Field) -> KResult<u64> {
        let ops = if self.kind.in_file { KPtr::<()>::new(FILE_OPS.get(self.file)?) } else { self.ops };
        which.get(if ops.is_null() { self.ops } else { ops })
    }

    fn mode(&self) -> KResult<u32> {
        FILE_MODE.get(self.file)
    }

    fn call_open(&self) -> KResult {
        let open = self.operation(&self.kind.open)?;
        if open != 0 {
            let said = kabi::call(open, &[self.inode.addr(), self.file.addr()])? as c_int;
            if said != 0 {
                // A result above 0 is a mistake of the driver's.
                return Err(if said < 0 { Errno(said.wrapping_neg()) } else { EINVAL }.into());
            }
        }
        Ok(())
    }

    /// What the file can do, once its open function has run.
    fn settle(&self) -> KResult {
        let mut mode = self.mode()? | mode::OPENED;
        if mode & mode::READ != 0 && self.operation(&self.kind.read)? != 0 {
            mode |= mode::CAN_READ;
        }
        if mode & mode::WRITE != 0 && self.operation(&self.kind.write)? != 0 {
            mode |= mode::CAN_WRITE;
        }
        if self.operation(&self.kind.llseek)? == 0 {
            mode &= !mode::LSEEK;
        }
        FILE_MODE.put(self.file, mode)?;
        let flags: u32 = FILE_FLAGS.get(self.file)?;
        FILE_FLAGS.put(self.file, flags & !AT_OPEN)
    }

    /// The flags as they are now.
    fn heed(&self, ctx: &Ctx<'_>) -> KResult {
        let flags: u32 = FILE_FLAGS.get(self.file)?;
        FILE_FLAGS.put(self.file, flags & !CHANGEABLE | ctx.flags & CHANGEABLE)
    }

    /// Read or write, if there is one and the position is one.
    fn transfer_of(&self, ctx: &Ctx<'_>, which: &Field, pos: u64) -> KResult<u64> {
        let operation = self.operation(which)?;
        if (pos as i64) < 0 {
            return Err(EINVAL.into());
        }
        if operation == 0 {
            return Err(self.kind.missing.into());
        }
        self.heed(ctx)?;
        Ok(operation)
    }

    /// Calls read or write on a buffer of the caller's: the answer, with the position that the operation left.
    fn transfer(&self, operation: u64, buffer: &Memory, len: usize, pos: &mut u64) -> KResult<usize> {
        with_window(buffer.addr, len as u64, || self.call_at(operation, buffer.addr, len, pos))
    }

    fn call_at(&self, operation: u64, buffer: u64, len: usize, pos: &mut u64) -> KResult<usize> {
        let place = Memory::with(&pos.to_le_bytes())?;
        let shown = if self.mode()? & mode::STREAM != 0 { 0 } else { place.addr };
        let done = answer(kabi::call(operation, &[self.file.addr(), buffer, len as u64, shown])?)?;
        *pos = KPtr::<()>::new(place.addr).get(0)?;
        Ok(done as usize)
    }
}

impl OpenFile for Opened {
    fn stream(&self) -> bool {
        self.own_position
    }

    fn position(&self) -> Option<u64> {
        FILE_POS.get(self.file).ok()
    }

    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        self.read_on(ctx, &mut offset.clone(), size)
    }

    fn write(&self, ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        self.write_on(ctx, &mut offset.clone(), data)
    }

    fn moved(&self, pos: u64) {
        // A driver that destroyed the structure keeps what it has.
        let _ = FILE_POS.put(self.file, pos);
    }

    fn read_on(&self, ctx: &Ctx<'_>, pos: &mut u64, size: usize) -> KResult<Vec<u8>> {
        let read = self.transfer_of(ctx, &self.kind.read, *pos)?;
        let buffer = Memory::new(size)?;
        let done = self.transfer(read, &buffer, size, pos)?.min(size);
        KPtr::<()>::new(buffer.addr).bytes(0, done)
    }

    fn write_on(&self, ctx: &Ctx<'_>, pos: &mut u64, data: &[u8]) -> KResult<usize> {
        let write = self.transfer_of(ctx, &self.kind.write, *pos)?;
        let buffer = Memory::with(data)?;
        self.transfer(write, &buffer, data.len(), pos)
    }

    fn bad_buffer(&self, ctx: &Ctx<'_>, pos: &mut u64, buffer: u64, size: usize, write: bool) -> KResult<usize> {
        let operation = self.transfer_of(ctx, if write { &self.kind.write } else { &self.kind.read }, *pos)?;
        self.call_at(operation, buffer, size, pos)
    }

    fn seek(&self, _ctx: &Ctx<'_>, _pos: u64, offset: i64, whence: u32) -> KResult<u64> {
        if whence > LAST_WHENCE {
            return Err(EINVAL.into());
        }
        let seek = self.operation(&self.kind.llseek)?;
        if self.mode()? & mode::LSEEK == 0 || seek == 0 {
            return Err(ESPIPE.into());
        }
        answer(kabi::call(seek, &[self.file.addr(), offset as u64, whence.into()])?)
    }

    fn ioctl(&self, _ctx: &Ctx<'_>, call: &Ioctl) -> KResult<i64> {
        let ioctl = self.operation(if call.compat { &self.kind.compat_ioctl } else { &self.kind.ioctl })?;
        if ioctl == 0 {
            return Err(ENOTTY.into());
        }
        match answer(kabi::call(ioctl, &[self.file.addr(), call.command.into(), call.argument])?) {
            Err(kabi::KError::Errno(NO_COMMAND)) => Err(ENOTTY.into()),
            other => Ok(other? as i64),
        }
    }

    fn poll(&self, _ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        let poll = self.operation(&self.kind.poll)?;
        if poll == 0 {
            return Ok(DEFAULT_POLLMASK);
        }
        let table = Waits::ask(&self.waits, waker)?;
        Ok(kabi::call(poll, &[self.file.addr(), table])? as u32)
    }

    fn release(&self, _ctx: &Ctx<'_>) {
        Waits::end(&self.waits);
        if let Ok(release) = self.operation(&self.kind.release)
            && release != 0
        {
            // Nobody is there to be told.
            let _ = kabi::call(release, &[self.inode.addr(), self.file.addr()]);
        }
    }
}
