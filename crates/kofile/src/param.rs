//! A module's parameters, as `.modinfo` describes them.
//!
//! Kernel counterpart: `MODULE_PARM_DESC` and `__MODULE_PARM_TYPE` of `include/linux/moduleparam.h`.

use std::collections::HashMap;

use crate::modinfo::{Modinfo, split_at_byte};
use crate::name::Name;

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// What it does (`parm`).
    pub description: Option<Name<'a>>,
    /// Its type (`parmtype`), for example `bool` or `array of int`.
    pub kind: Option<Name<'a>>,
}

/// Merges the `parm` and `parmtype` fields by name. Of several fields for one parameter the last one wins.
pub(crate) fn collect<'a>(info: &Modinfo<'a>) -> Vec<Param<'a>> {
    let mut params: Vec<Param<'a>> = Vec::new();
    let mut places: HashMap<Name<'a>, usize> = HashMap::new();
    for field in info.iter() {
        let is_kind = field.key == "parmtype";
        if !is_kind && field.key != "parm" {
            continue;
        }
        let (name, value) = split_at_byte(field.value.as_bytes(), b':');
        let (name, value) = (Name::new(name), Name::new(value.unwrap_or_default()));
        let place = *places.entry(name).or_insert(params.len());
        if place == params.len() {
            params.push(Param { name, description: None, kind: None });
        }
        if let Some(param) = params.get_mut(place) {
            let part = if is_kind { &mut param.kind } else { &mut param.description };
            *part = Some(value);
        }
    }
    params
}

#[test]
fn params_are_merged_by_name() {
    let info = Modinfo::new(b"parmtype=debug:bool\0parm=level:how much: 1 or 2\0parm=debug:says more\0parm=bare\0");
    let param = |name: &'static str, description: Option<&'static str>, kind: Option<&'static str>| Param {
        name: name.into(),
        description: description.map(Name::from),
        kind: kind.map(Name::from),
    };
    let want = [
        param("debug", Some("says more"), Some("bool")),
        param("level", Some("how much: 1 or 2"), None),
        param("bare", Some(""), None),
    ];
    assert_eq!(info.params(), want);
}
