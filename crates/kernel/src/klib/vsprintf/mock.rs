//! A small kernel for the tests: memory, symbols and members that a test puts there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// Memory at made-up addresses, each object on its own.
pub(super) struct Mock {
    objects: BTreeMap<u64, Vec<u8>>,
    next: u64,
    pub(super) members: Vec<(&'static str, &'static str, u64)>,
    pub(super) hash: Option<PointerHash>,
    pub(super) no_hash: bool,
    pub(super) kptr_restrict: i32,
    pub(super) kptr_access: KptrAccess,
    pub(super) release: (u32, u32),
    pub(super) warnings: RefCell<Vec<FormatWarning>>,
    /// A node, its parent, its prefix and its name.
    pub(super) fwnodes: Vec<(u64, Option<u64>, &'static str, &'static str)>,
}

impl Mock {
    pub(super) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            next: 0x10_0000,
            members: vec![
                ("dentry", "d_parent", 24),
                ("dentry", "d_name.name", 40),
                ("file", "f_path.dentry", 16),
                ("block_device", "bd_disk", 8),
                ("block_device", "bd_partno", 16),
                ("gendisk", "disk_name", 12),
                ("clk", "core", 0),
                ("clk_core", "name", 8),
            ],
            hash: Some(PointerHash::new([1, 2])),
            no_hash: false,
            kptr_restrict: 0,
            kptr_access: KptrAccess::Denied,
            release: (6, 1),
            warnings: RefCell::default(),
            fwnodes: Vec::new(),
        }
    }

    /// Puts an object somewhere and returns where.
    pub(super) fn put(&mut self, bytes: &[u8]) -> u64 {
        let addr = self.next;
        self.next += (bytes.len() as u64).next_multiple_of(64) + 64;
        self.objects.insert(addr, bytes.to_vec());
        addr
    }

    /// A string with its terminator.
    pub(super) fn str(&mut self, text: &str) -> u64 {
        self.put(&[text.as_bytes(), b"\0"].concat())
    }

    /// An object of 64-bit words.
    pub(super) fn words(&mut self, words: &[u64]) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.put(&bytes)
    }

    /// A register save area, overflow area and `va_list` with these arguments, the first `registers` in registers.
    pub(super) fn va_list(&mut self, args: &[u64], registers: usize) -> u64 {
        let mut save = vec![0xdead; 6 - registers];
        save.extend_from_slice(&args[..registers]);
        let save = self.words(&save);
        let overflow = self.words(&[&args[registers..], &[0xbeef]].concat());
        let offsets = ((6 - registers as u64) * 8) | (48 << 32);
        self.words(&[offsets, overflow, save])
    }

    pub(super) fn try_format(&self, size: usize, fmt: &[u8], args: &[u64]) -> Result<(Vec<u8>, usize), Fault> {
        let mut buf = Vec::new();
        let len = vsnprintf(self, &mut buf, size, fmt, &mut SliceArgs::new(args))?;
        Ok((buf, len))
    }

    /// Formats into buffers of every size up to one that is large enough, checks that they agree, and returns the text.
    pub(super) fn format(&self, fmt: &str, args: &[u64]) -> String {
        let (full, len) = self.try_format(100_000, fmt.as_bytes(), args).expect("no fault");
        assert_eq!(full.len(), len, "{fmt}");
        for size in 0..=(len + 1).min(300) {
            let (part, counted) = self.try_format(size, fmt.as_bytes(), args).expect("no fault");
            assert_eq!(counted, len, "{fmt} size {size}");
            let kept = size.saturating_sub(1).min(len);
            assert_eq!(part, full[..kept], "{fmt} size {size}");
        }
        full.iter().map(|&b| char::from(b)).collect()
    }
}

impl Env for Mock {
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let (start, object) = self.objects.range(..=addr).next_back().ok_or(Fault::Access(addr))?;
        let offset = usize::try_from(addr - start).map_err(|_| Fault::Access(addr))?;
        // Behind an object there are zeros up to the next block, as in a page.
        let len = object.len().next_multiple_of(64);
        if offset.checked_add(buf.len()).is_none_or(|end| end > len) {
            return Err(Fault::Access(addr));
        }
        for (i, byte) in buf.iter_mut().enumerate() {
            *byte = object.get(offset + i).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn symbol(&self, addr: u64) -> Option<Symbol<'_>> {
        let (name, start, size, module) =
            [("a_function", 0xc000_0000, 0x40, Some("formats")), ("kfree", 0xffff_ffff_8100_0000, 0x120, None)]
                .into_iter()
                .find(|&(_, start, size, _)| (start..start + size).contains(&addr))?;
        let module = module.map(Into::into);
        Some(Symbol { name: name.into(), offset: addr - start, size, module, build_id: Some([0xab; 20]) })
    }

    fn member(&self, structure: &str, path: &str) -> Option<u64> {
        self.members.iter().find(|m| m.0 == structure && m.1 == path).map(|m| m.2)
    }

    fn hash_pointer(&self, pointer: u64) -> Option<u32> {
        self.hash.map(|hash| hash.id(pointer))
    }

    fn no_hash_pointers(&self) -> bool {
        self.no_hash
    }

    fn kptr_restrict(&self) -> i32 {
        self.kptr_restrict
    }

    fn kptr_access(&self) -> KptrAccess {
        self.kptr_access
    }

    fn release(&self) -> (u32, u32) {
        self.release
    }

    fn warn_once(&self, warning: FormatWarning) {
        self.warnings.borrow_mut().push(warning);
    }

    fn fwnode_parent(&self, fwnode: u64) -> Option<u64> {
        self.fwnodes.iter().find(|n| n.0 == fwnode)?.1
    }

    fn fwnode_name(&self, fwnode: u64) -> Option<Vec<u8>> {
        self.fwnodes.iter().find(|n| n.0 == fwnode).map(|n| n.3.into())
    }

    fn fwnode_prefix(&self, fwnode: u64) -> Option<Vec<u8>> {
        self.fwnodes.iter().find(|n| n.0 == fwnode).map(|n| n.2.into())
    }
}
