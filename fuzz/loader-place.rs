//! Verifies, checks, places, resolves, relocates and patches any bytes that are read as a module, with an answer to every
//! import.
//!
//! Needs a kernel's profile on this machine, for the size of `struct module`.
#![no_main]

#[path = "kofile-mutate.rs"]
mod mutate;

use loader::resolve::Importer;
use loader::signature::{self, Authority};
use loader::{Flags, Found, Identity, Image, Owner, Refusal, Resolver};
use loader::{check, place, protect, relocate, resolve, validity};
use std::sync::Once;

/// What no module of the size of a fuzzer's input needs; larger ones would only cost time.
const MOST_MEMORY: u64 = 16 << 20;

/// Knows every name: a place near the arena, or far from it; some are missing, some are of a module.
struct Everything;

impl Resolver for Everything {
    fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal> {
        let sum = name.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        if sum % 64 == 1 {
            return Ok(None);
        }
        Ok(Some(Found {
            value: if sum % 64 == 2 { sum << 20 } else { 0x1000_0000 + sum % (8 << 20) },
            crc: (sum % 8 == 3).then_some(sum as u32),
            gpl_only: sum % 16 == 4,
            namespace: (sum % 32 == 5).then(|| "SPACE".to_string()),
            proprietary: (sum % 64 == 7).then(|| "owner".to_string()),
            owner: if sum % 16 == 6 { Owner::Module(sum % 3) } else { Owner::Kernel },
        }))
    }
}

fn boot() {
    static BOOT: Once = Once::new();
    BOOT.call_once(|| {
        let options = abi::Options::default();
        let found = abi::list(&options).into_iter().find(|a| a.is_image).expect("a kernel image is installed");
        let profile = abi::Profile::for_release(&found.release, &options).expect("its profile can be made");
        kabi::set_profile(profile);
        machine::boot(machine::Config {
            cpus: 1,
            percpu_size: 64 << 10,
            on_trap: |_| machine::Action::Abandon,
            on_bug: |what| {
                eprintln!("{what}");
                std::process::abort()
            },
        })
        .expect("the arena is free");
    });
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    boot();
    match load(bytes) {
        Ok(image) => {
            for symbol in image.symbols().take(50) {
                image.symbol_at(symbol.addr);
            }
            for section in &image.sections {
                image.symbol_at(section.addr.wrapping_add(section.size));
            }
        }
        Err(refusal) => {
            assert!(refusal.errno.0 > 0);
            assert!(!refusal.log.is_empty() || refusal.detail.is_some(), "a refusal without a cause: {refusal}");
        }
    }
});

fn load(bytes: &[u8]) -> Result<Image, Refusal> {
    // Versions count every other time, signatures must be there every fourth time.
    let flags = Flags(u32::from(bytes.len() % 2 == 0));
    let authority = Authority { kernel: Some(kabi::profile()), enforced: bytes.len() % 4 == 3 };
    let signed = signature::check(bytes, flags, authority)?;
    let sound = validity::check(signed.contents)?;
    let file = kofile::Module::of_elf(kofile::Elf::parse("fuzz.ko", &sound.bytes)?);
    let elf = file.elf();
    let total: u64 = elf.sections().iter().filter(|s| s.is_alloc()).fold(0, |sum, s| sum.saturating_add(s.size));
    if total > MOST_MEMORY {
        return Err(Refusal { detail: Some("too large for this test".into()), ..Refusal::silent(kabi::errno::ENOMEM) });
    }
    let identity = Identity::read(&file, sound.name, signed.good)?;
    let crcs = check::crcs(&file, flags)?;
    check::version(&identity, crcs.as_ref(), "module_layout", None);
    check::write_or_execute(elf, &identity)?;
    check::percpu(elf, &identity.name, &mut Vec::new());
    let symbols = elf.symbols()?;
    let mut layout = place::place(elf, 0)?;
    let importer = Importer { identity: &identity, crcs: crcs.as_ref(), proprietary: bytes.len() % 8 == 5 };
    let resolved = resolve::resolve(elf, &symbols, &layout, &importer, &mut Everything)?;
    let count = relocate::relocate(elf, &mut layout, &resolved.values, &identity.name)?;
    loader::patch::patch(elf, &mut layout);
    protect::before_init(&layout)?;
    file.exports()?;
    Ok(Image::new(elf, &symbols, layout, &resolved.values, count))
}

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});
