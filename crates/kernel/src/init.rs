//! What the kernel knows of itself. Counterpart: init/main.c, init/version.c.

use kabi::{DataExport, DataSize, Field, KPtr, KResult, profile};
use machine::access;

/// Longest text of a name, its NUL included (`__NEW_UTS_LEN` + 1).
const NAME_LEN: usize = 65;

/// `uname(2)` of the instance: six names of one length each, in the order of `struct new_utsname`.
fn fill_uts(addr: u64, _: usize) -> KResult {
    static NAME: Field = Field::new("uts_namespace", "name");
    let name = NAME.of(KPtr::<()>::new(addr))?;
    let parts = ["Linux", "(none)", profile().release(), profile().version(), "x86_64", "(none)"];
    for (i, part) in (0..).zip(parts) {
        let part = &part.as_bytes()[..part.len().min(NAME_LEN - 1)];
        access::write(name.offset(i * NAME_LEN as u64).addr(), part)?;
    }
    Ok(())
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[
    DataExport {
        names: &["system_state"],
        size: DataSize::Bytes(4),
        percpu: false,
        gpl: false,
        init: |addr, _| {
            let running = profile().enum_value("SYSTEM_RUNNING").unwrap_or(3);
            Ok(access::put(addr, running as u32)?)
        },
        doc: "How far the kernel has booted: it runs.",
    },
    DataExport {
        names: &["init_uts_ns"],
        size: DataSize::Struct("uts_namespace"),
        percpu: false,
        gpl: true,
        init: fill_uts,
        doc: "The kernel's name, release and version.",
    },
];
