//! Takes away what module code must not do with its own memory. Counterpart: kernel/module/strict_rwx.c.

use crate::place::{Group, Layout, Region};
use crate::refusal::Refusal;
use machine::arena::Access;

/// Protects code and constants; what is constant only after init stays writable until [`after_init`].
///
/// # Errors
/// When the host refuses.
pub fn before_init(layout: &Layout) -> Result<(), Refusal> {
    for region in [&layout.core, &layout.init] {
        set(region, Group::Text, Access::Execute)?;
        set(region, Group::RoData, Access::Read)?;
        set(region, Group::RoAfterInit, Access::ReadWrite)?;
        set(region, Group::Data, Access::ReadWrite)?;
    }
    Ok(())
}

/// Protects what is constant after init.
///
/// # Errors
/// When the host refuses.
pub fn after_init(core: &Region) -> Result<(), Refusal> {
    set(core, Group::RoAfterInit, Access::Read)
}

fn set(region: &Region, group: Group, access: Access) -> Result<(), Refusal> {
    let Some(block) = &region.block else { return Ok(()) };
    let start = if group == Group::Text { 0 } else { region.ends[group as usize - 1] };
    block.protect(start, region.ends[group as usize] - start, access)?;
    Ok(())
}
