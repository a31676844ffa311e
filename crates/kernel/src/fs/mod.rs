//! The kernel process's file trees: what /proc, /sys and /dev of an instance contain.
//!
//! The common ground of procfs, sysfs (kernfs), debugfs and devtmpfs. A [`Tree`] holds nodes; areas register files in
//! it ([`Tree::add`]) and hold the [`Registration`], whose drop takes the subtree away. [`serve()`] answers the
//! operations that the supervisor forwards, [`read_file`] and [`write_file`] those of the tools. A file's own code runs
//! with no lock held and never after its removal has returned.
//!
//! Counterparts: fs/kernfs/, fs/proc/, fs/sysfs/, fs/debugfs/, drivers/base/devtmpfs.c.

mod content;
mod devtmpfs;
mod gate;
pub mod module;
mod node;
mod open;
mod path;
pub mod proc;
mod serve;
pub mod sys;
pub mod sysctl;
mod tree;

#[cfg(test)]
mod tests;

pub use content::{
    Attribute, Show, Store, attribute, attribute_ro, attribute_wo, binary, blob, generated, text, writable,
};
pub use node::{
    Ctx, DEFAULT_POLLMASK, Devices, Directory, File, Fs, Ioctl, Methods, OpenFile, POLLERR, POLLHUP, POLLIN, POLLOUT,
    POLLPRI, POLLRDNORM, POLLWRNORM, PollWaker, Spec,
};
pub use path::{read_file, write_file};
pub use serve::serve;
pub use tree::{Registration, Tree};
