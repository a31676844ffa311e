//! Formats with any format string, arguments and memory: printf, the binary form of it, and scanf.
//!
//! Input: flags, the length of the format, the format, eight arguments, and what memory holds.
#![no_main]

mod input;

use input::Input;
use kernel::klib::vsprintf::{Env, Fault, FormatWarning, KptrAccess, Memory, SliceArgs, Symbol, VaList};
use kernel::klib::vsprintf::{bstr_printf, vbin_printf, vsnprintf, vsscanf};

/// Where memory begins.
const BASE: u64 = 0x1000_0000;
/// The longest text: as long as a line of the kernel's log.
const SIZE: usize = 1024;

/// A kernel with one piece of memory.
struct Kernel<'a> {
    memory: &'a [u8],
    flags: u8,
}

impl Env for Kernel<'_> {
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let start = addr.checked_sub(BASE).and_then(|at| usize::try_from(at).ok()).ok_or(Fault::Access(addr))?;
        let end = start.checked_add(buf.len()).ok_or(Fault::Access(addr))?;
        buf.copy_from_slice(self.memory.get(start..end).ok_or(Fault::Access(addr))?);
        Ok(())
    }

    fn symbol(&self, addr: u64) -> Option<Symbol<'_>> {
        let module = (addr & 1 != 0).then(|| "module".into());
        let build_id = (addr & 2 != 0).then_some([7; 20]);
        let symbol = Symbol { name: "symbol".into(), offset: addr & 0xfff, size: 0x1000, module, build_id };
        (self.flags & 1 != 0).then_some(symbol)
    }

    fn member(&self, _: &str, path: &str) -> Option<u64> {
        (self.flags & 2 != 0).then_some(8 * path.len() as u64)
    }

    fn hash_pointer(&self, pointer: u64) -> Option<u32> {
        (self.flags & 4 != 0).then_some(pointer as u32)
    }

    fn no_hash_pointers(&self) -> bool {
        self.flags & 8 != 0
    }

    fn kptr_restrict(&self) -> i32 {
        i32::from(self.flags >> 4 & 3)
    }

    fn kptr_access(&self) -> KptrAccess {
        if self.flags & 1 != 0 { KptrAccess::Allowed } else { KptrAccess::Interrupt }
    }

    fn release(&self) -> (u32, u32) {
        if self.flags & 64 != 0 { (6, 12) } else { (6, 1) }
    }

    fn warn_once(&self, warning: FormatWarning) {
        std::hint::black_box(warning.text());
    }

    fn fwnode_parent(&self, fwnode: u64) -> Option<u64> {
        (self.flags & 128 != 0 && fwnode > BASE).then(|| fwnode - 16)
    }

    fn fwnode_name(&self, fwnode: u64) -> Option<Vec<u8>> {
        (self.flags & 2 != 0).then(|| fwnode.to_string().into_bytes())
    }

    fn fwnode_prefix(&self, _: u64) -> Option<Vec<u8>> {
        (self.flags & 4 != 0).then(|| b"/".to_vec())
    }
}

/// What scanf writes goes nowhere.
struct Nowhere;

impl Memory for Nowhere {
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault> {
        if addr < BASE || bytes.len() > 1 << 20 { Err(Fault::Access(addr)) } else { Ok(()) }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (flags, len) = (input.byte(), input.byte());
    let size = usize::from(input.short());
    let format = input.piece(len.into());
    let slots: Vec<u64> = (0..8).map(|_| input.address(BASE, 512)).collect();
    let kernel = Kernel { memory: input.0, flags };
    let mut text = Vec::new();
    let _ = vsnprintf(&kernel, &mut text, size.min(SIZE), format, &mut SliceArgs::new(&slots));
    assert!(text.len() < size.clamp(1, SIZE), "{} bytes in a buffer of {size}", text.len());
    if let Ok(mut list) = VaList::copy(&kernel, BASE) {
        text.clear();
        let _ = vsnprintf(&kernel, &mut text, SIZE, format, &mut list);
    }
    if let Ok((record, _)) = vbin_printf(&kernel, 256, format, &mut SliceArgs::new(&slots)) {
        text.clear();
        let _ = bstr_printf(&kernel, &mut text, SIZE, format, &record);
    }
    text.clear();
    let _ = bstr_printf(&kernel, &mut text, SIZE, format, kernel.memory);
    let _ = vsscanf(kernel.memory, format, &mut SliceArgs::new(&slots), &mut Nowhere);
});
