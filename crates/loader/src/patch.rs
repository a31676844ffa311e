//! Changes code after relocation, as the kernel does before a module runs.
//!
//! - `.return_sites`: `jmp __x86_return_thunk` becomes `ret` (arch/x86/kernel/alternative.c, `apply_returns`);
//! - `__mcount_loc`: `call __fentry__` becomes a 5-byte nop (kernel/trace/ftrace.c, `ftrace_module_init`);
//! - `__jump_table`: sites whose key differs from what was compiled in (kernel/jump_label.c).
//!
//! Alternatives stay unapplied: the code compiled in works on every processor.

use crate::place::Layout;
use kofile::{Elf, Section};
use machine::access;
use std::collections::HashMap;

const RETURN: [u8; 5] = [0xc3, 0xcc, 0xcc, 0xcc, 0xcc];
const NOP5: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
const NOP2: [u8; 2] = [0x66, 0x90];
const CALL: u8 = 0xe8;
const JMP: u8 = 0xe9;
const JMP8: u8 = 0xeb;

/// What was patched, for the load report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patched {
    /// Return thunks.
    pub returns: usize,
    /// ftrace sites.
    pub ftrace: usize,
    /// Jump label sites that were switched.
    pub jump_labels: usize,
}

/// Does all of it.
pub fn patch(elf: &Elf<'_>, layout: &mut Layout) -> Patched {
    Patched {
        returns: relative_sites(elf, layout, ".return_sites", JMP, RETURN),
        ftrace: mcount_sites(elf, layout),
        jump_labels: jump_labels(elf, layout),
    }
}

/// Code of a module by address, through the writable alias.
struct Code<'l> {
    layout: &'l mut Layout,
}

impl Code<'_> {
    fn at(&mut self, addr: u64, len: usize) -> Option<&mut [u8]> {
        for region in [&mut self.layout.core, &mut self.layout.init] {
            let text = region.ends[0];
            if let Some(block) = &mut region.block
                && let Some(offset) = addr.checked_sub(block.addr()).and_then(|o| usize::try_from(o).ok())
                && offset < text
            {
                return block.bytes_mut().get_mut(offset..offset.checked_add(len)?);
            }
        }
        None
    }
}

fn section_bytes(elf: &Elf<'_>, layout: &mut Layout, name: &str) -> Option<(u64, Vec<u8>)> {
    let section: &Section<'_> = elf.section_by_name(name)?;
    let addr = layout.address(section.index)?;
    let bytes = layout.bytes_mut(section)?.to_vec();
    Some((addr, bytes))
}

fn word32(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| i32::from_le_bytes(*b))
}

fn word64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}

/// Sites given as 32-bit offsets from the entry itself.
fn relative_sites(elf: &Elf<'_>, layout: &mut Layout, name: &str, opcode: u8, new: [u8; 5]) -> usize {
    let Some((addr, bytes)) = section_bytes(elf, layout, name) else { return 0 };
    let mut code = Code { layout };
    let mut done = 0;
    for at in (0..bytes.len() & !3).step_by(4) {
        let site = addr.wrapping_add(at as u64).wrapping_add_signed(word32(&bytes, at).into());
        if let Some(insn) = code.at(site, 5).filter(|insn| insn[0] == opcode) {
            insn.copy_from_slice(&new);
            done += 1;
        }
    }
    done
}

fn mcount_sites(elf: &Elf<'_>, layout: &mut Layout) -> usize {
    let Some((_, bytes)) = section_bytes(elf, layout, "__mcount_loc") else { return 0 };
    let mut code = Code { layout };
    let mut done = 0;
    for at in (0..bytes.len() & !7).step_by(8) {
        if let Some(insn) = code.at(word64(&bytes, at), 5).filter(|insn| insn[0] == CALL) {
            insn.copy_from_slice(&NOP5);
            done += 1;
        }
    }
    done
}

/// One entry of `__jump_table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JumpEntry {
    /// Address of the instruction.
    pub code: u64,
    /// Where it jumps when it jumps.
    pub target: u64,
    /// Address of the `static_key`.
    pub key: u64,
    /// The branch is taken when the key is off.
    pub inverted: bool,
}

impl JumpEntry {
    /// Decodes the 16-byte entry that lies at `addr`.
    pub fn decode(addr: u64, bytes: &[u8; 16]) -> Self {
        let key = word64(bytes, 8);
        Self {
            code: addr.wrapping_add_signed(word32(bytes, 0).into()),
            target: addr.wrapping_add(4).wrapping_add_signed(word32(bytes, 4).into()),
            key: addr.wrapping_add(8).wrapping_add(key & !3),
            inverted: key & 1 != 0,
        }
    }

    /// The instruction for a site of `len` bytes (2 or 5).
    pub fn instruction(&self, jump: bool, len: usize) -> Vec<u8> {
        match (jump, len) {
            (false, 2) => NOP2.to_vec(),
            (false, _) => NOP5.to_vec(),
            (true, 2) => vec![JMP8, self.target.wrapping_sub(self.code + 2) as u8],
            (true, _) => {
                let mut insn = vec![JMP];
                insn.extend((self.target.wrapping_sub(self.code + 5) as u32).to_le_bytes());
                insn
            }
        }
    }
}

/// What a site holds: whether it jumps, and its length.
pub fn site_state(insn: &[u8]) -> Option<(bool, usize)> {
    match insn {
        [JMP8, ..] => Some((true, 2)),
        [JMP, ..] => Some((true, 5)),
        [0x66, 0x90, ..] => Some((false, 2)),
        [0x0f, 0x1f, 0x44, 0x00, 0x00] => Some((false, 5)),
        _ => None,
    }
}

fn jump_labels(elf: &Elf<'_>, layout: &mut Layout) -> usize {
    let Some((addr, bytes)) = section_bytes(elf, layout, "__jump_table") else { return 0 };
    let mut done = 0;
    // Many sites have one key, and looking at a key that nothing implements costs a fault.
    let mut keys = HashMap::new();
    for (i, raw) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let entry = JumpEntry::decode(addr + 16 * i as u64, raw);
        let enabled = *keys.entry(entry.key).or_insert_with(|| key_enabled(layout, entry.key) > 0);
        let wanted = enabled != entry.inverted;
        let mut code = Code { layout };
        let Some(insn) = code.at(entry.code, 5) else { continue };
        let Some((jumps, len)) = site_state(insn) else { continue };
        if jumps != wanted {
            insn[..len].copy_from_slice(&entry.instruction(wanted, len));
            done += 1;
        }
    }
    done
}

/// `static_key.enabled`, the structure's first member. A key of the kernel that nothing implements is off.
fn key_enabled(layout: &mut Layout, key: u64) -> i32 {
    for region in [&mut layout.core, &mut layout.init] {
        if let Some(block) = &mut region.block
            && let Some(offset) = key.checked_sub(block.addr()).and_then(|o| usize::try_from(o).ok())
            && offset < block.len()
        {
            return word32(block.bytes_mut(), offset);
        }
    }
    access::get(key).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_entries_are_relative_to_their_own_fields() {
        let mut raw = [0; 16];
        raw[..4].copy_from_slice(&(-0x100i32).to_le_bytes());
        raw[4..8].copy_from_slice(&0x20i32.to_le_bytes());
        raw[8..].copy_from_slice(&(0x1000u64 | 1).to_le_bytes());
        let entry = JumpEntry::decode(0x2000, &raw);
        assert_eq!(entry, JumpEntry { code: 0x1f00, target: 0x2024, key: 0x3008, inverted: true });
        assert_eq!(entry.instruction(true, 5), [0xe9, 0x1f, 0x01, 0, 0]);
        assert_eq!(entry.instruction(false, 2), NOP2);
    }

    #[test]
    fn sites_are_recognised_by_their_bytes() {
        assert_eq!(site_state(&NOP5), Some((false, 5)));
        assert_eq!(site_state(&[0xeb, 4, 0, 0, 0]), Some((true, 2)));
        assert_eq!(site_state(&[0x90, 0x90, 0x90, 0x90, 0x90]), None);
    }
}
