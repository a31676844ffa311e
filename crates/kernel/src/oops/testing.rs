//! A world made by hand, for tests.

use super::world::{Facts, Missing, OrcTable, Symbol, Table, World};
use machine::enter::Stretch;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A piece of code or data with a name.
pub(super) struct Named {
    pub(super) addr: u64,
    pub(super) size: u64,
    pub(super) name: &'static str,
    pub(super) module: Option<&'static str>,
    pub(super) text: bool,
}

/// Memory, symbols and tables.
#[derive(Default)]
pub(super) struct Fake {
    memory: RefCell<BTreeMap<u64, u8>>,
    pub(super) named: Vec<Named>,
    pub(super) orc: Option<OrcTable<'static>>,
    pub(super) bugs: Option<(u64, usize)>,
    pub(super) exceptions: Option<(u64, Vec<u8>)>,
    pub(super) missing: Vec<(u64, Missing)>,
    pub(super) stretches: Vec<Stretch>,
    pub(super) facts: Facts,
}

impl Fake {
    pub(super) fn new() -> Fake {
        Fake::default()
    }

    /// Makes memory with these bytes.
    pub(super) fn put(&mut self, addr: u64, bytes: &[u8]) {
        self.memory.get_mut().extend((addr..).zip(bytes.iter().copied()));
    }

    pub(super) fn put_words(&mut self, addr: u64, words: &[u64]) {
        for (i, word) in words.iter().enumerate() {
            self.put(addr + 8 * i as u64, &word.to_le_bytes());
        }
    }

    /// The bytes of memory that was made before.
    pub(super) fn take(&self, addr: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        assert!(self.read_bytes(addr, &mut out), "no memory at {addr:#x}");
        out
    }

    /// A function of a module, with code of 0x90.
    pub(super) fn function(&mut self, addr: u64, size: u64, name: &'static str, module: &'static str) {
        self.named.push(Named { addr, size, name, module: Some(module), text: true });
        self.put(addr, &vec![0x90; size as usize]);
    }

    fn find(&self, addr: u64) -> Option<&Named> {
        self.named.iter().find(|named| addr.wrapping_sub(named.addr) < named.size)
    }
}

impl World for Fake {
    fn read_u64(&self, addr: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_bytes(addr, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }

    fn read_bytes(&self, addr: u64, to: &mut [u8]) -> bool {
        let memory = self.memory.borrow();
        to.iter_mut().enumerate().all(|(i, byte)| match memory.get(&addr.wrapping_add(i as u64)) {
            Some(found) => {
                *byte = *found;
                true
            }
            None => false,
        })
    }

    fn write_u16(&self, addr: u64, value: u16) -> bool {
        self.memory.borrow_mut().extend((addr..).zip(value.to_le_bytes()));
        true
    }

    fn symbol(&self, addr: u64) -> Option<Symbol> {
        let named = self.find(addr)?;
        let module = named.module.map(str::to_string);
        Some(Symbol { name: named.name.to_string(), offset: addr - named.addr, size: named.size, module })
    }

    fn is_text(&self, addr: u64) -> bool {
        self.find(addr).is_some_and(|named| named.text)
    }

    fn orc(&self, ip: u64) -> Option<OrcTable<'_>> {
        self.find(ip).filter(|named| named.module.is_some())?;
        self.orc.clone()
    }

    fn bugs(&self, _: u64) -> Option<Table<'_>> {
        let (addr, len) = self.bugs?;
        Some(Table { addr, bytes: self.take(addr, len).into() })
    }

    fn exceptions(&self, _: u64) -> Option<Table<'_>> {
        let (addr, bytes) = self.exceptions.as_ref()?;
        Some(Table { addr: *addr, bytes: Cow::Borrowed(bytes) })
    }

    fn missing(&self, addr: u64) -> Option<Missing> {
        self.missing.iter().find(|(at, _)| *at == addr).map(|(_, missing)| missing.clone())
    }

    fn stretches(&self) -> Vec<Stretch> {
        self.stretches.clone()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}
