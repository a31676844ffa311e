//! /proc/sys: kinds of sysctl files, and those of /proc/sys/kernel that belong to lkm's own areas.
//!
//! Counterpart: kernel/sysctl.c, fs/proc/proc_sysctl.c, kernel/utsname_sysctl.c, kernel/printk/sysctl.c. Writes follow
//! `sysctl_writes_strict` = 1, the default: a number is only taken at offset 0, text continues at the offset.

mod parse;

use super::content::slice;
use super::node::{Ctx, File, OpenFile, Spec};
use super::tree::Tree;
use kabi::errno::{EINVAL, EPERM};
use kabi::{Errno, KResult};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// `HZ` of Debian's kernels.
const HZ: i32 = 250;
/// Taint flags that exist (`TAINT_FLAGS_COUNT`).
const TAINT_FLAGS: u32 = 19;

/// An integer that a sysctl file shows and changes.
pub trait IntVar: Send + Sync {
    /// The value now.
    fn get(&self) -> i32;
    /// Changes it; checked already.
    fn set(&self, value: i32);
}

impl IntVar for AtomicI32 {
    fn get(&self) -> i32 {
        self.load(Ordering::SeqCst)
    }
    fn set(&self, value: i32) {
        self.store(value, Ordering::SeqCst);
    }
}

/// An unsigned number that a sysctl file shows and changes.
pub trait UnsignedVar: Send + Sync {
    /// The value now.
    fn get(&self) -> u64;
    /// Changes it; checked already.
    fn set(&self, value: u64);
}

impl UnsignedVar for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }
    fn set(&self, value: u64) {
        self.store(value, Ordering::SeqCst);
    }
}

impl UnsignedVar for &'static AtomicU64 {
    fn get(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }
    fn set(&self, value: u64) {
        self.store(value, Ordering::SeqCst);
    }
}

/// A text that a sysctl file shows and changes.
pub trait StrVar: Send + Sync {
    /// The text now, without a newline.
    fn get(&self) -> Vec<u8>;
    /// Changes it; checked already.
    fn set(&self, value: Vec<u8>);
}

impl StrVar for Mutex<Vec<u8>> {
    fn get(&self) -> Vec<u8> {
        self.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn set(&self, value: Vec<u8>) {
        *self.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// The taint flags, which can only be added to.
pub trait TaintVar: Send + Sync {
    /// The flags now.
    fn get(&self) -> u64;
    /// Adds flags (`add_taint`).
    fn add(&self, flags: u64);
}

impl TaintVar for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }
    fn add(&self, flags: u64) {
        self.fetch_or(flags, Ordering::SeqCst);
    }
}

/// What a sysctl file does (`proc_handler`).
pub trait Handler: Send + Sync {
    /// Reads up to `size` bytes at `offset`.
    ///
    /// # Errors
    /// What `read(2)` shall fail with.
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>>;

    /// Takes one write at `offset`; the result is how many bytes were taken.
    ///
    /// # Errors
    /// What `write(2)` shall fail with.
    fn write(&self, ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize>;
}

struct SysctlFile(Arc<dyn Handler>);
struct OpenSysctl(Arc<dyn Handler>);

impl File for SysctlFile {
    fn open(&self, _ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        Ok(Box::new(OpenSysctl(Arc::clone(&self.0))))
    }
}

impl OpenFile for OpenSysctl {
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        self.0.read(ctx, offset, size)
    }
    fn write(&self, ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        self.0.write(ctx, offset, data)
    }
}

/// A sysctl file with a handler of its own; goes below [`Tree::make_path`]`("/proc/sys/...")`.
pub fn handled(mode: u32, handler: Arc<dyn Handler>) -> Spec {
    Spec::file(mode, Arc::new(SysctlFile(handler)))
}

/// Only an administrator may write (`proc_dointvec_minmax_sysadmin`, `proc_taint`).
fn need_admin(ctx: &Ctx<'_>) -> Result<(), Errno> {
    if ctx.caller.uid == 0 { Ok(()) } else { Err(EPERM) }
}

/// Numbers are read whole or not at all: at another offset there is nothing.
fn from_start(text: &str, offset: u64, size: usize) -> Vec<u8> {
    if offset == 0 { slice(text.as_bytes(), 0, size) } else { Vec::new() }
}

struct Ints {
    vars: Vec<Arc<dyn IntVar>>,
    range: RangeInclusive<i32>,
    admin: bool,
}

impl Handler for Ints {
    fn read(&self, _ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        let values: Vec<String> = self.vars.iter().map(|var| var.get().to_string()).collect();
        Ok(from_start(&(values.join("\t") + "\n"), offset, size))
    }

    fn write(&self, ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        if self.admin {
            need_admin(ctx)?;
        }
        if offset != 0 {
            return Ok(data.len());
        }
        Ok(parse::numbers(data, self.vars.len(), |index, negative, value| {
            let value = parse::int(negative, value)?;
            if !self.range.contains(&value) {
                return Err(EINVAL);
            }
            self.vars.get(index).ok_or(EINVAL)?.set(value);
            Ok(())
        })?)
    }
}

/// A file of integers (`proc_dointvec_minmax`; with the full range `proc_dointvec`).
pub fn ints(mode: u32, vars: Vec<Arc<dyn IntVar>>, range: RangeInclusive<i32>) -> Spec {
    handled(mode, Arc::new(Ints { vars, range, admin: false }))
}

/// A file of one integer that only an administrator may change.
pub fn admin_int(mode: u32, var: Arc<dyn IntVar>, range: RangeInclusive<i32>) -> Spec {
    handled(mode, Arc::new(Ints { vars: vec![var], range, admin: true }))
}

/// Unsigned numbers.
struct Unsigned {
    vars: Vec<Arc<dyn UnsignedVar>>,
    most: u64,
}

impl Handler for Unsigned {
    fn read(&self, _ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        let values: Vec<String> = self.vars.iter().map(|var| var.get().to_string()).collect();
        Ok(from_start(&(values.join("\t") + "\n"), offset, size))
    }

    fn write(&self, _ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        if offset != 0 {
            return Ok(data.len());
        }
        Ok(parse::numbers(data, self.vars.len(), |index, negative, value| {
            if negative || value > self.most {
                return Err(EINVAL);
            }
            self.vars.get(index).ok_or(EINVAL)?.set(value);
            Ok(())
        })?)
    }
}

/// A file of unsigned numbers up to `most` (`proc_douintvec`, `proc_doulongvec_minmax`).
pub fn unsigned(mode: u32, vars: Vec<Arc<dyn UnsignedVar>>, most: u64) -> Spec {
    handled(mode, Arc::new(Unsigned { vars, most }))
}

/// A file of one time in seconds that the kernel keeps in ticks (`proc_dointvec_jiffies`).
pub fn seconds(mode: u32, var: Arc<dyn IntVar>) -> Spec {
    let most = i32::MAX / HZ;
    ints(mode, vec![var], -most..=most)
}

/// `proc_dostring`'s way to write: what is before `offset` stays, a newline or NUL ends the text, at most `most` bytes.
fn write_text(old: &[u8], most: usize, offset: u64, data: &[u8]) -> Option<Vec<u8>> {
    let kept = old.get(..usize::try_from(offset).ok()?)?;
    let line = data.split(|b| matches!(b, b'\n' | 0)).next().unwrap_or_default();
    let mut text = [kept, line].concat();
    text.truncate(most);
    Some(text)
}

struct Text {
    var: Arc<dyn StrVar>,
    most: usize,
}

impl Handler for Text {
    fn read(&self, _ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        let mut text = self.var.get();
        text.push(b'\n');
        Ok(slice(&text, offset, size))
    }

    fn write(&self, _ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        if !data.is_empty()
            && let Some(text) = write_text(&self.var.get(), self.most, offset, data)
        {
            self.var.set(text);
        }
        Ok(data.len())
    }
}

/// A file of one line of at most `most` bytes (`proc_dostring`).
pub fn string(mode: u32, var: Arc<dyn StrVar>, most: usize) -> Spec {
    handled(mode, Arc::new(Text { var, most }))
}

/// A file of one line that never changes.
fn constant(text: &str) -> Spec {
    string(0o444, Arc::new(Mutex::new(text.as_bytes().to_vec())), 0)
}

/// `printk_devkmsg`: one of three words, and exactly one byte more.
struct DevKmsg(Text);

impl Handler for DevKmsg {
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        self.0.read(ctx, offset, size)
    }

    fn write(&self, _ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        let old = self.0.var.get();
        let new = write_text(&old, self.0.most, offset, data).unwrap_or(old);
        let word = [&b"on"[..], b"off", b"ratelimit"].into_iter().find(|word| new.starts_with(word));
        if word.and_then(|word| word.len().checked_add(1)) != Some(data.len()) {
            return Err(EINVAL.into());
        }
        self.0.var.set(new);
        Ok(data.len())
    }
}

struct Tainted(Arc<dyn TaintVar>);

impl Handler for Tainted {
    fn read(&self, _ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        Ok(from_start(&format!("{}\n", self.0.get()), offset, size))
    }

    fn write(&self, ctx: &Ctx<'_>, offset: u64, data: &[u8]) -> KResult<usize> {
        need_admin(ctx)?;
        if offset != 0 {
            return Ok(data.len());
        }
        let mut flags = 0;
        let taken = parse::numbers(data, 1, |_, negative, value| {
            flags = value;
            if negative { Err(EINVAL) } else { Ok(()) }
        })?;
        let known = flags & 1_u64.checked_shl(TAINT_FLAGS).unwrap_or(0).wrapping_sub(1);
        if known != 0 {
            self.0.add(known);
        }
        Ok(taken)
    }
}

/// The variables behind /proc/sys/kernel.
#[derive(Clone)]
pub struct KernelSysctls {
    /// `printk`: console, default message, minimum console and default console level.
    pub printk: [Arc<dyn IntVar>; 4],
    /// `printk_ratelimit`, in seconds.
    pub printk_ratelimit: Arc<dyn IntVar>,
    /// `printk_ratelimit_burst`.
    pub printk_ratelimit_burst: Arc<dyn IntVar>,
    /// `printk_delay`, in milliseconds, 0 to 10,000.
    pub printk_delay: Arc<dyn IntVar>,
    /// `printk_devkmsg`: starts with `on`, `off` or `ratelimit`.
    pub printk_devkmsg: Arc<dyn StrVar>,
    /// `tainted`.
    pub tainted: Arc<dyn TaintVar>,
    /// `modules_disabled`, 0 or 1; only 1 can be written.
    pub modules_disabled: Arc<dyn IntVar>,
    /// `modprobe`: the program that loads modules on request.
    pub modprobe: Arc<dyn StrVar>,
    /// `kptr_restrict`, 0 to 2.
    pub kptr_restrict: Arc<dyn IntVar>,
    /// `dmesg_restrict`, 0 or 1.
    pub dmesg_restrict: Arc<dyn IntVar>,
    /// `hostname`.
    pub hostname: Arc<dyn StrVar>,
    /// `domainname`.
    pub domainname: Arc<dyn StrVar>,
    /// `osrelease`, as `uname -r` shows it.
    pub osrelease: String,
    /// `version`, as `uname -v` shows it.
    pub version: String,
}

impl KernelSysctls {
    /// Variables of their own with the values after a boot of Debian without `quiet`.
    pub fn new(osrelease: &str, version: &str) -> Self {
        let int = |value| Arc::new(AtomicI32::new(value)) as Arc<dyn IntVar>;
        let text = |value: &str| Arc::new(Mutex::new(value.as_bytes().to_vec())) as Arc<dyn StrVar>;
        Self {
            printk: [int(7), int(4), int(1), int(7)],
            printk_ratelimit: int(5),
            printk_ratelimit_burst: int(10),
            printk_delay: int(0),
            printk_devkmsg: text("ratelimit"),
            tainted: Arc::new(AtomicU64::new(0)),
            modules_disabled: int(0),
            modprobe: text("/sbin/modprobe"),
            kptr_restrict: int(0),
            dmesg_restrict: int(1),
            hostname: text("(none)"),
            domainname: text("(none)"),
            osrelease: osrelease.to_owned(),
            version: version.to_owned(),
        }
    }

    /// Registers the files, for good.
    ///
    /// # Errors
    /// As [`Tree::add`].
    pub fn register(&self, tree: &Tree) -> Result<(), Errno> {
        let dir = tree.make_path("/proc/sys/kernel")?;
        let any = i32::MIN..=i32::MAX;
        let one = |var: &Arc<dyn IntVar>, range| ints(0o644, vec![Arc::clone(var)], range);
        let devkmsg = DevKmsg(Text { var: Arc::clone(&self.printk_devkmsg), most: 9 });
        for (name, spec) in [
            ("printk", ints(0o644, self.printk.to_vec(), any.clone())),
            ("printk_ratelimit", seconds(0o644, Arc::clone(&self.printk_ratelimit))),
            ("printk_ratelimit_burst", one(&self.printk_ratelimit_burst, any)),
            ("printk_delay", one(&self.printk_delay, 0..=10_000)),
            ("printk_devkmsg", handled(0o644, Arc::new(devkmsg))),
            ("tainted", handled(0o644, Arc::new(Tainted(Arc::clone(&self.tainted))))),
            ("modules_disabled", one(&self.modules_disabled, 1..=1)),
            ("modprobe", string(0o644, Arc::clone(&self.modprobe), 255)),
            ("kptr_restrict", admin_int(0o644, Arc::clone(&self.kptr_restrict), 0..=2)),
            ("dmesg_restrict", admin_int(0o644, Arc::clone(&self.dmesg_restrict), 0..=1)),
            ("hostname", string(0o644, Arc::clone(&self.hostname), 64)),
            ("domainname", string(0o644, Arc::clone(&self.domainname), 64)),
            ("ostype", constant("Linux")),
            ("osrelease", constant(&self.osrelease)),
            ("version", constant(&self.version)),
        ] {
            tree.add(dir, name, spec)?.keep();
        }
        Ok(())
    }
}
