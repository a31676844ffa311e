//! Code that stays refers to code or data that is freed after init.
//!
//! Counterpart: the checks of `scripts/mod/modpost.c` from text to init sections, and of exports of init functions. Those
//! from data go by the names of variables there, and are left to modpost.

use super::{Subject, at};
use crate::finding::{Finding, Kind};
use crate::model::{Model, Spot, Target, spot_of};
use kofile::Section;

/// Code that stays; `.ref.text` is for those who know better.
fn stays(section: &Section<'_>) -> bool {
    section.is_exec() && section.is_alloc() && (section.name == ".text" || section.name.starts_with(".text."))
}

/// What goes after init.
fn goes(section: &Section<'_>) -> bool {
    section.name.starts_with(".init.text") || section.name.starts_with(".init.data") || section.name == ".init.rodata"
}

/// References from code that stays, and exports.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let model = subject.model;
    let mut found = Vec::new();
    for section in model.elf.sections() {
        let is_table = section.name.starts_with("__ksymtab");
        if !stays(section) && !is_table {
            continue;
        }
        let to_init = |row: &&kofile::Relocation| {
            let spot = model.symbol(row).and_then(|symbol| spot_of(&symbol));
            spot.and_then(|spot| model.elf.section(spot.section)).is_some_and(goes)
        };
        for relocation in model.relocations(section.index).iter().filter(to_init) {
            let from = Spot { section: section.index, offset: relocation.offset };
            let Some(to) = target(model, from, is_table).filter(|to| model.elf.section(to.section).is_some_and(goes))
            else {
                continue;
            };
            if let Some(finding) = finding(subject, from, to, is_table) {
                found.push(finding);
            }
        }
    }
    found.dedup_by(|a, b| a.place == b.place && a.what == b.what);
    found
}

fn target(model: &Model<'_>, from: Spot, is_table: bool) -> Option<Spot> {
    let relocation = model.relocations_in(from, 1).first()?;
    let target = if is_table {
        model.data_target(relocation)
    } else {
        let code = model.code(model.function_at(from)?);
        let instruction = code.instructions.get(code.index_around(from.offset)?)?;
        model.code_target(instruction, relocation)
    };
    match target? {
        Target::Place(spot) => Some(spot),
        Target::Import(..) => None,
    }
}

fn finding(subject: &Subject<'_>, from: Spot, to: Spot, is_table: bool) -> Option<Finding> {
    let model = subject.model;
    let (name, what) = (model.describe(to), model.elf.section(to.section)?.name);
    if is_table {
        let text = format!("{name} of {what} is exported: it is freed after init");
        return Some(
            Finding::new(Kind::SectionMismatch, subject.definition(to), text).cure("take __init or __initdata away"),
        );
    }
    let function = model.functions().get(model.function_at(from)?)?;
    // modpost: the compiler may have made a copy of a function that only init calls.
    let is_copy = [".constprop", ".isra", ".part"].iter().any(|mark| function.name.to_str_lossy().contains(mark));
    if is_copy {
        return None;
    }
    let text = format!("{} refers to {name} of {what}, which is freed after init", function.name);
    let cure = "make the caller __init, too, or take __init or __initdata away";
    Some(at(subject, Kind::SectionMismatch, from, text).cure(cure))
}
