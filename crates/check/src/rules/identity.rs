//! What a module says of itself, or does not.

use super::Subject;
use crate::finding::{Finding, Kind};
use crate::model::spot_of;

/// Licence, description, exit function.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let info = subject.module.modinfo();
    let whole = || subject.whole();
    if info.license().is_none() {
        let what =
            "no licence: the kernel counts it as proprietary, is tainted by it, and keeps GPL-only symbols from it";
        found.push(
            Finding::new(Kind::License, whole(), what).cure("add MODULE_LICENSE(\"GPL\") or what the licence is"),
        );
    }
    if info.get("description").is_none() {
        let cure = "add MODULE_DESCRIPTION(\"...\")";
        found.push(
            Finding::new(Kind::Description, whole(), "no description: modinfo cannot say what it is for").cure(cure),
        );
    }
    if let Ok(this) = subject.module.this_module()
        && this.init.is_some()
        && this.exit.is_none()
    {
        let init = subject.model.symbols.iter().find(|symbol| symbol.name() == "init_module");
        let place = init.and_then(|symbol| spot_of(&symbol)).map_or_else(whole, |spot| subject.definition(spot));
        let what = "init without exit: once loaded it stays ([permanent]), and rmmod says: Device or resource busy";
        found.push(
            Finding::new(Kind::NoExit, place, what)
                .cure("add an exit function with module_exit() if it shall be unloaded"),
        );
    }
    found
}
