//! The kernel's own symbols, from `Module.symvers` or `System.map` (`depmod_load_symvers`, `depmod_load_system_map`).

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::{Known, Listener, Options, Stopped, message};
use crate::error::strerror;
use crate::lines;

/// What the loader itself gives every module, whatever the lists say.
const FROM_THE_LOADER: [&[u8]; 3] = [b"__this_module", b"_GLOBAL_OFFSET_TABLE_", b"TOC."];

/// Names and versions.
pub(super) type Symbols = HashMap<Vec<u8>, u64>;

/// Reads the list that the options name.
pub(super) fn load(options: &Options, to: &mut dyn Listener) -> Result<Symbols, Stopped> {
    let path = match &options.known {
        Some(Known::Symvers(path) | Known::SystemMap(path)) => path,
        None if options.report_unknown => {
            message!(to, Warning, b"-e needs -E or -F");
            return Ok(Symbols::new());
        }
        None => return Ok(Symbols::new()),
    };
    let name = path.as_os_str().as_bytes();
    let text = fs::read(path).map_err(|error| {
        message!(to, Fatal, b"could not load ", name, b": ", strerror(&error));
        Stopped
    })?;
    let mut symbols = Symbols::new();
    for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let wrong = match options.known {
            Some(Known::Symvers(_)) => symvers(line, options.prefix, &mut symbols),
            _ => system_map(line, options.prefix, &mut symbols),
        };
        if let Err(wrong) = wrong {
            message!(to, Error, name, b":", (at + 1).to_string(), wrong);
        }
    }
    for name in FROM_THE_LOADER {
        symbols.entry(name.to_vec()).or_insert(0);
    }
    Ok(symbols)
}

/// `0xb352177e<TAB>find_first_bit<TAB>vmlinux<TAB>EXPORT_SYMBOL`. What modules export they say themselves.
fn symvers(line: &[u8], prefix: Option<u8>, to: &mut Symbols) -> Result<(), Vec<u8>> {
    let mut words = lines::words(line);
    let (Some(version), Some(symbol), Some(b"vmlinux")) = (words.next(), words.next(), words.next()) else {
        return Ok(());
    };
    let digits = version.strip_prefix(b"0x").unwrap_or(version);
    let crc = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let Some(crc) = crc else {
        return Err([b" Invalid symbol version ", version, b": Success"].concat());
    };
    to.insert(without(prefix, symbol).to_vec(), crc);
    Ok(())
}

/// `c0294200 R __ksymtab_devfs_alloc_devnum`.
fn system_map(line: &[u8], prefix: Option<u8>, to: &mut Symbols) -> Result<(), Vec<u8>> {
    let Some(name) = line.splitn(3, |byte| *byte == b' ').nth(2) else {
        return Err([b": invalid line: ", line].concat());
    };
    if let Some(symbol) = without(prefix, name).strip_prefix(b"__ksymtab_") {
        to.insert(symbol.strip_suffix(b"\n").unwrap_or(symbol).to_vec(), 0);
    }
    Ok(())
}

/// A symbol without the character that the architecture puts before it.
pub(super) fn without(prefix: Option<u8>, symbol: &[u8]) -> &[u8] {
    match symbol {
        [first, rest @ ..] if Some(*first) == prefix => rest,
        _ => symbol,
    }
}

#[test]
fn both_lists_are_read() {
    let mut symbols = Symbols::new();
    symvers(b"0xb352177e\tone\tvmlinux\tEXPORT_SYMBOL\n", None, &mut symbols).unwrap();
    symvers(b"0x1\ttwo\tdrivers/two\tEXPORT_SYMBOL\n", None, &mut symbols).unwrap();
    symvers(b"\n", None, &mut symbols).unwrap();
    assert!(symvers(b"0xzz\tthree\tvmlinux\tEXPORT_SYMBOL\n", None, &mut symbols).is_err());
    system_map(b"c0294200 R ___ksymtab_four\n", Some(b'_'), &mut symbols).unwrap();
    system_map(b"c0294200 R five\n", None, &mut symbols).unwrap();
    assert_eq!(system_map(b"six\n", None, &mut symbols), Err(b": invalid line: six\n".to_vec()));
    let mut all: Vec<_> = symbols.into_iter().collect();
    all.sort();
    assert_eq!(all, [(b"four".to_vec(), 0), (b"one".to_vec(), 0xb352_177e)]);
}
