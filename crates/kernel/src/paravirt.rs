//! The hypervisor interface that inline code calls through. Counterpart: arch/x86/kernel/paravirt.c.

use kabi::errno::ENOMEM;
use kabi::{DataExport, DataSize, KPtr, KResult, profile};
use machine::arch::thunks;
use machine::stub;

/// Members that modules call on ordinary machines; see FLAGS in [`crate::locking`] for what they keep.
const IRQ: [&str; 3] = ["save_fl", "irq_disable", "irq_enable"];

/// Every operation traps but those that switch and tell the interrupt flag.
fn fill(addr: u64, _: usize) -> KResult {
    let table = KPtr::<()>::new(addr);
    let size = profile().size_of("paravirt_patch_template").unwrap_or(0);
    let trap = stub::trap().map_err(|_| ENOMEM)?;
    (0..size / 8).try_for_each(|slot| table.put(slot * 8, trap))?;
    for member in IRQ {
        let at = profile().offset_of("paravirt_patch_template", &format!("irq.{member}"));
        if let (Some(at), Some(code)) = (at, thunks::paravirt(member)) {
            table.put(at, stub::code(&code).map_err(|_| ENOMEM)?)?;
        }
    }
    Ok(())
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["pv_ops"],
    size: DataSize::Struct("paravirt_patch_template"),
    percpu: false,
    gpl: true,
    init: fill,
    doc: "Operations that hypervisors replace: the interrupt flag's; every other one traps.",
}];
