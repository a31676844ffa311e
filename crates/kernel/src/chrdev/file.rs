//! An open device. Counterpart: fs/open.c, fs/read_write.c, fs/ioctl.c, `chrdev_open` of fs/char_dev.c.
//!
//! DIFFERS: each open file has an inode of its own and no dentry; `flush`, `mmap`, `fasync`, `splice` and the iterators
//! (`read_iter`, `write_iter`) are not called. The buffer of a read or write is a copy that module code could reach
//! without copy_to_user and kin, too.

use super::cdev::{self, Cdev};
use super::{misc, of_rdev, poll::Waits};
use crate::fs::{Ctx, DEFAULT_POLLMASK, Ioctl, OpenFile, PollWaker};
use crate::mm::uaccess::with_window;
use crate::module::refs::Hold;
use kabi::errno::{EINVAL, ENODEV, ENOMEM, ENOTTY, ENXIO, ESPIPE};
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

static OPS_OWNER: Field = Field::new("file_operations", "owner");
static OPEN: Field = Field::new("file_operations", "open");
static RELEASE: Field = Field::new("file_operations", "release");
static READ: Field = Field::new("file_operations", "read");
static WRITE: Field = Field::new("file_operations", "write");
static LLSEEK: Field = Field::new("file_operations", "llseek");
static IOCTL: Field = Field::new("file_operations", "unlocked_ioctl");
static COMPAT_IOCTL: Field = Field::new("file_operations", "compat_ioctl");
static POLL: Field = Field::new("file_operations", "poll");

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

/// `S_IFCHR`
const CHARACTERS: u16 = 0o020_000;
/// `O_CREAT`, `O_EXCL`, `O_NOCTTY`, `O_TRUNC`: heeded by the open function, then gone.
const AT_OPEN: u32 = 0o1700;
/// What `fcntl(2)` can change: `O_APPEND`, `O_NONBLOCK`, `FASYNC`, `O_DIRECT`, `O_NOATIME`.
const CHANGEABLE: u32 = 0o1_066_000;
/// `SEEK_MAX`
const LAST_WHENCE: u32 = 4;
/// `ENOIOCTLCMD`
const NO_COMMAND: Errno = Errno(515);

/// Zeroed memory that module code can reach; given back when dropped.
struct Memory {
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

/// A device that stays while a file is open.
struct Kept(KPtr<Cdev>);

impl Drop for Kept {
    fn drop(&mut self) {
        cdev::put(self.0);
    }
}

/// What an open file keeps of its device: the device itself, its module, and that of the operations.
struct Held {
    ops: KPtr,
    /// What the open function finds in `private_data`.
    private: u64,
    device: Option<Kept>,
    _modules: Vec<Hold>,
}

impl Held {
    /// # Errors
    /// `ENXIO`: there is no device, or its module goes. `ENODEV`: no miscellaneous device has the minor.
    fn take(dev: super::Dev) -> KResult<Self> {
        if super::major(dev) == misc::MAJOR {
            let (misc, ops) = misc::of_minor(super::minor(dev))?.ok_or(ENODEV)?;
            let held = Self::hold(ops)?.ok_or(ENODEV)?;
            return Ok(Self { ops, private: misc.addr(), device: None, _modules: vec![held] });
        }
        let device = Kept(cdev::get(dev).ok_or(ENXIO)?);
        let (owner, ops) = cdev::owner_and_ops(device.0)?;
        let held = vec![Hold::take(owner)?.ok_or(ENXIO)?, Self::hold(ops)?.ok_or(ENXIO)?];
        Ok(Self { ops, private: 0, device: Some(device), _modules: held })
    }

    /// Holds the module of operations (`fops_get`); `None` if there are none, or it goes.
    fn hold(ops: KPtr) -> KResult<Option<Hold>> {
        if ops.is_null() { Ok(None) } else { Hold::take(KPtr::new(OPS_OWNER.get(ops)?)) }
    }
}

struct Device {
    file: KPtr,
    inode: KPtr,
    ops: KPtr,
    waits: Mutex<Waits>,
    // Dropped in this order: the memory first, the module last.
    _memory: [Memory; 2],
    _held: Held,
}

/// Opens the device of a number (`chrdev_open`, `do_dentry_open`).
///
/// # Errors
/// `ENXIO`: there is none, or its module goes; what its open function says.
pub fn open(rdev: u64, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
    let dev = of_rdev(rdev).ok_or(ENXIO)?;
    let device = Device::new(Held::take(dev)?, dev, ctx.flags)?;
    device.call_open()?;
    Ok(Box::new(device))
}

/// What a function of the kernel answers: a number, or an error below 0.
fn answer(value: u64) -> KResult<u64> {
    let value = value as i64;
    if value < 0 { Err(Errno(i32::try_from(-value).unwrap_or(EINVAL.0)).into()) } else { Ok(value as u64) }
}

impl Device {
    fn new(held: Held, dev: super::Dev, flags: u32) -> KResult<Self> {
        let memory = [Memory::structure("file")?, Memory::structure("inode")?];
        let [file, inode] = [KPtr::<()>::new(memory[0].addr), KPtr::<()>::new(memory[1].addr)];
        INODE_MODE.put(inode, CHARACTERS | 0o600)?;
        INODE_RDEV.put(inode, dev)?;
        INODE_CDEV.put(inode, held.device.as_ref().map_or(0, |device| device.0.addr()))?;
        INODE_OPS.put(inode, held.ops.addr())?;
        FILE_PRIVATE.put(file, held.private)?;
        FILE_INODE.put(file, inode.addr())?;
        FILE_OPS.put(file, held.ops.addr())?;
        FILE_FLAGS.put(file, flags)?;
        let access = flags.wrapping_add(1) & (mode::READ | mode::WRITE);
        FILE_MODE.put(file, access | mode::LSEEK | mode::PREAD | mode::PWRITE | mode::ATOMIC_POS)?;
        let ops = held.ops;
        Ok(Self { file, inode, ops, waits: Mutex::default(), _memory: memory, _held: held })
    }

    /// The address of an operation; 0 if there is none.
    fn operation(&self, which: &Field) -> KResult<u64> {
        // A device may put other operations into the file when it is opened.
        let ops = KPtr::<()>::new(FILE_OPS.get(self.file)?);
        which.get(if ops.is_null() { self.ops } else { ops })
    }

    fn mode(&self) -> KResult<u32> {
        FILE_MODE.get(self.file)
    }

    fn call_open(&self) -> KResult {
        let open = self.operation(&OPEN)?;
        if open != 0 {
            let said = kabi::call(open, &[self.inode.addr(), self.file.addr()])? as c_int;
            if said != 0 {
                // A result above 0 is a mistake of the driver's.
                return Err(if said < 0 { Errno(said.wrapping_neg()) } else { EINVAL }.into());
            }
        }
        let mut mode = self.mode()? | mode::OPENED;
        if mode & mode::READ != 0 && self.operation(&READ)? != 0 {
            mode |= mode::CAN_READ;
        }
        if mode & mode::WRITE != 0 && self.operation(&WRITE)? != 0 {
            mode |= mode::CAN_WRITE;
        }
        if self.operation(&LLSEEK)? == 0 {
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
        if operation == 0 || (pos as i64) < 0 {
            return Err(EINVAL.into());
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

impl OpenFile for Device {
    fn stream(&self) -> bool {
        true
    }

    fn position(&self) -> Option<u64> {
        FILE_POS.get(self.file).ok()
    }

    fn moved(&self, pos: u64) {
        // A driver that destroyed the structure keeps what it has.
        let _ = FILE_POS.put(self.file, pos);
    }

    fn read_on(&self, ctx: &Ctx<'_>, pos: &mut u64, size: usize) -> KResult<Vec<u8>> {
        let read = self.transfer_of(ctx, &READ, *pos)?;
        let buffer = Memory::new(size)?;
        let done = self.transfer(read, &buffer, size, pos)?.min(size);
        KPtr::<()>::new(buffer.addr).bytes(0, done)
    }

    fn write_on(&self, ctx: &Ctx<'_>, pos: &mut u64, data: &[u8]) -> KResult<usize> {
        let write = self.transfer_of(ctx, &WRITE, *pos)?;
        let buffer = Memory::with(data)?;
        self.transfer(write, &buffer, data.len(), pos)
    }

    fn bad_buffer(&self, ctx: &Ctx<'_>, pos: &mut u64, buffer: u64, size: usize, write: bool) -> KResult<usize> {
        let operation = self.transfer_of(ctx, if write { &WRITE } else { &READ }, *pos)?;
        self.call_at(operation, buffer, size, pos)
    }

    fn seek(&self, _ctx: &Ctx<'_>, _pos: u64, offset: i64, whence: u32) -> KResult<u64> {
        if whence > LAST_WHENCE {
            return Err(EINVAL.into());
        }
        let seek = self.operation(&LLSEEK)?;
        if self.mode()? & mode::LSEEK == 0 || seek == 0 {
            return Err(ESPIPE.into());
        }
        answer(kabi::call(seek, &[self.file.addr(), offset as u64, whence.into()])?)
    }

    fn ioctl(&self, _ctx: &Ctx<'_>, call: &Ioctl) -> KResult<i64> {
        let ioctl = self.operation(if call.compat { &COMPAT_IOCTL } else { &IOCTL })?;
        if ioctl == 0 {
            return Err(ENOTTY.into());
        }
        match answer(kabi::call(ioctl, &[self.file.addr(), call.command.into(), call.argument])?) {
            Err(kabi::KError::Errno(NO_COMMAND)) => Err(ENOTTY.into()),
            other => Ok(other? as i64),
        }
    }

    fn poll(&self, _ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        let poll = self.operation(&POLL)?;
        if poll == 0 {
            return Ok(DEFAULT_POLLMASK);
        }
        let table = Waits::ask(&self.waits, waker)?;
        Ok(kabi::call(poll, &[self.file.addr(), table])? as u32)
    }

    fn release(&self, _ctx: &Ctx<'_>) {
        Waits::end(&self.waits);
        if let Ok(release) = self.operation(&RELEASE)
            && release != 0
        {
            // Nobody is there to be told.
            let _ = kabi::call(release, &[self.inode.addr(), self.file.addr()]);
        }
    }
}
