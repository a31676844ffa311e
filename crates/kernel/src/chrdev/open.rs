//! Opening a device. Counterpart: `chrdev_open` of fs/char_dev.c, `misc_open` of drivers/char/misc.c.

use super::cdev::{self, Cdev};
use super::{misc, of_rdev};
use crate::fs::{Ctx, OpenFile};
use crate::module::refs::Hold;
use crate::vfs::file::{self, FILE_OPERATIONS, New};
use kabi::errno::{ENODEV, ENXIO};
use kabi::{Field, KPtr, KResult};

static OPS_OWNER: Field = Field::new("file_operations", "owner");

/// `S_IFCHR`
const CHARACTERS: u16 = 0o020_000;

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

/// Opens the device of a number.
///
/// # Errors
/// `ENXIO`: there is none, or its module goes; what its open function says.
pub fn open(rdev: u64, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
    let dev = of_rdev(rdev).ok_or(ENXIO)?;
    let held = Held::take(dev)?;
    let new = New {
        kind: &FILE_OPERATIONS,
        ops: held.ops,
        mode: CHARACTERS | 0o600,
        dev,
        cdev: held.device.as_ref().map_or(0, |device| device.0.addr()),
        inode_private: 0,
        private: held.private,
        size: 0,
        open: None,
        own_position: true,
    };
    file::open(&new, Box::new(held), ctx)
}
