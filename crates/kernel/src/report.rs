//! What a run left behind, for the end of `lkm run`.

use crate::mm::check;
use crate::mm::owned::{self, Kind, Origin};
use crate::module::{self, State, taint};
use crate::{borrow, exports, fault, personality24};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::{IncompleteImport, Leftover, LoadedModule, Report};

/// Collects everything.
pub(crate) fn make() -> Report {
    personality24::note_counts();
    Report {
        loaded: module::all().iter().map(|m| loaded(m)).collect(),
        leftovers: leftovers(),
        findings: check::findings(),
        incomplete: incomplete(),
        oopses: fault::oopses(),
        warnings: fault::warnings(),
        tainted: taint::bits(),
    }
}

fn loaded(module: &module::Module) -> LoadedModule {
    let state = match module.state() {
        State::Live => "Live",
        State::Going => "Unloading",
        State::Coming | State::Unformed => "Loading",
    };
    LoadedModule {
        name: module.name().to_string(),
        state: state.to_string(),
        refcount: module.refcount(),
        permanent: module.is_permanent(),
    }
}

/// What is left, by what it is and who made it.
fn leftovers() -> Vec<Leftover> {
    type Group = (Kind, Option<Arc<str>>, Origin);
    let mut groups: BTreeMap<Group, (u64, u64)> = BTreeMap::new();
    for (_, block) in owned::all() {
        let group = groups.entry((block.kind, block.name.clone(), block.origin())).or_default();
        group.0 += 1;
        group.1 += block.len as u64;
    }
    let leftover = |((kind, name, origin), (count, bytes)): (Group, (u64, u64))| Leftover {
        kind: kind.text().to_string(),
        name: name.map(|name| name.to_string()),
        module: origin.module,
        count,
        bytes,
        made_by: origin.made_by,
    };
    groups.into_iter().map(leftover).collect()
}

fn incomplete() -> Vec<IncompleteImport> {
    let partial = exports::functions().filter(|e| e.partial.is_some() && e.was_called()).map(|e| IncompleteImport {
        symbol: e.names.first().copied().unwrap_or_default().to_string(),
        how: "partial".to_string(),
        missing: e.partial.map(str::to_string),
    });
    let trapped =
        fault::trapped().into_iter().map(|symbol| IncompleteImport { symbol, how: "trap".to_string(), missing: None });
    let borrowed = borrow::called().into_iter().map(|symbol| IncompleteImport {
        symbol,
        how: "borrowed".to_string(),
        missing: None,
    });
    partial.chain(borrowed).chain(trapped).collect()
}
