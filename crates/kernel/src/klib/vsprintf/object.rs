//! Kernel objects by name: `%pd`, `%pD`, `%pg`, `%pC`, `%pOF`, `%pfw`.
//!
//! Members are found with [`Env::member`](super::Env::member); where a kernel has no such member, `(einval)` is printed.

use super::Printer;
use super::decode::{Spec, byte_at};
use super::env::{Fault, at, read_u64};
use super::number::number;
use super::string::check_pointer;

/// A firmware node deeper than this is a loop.
const FWNODE_DEPTH_MAX: usize = 64;

impl Printer<'_, '_> {
    /// The address of a member, or `None` where this kernel's structure has none.
    fn member(&self, object: u64, structure: &str, path: &str) -> Result<Option<u64>, Fault> {
        self.env.member(structure, path).map(|offset| at(object, offset)).transpose()
    }

    /// The pointer in a member.
    fn pointer_member(&self, object: u64, structure: &str, path: &str) -> Result<Option<u64>, Fault> {
        self.member(object, structure, path)?.map(|addr| read_u64(self.env, addr)).transpose()
    }

    /// `%pd` to `%pd4`: the last components of a dentry's path.
    pub(super) fn dentry(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        let depth = match byte_at(suffix, 1) {
            c @ b'2'..=b'4' => usize::from(c - b'0'),
            _ => 1,
        };
        let mut names: Vec<Vec<u8>> = Vec::with_capacity(depth);
        let mut dentry = addr;
        while names.len() < depth {
            if let Some(message) = check_pointer(dentry) {
                self.error_text(message, spec);
                return Ok(());
            }
            let parent = self.pointer_member(dentry, "dentry", "d_parent")?;
            let name = self.pointer_member(dentry, "dentry", "d_name.name")?;
            let (Some(parent), Some(name)) = (parent, name) else {
                self.error_text("(einval)", spec);
                return Ok(());
            };
            let root = parent == dentry;
            let mut text = Vec::new();
            // The root of a file system is called "/", which the separator in front of its child already shows.
            if !root || names.is_empty() {
                self.env.read_str(name, usize::MAX, &mut text)?;
            }
            names.push(text);
            if root {
                break;
            }
            dentry = parent;
        }
        names.reverse();
        self.text(&names.join(&b'/'), spec);
        Ok(())
    }

    /// `%pD`: the same of a `struct file`.
    pub(super) fn file(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        match self.pointer_member(addr, "file", "f_path.dentry")? {
            Some(dentry) => self.dentry(suffix, dentry, spec),
            None => {
                self.error_text("(einval)", spec);
                Ok(())
            }
        }
    }

    /// `%pg`: disk and partition of a `struct block_device`.
    pub(super) fn block_device(&mut self, addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let disk = self.pointer_member(addr, "block_device", "bd_disk")?;
        let name = disk.map(|disk| self.member(disk, "gendisk", "disk_name")).transpose()?.flatten();
        let (Some(name), Some(partition)) = (name, self.partition(addr)?) else {
            self.error_text("(einval)", spec);
            return Ok(());
        };
        self.string(name, spec)?;
        if partition != 0 {
            let mut text = Vec::new();
            self.env.read_str(name, usize::MAX, &mut text)?;
            if text.last().is_some_and(u8::is_ascii_digit) {
                self.out.push(b'p');
            }
            number(&mut self.out, u64::from(partition), spec);
        }
        Ok(())
    }

    /// The partition's number: a byte of its own, or since 6.10 the low byte of the flags.
    fn partition(&self, bdev: u64) -> Result<Option<u8>, Fault> {
        for path in ["bd_partno", "__bd_flags"] {
            if let Some(addr) = self.member(bdev, "block_device", path)? {
                let mut byte = [0];
                self.env.read(addr, &mut byte)?;
                return Ok(Some(byte[0]));
            }
        }
        Ok(None)
    }

    /// `%pC`: a clock's name.
    pub(super) fn clock(&mut self, addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let core = self.pointer_member(addr, "clk", "core")?;
        match core.map(|core| self.pointer_member(core, "clk_core", "name")).transpose()?.flatten() {
            Some(name) => self.string(name, spec),
            None => {
                self.error_text("(einval)", spec);
                Ok(())
            }
        }
    }

    /// `%pOF`: there is no device tree (CONFIG_OF is off on x86).
    pub(super) fn device_node(&mut self, suffix: &[u8], spec: Spec) {
        self.error_text(if byte_at(suffix, 1) == b'F' { "(%pOF?)" } else { "(%pO?)" }, spec);
    }

    /// `%pfw`: a firmware node's full name, with `P` only its own.
    pub(super) fn fwnode(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if byte_at(suffix, 1) != b'w' {
            self.error_text("(%pf?)", spec);
            return Ok(());
        }
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let before = self.out.len();
        if byte_at(suffix, 2) == b'P' {
            let name = self.env.fwnode_name(addr);
            self.optional_text(name, Spec { width: -1, ..spec });
        } else {
            let mut path = vec![addr];
            while let Some(parent) = path.last().and_then(|&node| self.env.fwnode_parent(node)) {
                if path.len() == FWNODE_DEPTH_MAX {
                    break;
                }
                path.push(parent);
            }
            for &node in path.iter().rev() {
                self.optional_text(self.env.fwnode_prefix(node), Spec::DEC);
                self.optional_text(self.env.fwnode_name(node), Spec::DEC);
            }
        }
        let written = self.out.len() - before;
        self.out.widen(written, spec.width, spec.has(Spec::LEFT));
        Ok(())
    }

    fn optional_text(&mut self, text: Option<Vec<u8>>, spec: Spec) {
        match text {
            Some(text) => self.text(&text, spec),
            None => self.error_text("(null)", spec),
        }
    }
}
