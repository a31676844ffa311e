//! `.modinfo`: what a module says of itself, as `key=value` strings.
//!
//! Kernel counterpart: `get_modinfo` of `kernel/module/main.c`; the fields come from `MODULE_INFO` of
//! `include/linux/module.h`. kmod: `kmod_module_get_info` of `libkmod/libkmod-module.c`.

use std::iter::FusedIterator;

use crate::bytes::until_nul;
use crate::elf::Elf;
use crate::name::Name;
use crate::param::{self, Param};

/// The fields of a module in the order of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Modinfo<'a> {
    data: &'a [u8],
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// What stands before the first `=`.
    pub key: Name<'a>,
    /// What stands after it; empty without a `=`.
    pub value: Name<'a>,
}

impl<'a> Modinfo<'a> {
    /// The fields of a file; none if it has no `.modinfo`.
    pub fn of(elf: &Elf<'a>) -> Self {
        Modinfo { data: elf.section_by_name(".modinfo").map_or(&[], |section| section.data) }
    }

    /// Takes the bytes of a `.modinfo` section, or of a `modules.builtin.modinfo`.
    pub fn new(data: &'a [u8]) -> Self {
        Modinfo { data }
    }

    /// All fields in order. NULs between them do not count.
    pub fn iter(&self) -> Fields<'a> {
        Fields { rest: self.data }
    }

    /// The value of the first field with a key.
    pub fn get(&self, key: &str) -> Option<Name<'a>> {
        self.get_all(key).next()
    }

    /// The values of all fields with a key, in order.
    pub fn get_all<'k>(&self, key: &'k str) -> impl Iterator<Item = Name<'a>> + use<'a, 'k> {
        self.iter().filter(move |field| field.key == key).map(|field| field.value)
    }

    /// The module's name.
    pub fn name(&self) -> Option<Name<'a>> {
        self.get("name")
    }

    /// The kernel and its options that the module was built for.
    pub fn vermagic(&self) -> Option<Name<'a>> {
        self.get("vermagic")
    }

    /// The release in `vermagic`: what `uname -r` says on the right kernel.
    pub fn release(&self) -> Option<Name<'a>> {
        let magic = self.vermagic()?.as_bytes();
        magic.split(|byte| *byte == b' ').next().map(Name::new)
    }

    /// The licence; a module may name it more than once, the first decides.
    pub fn license(&self) -> Option<Name<'a>> {
        self.get("license")
    }

    /// Whether the module was built in the kernel's own tree.
    pub fn is_intree(&self) -> bool {
        self.get("intree").is_some()
    }

    /// The modules that this one needs.
    pub fn depends(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        let list = self.get("depends").unwrap_or_default().as_bytes();
        list.split(|byte| *byte == b',').filter(|name| !name.is_empty()).map(Name::new)
    }

    /// The patterns of devices and names that this module serves.
    pub fn aliases(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.get_all("alias")
    }

    /// The `pre:` and `post:` lists of modules to load before and after, unparsed.
    pub fn softdeps(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.get_all("softdep")
    }

    /// The modules that this one may use.
    pub fn weakdeps(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.get_all("weakdep")
    }

    /// The firmware files that the module may ask for.
    pub fn firmware(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.get_all("firmware")
    }

    /// The symbol namespaces that the module uses.
    pub fn imported_namespaces(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        self.get_all("import_ns")
    }

    /// The module's parameters: `parm` and `parmtype` fields merged by name, in the order of their first field.
    pub fn params(&self) -> Vec<Param<'a>> {
        param::collect(self)
    }
}

impl<'a> IntoIterator for &Modinfo<'a> {
    type Item = Field<'a>;
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// Iterates over the fields.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.rest.iter().position(|byte| *byte != 0)?;
        let (_, rest) = self.rest.split_at_checked(start)?;
        let line = until_nul(rest);
        self.rest = rest.get(line.len()..).unwrap_or_default();
        let (key, value) = split_at_byte(line, b'=');
        Some(Field { key: Name::new(key), value: Name::new(value.unwrap_or_default()) })
    }
}

impl FusedIterator for Fields<'_> {}

/// What stands before and after the first `byte`.
pub(crate) fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |found| *found == byte);
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Builder;

    fn pairs(data: &[u8]) -> Vec<(String, String)> {
        Modinfo::new(data).iter().map(|field| (field.key.to_string(), field.value.to_string())).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn fields_tolerate_padding_and_a_missing_end() {
        let data = b"\0\0a=1\0\0\0\0b=x=y\0flag\0=v\0last=";
        let want = [pair("a", "1"), pair("b", "x=y"), pair("flag", ""), pair("", "v"), pair("last", "")];
        assert_eq!(pairs(data), want);
        assert_eq!(pairs(b""), []);
        assert_eq!(pairs(b"\0\0"), []);
    }

    #[test]
    fn get_takes_the_first_and_get_all_every_one() {
        let info = Modinfo::new(b"alias=a\0license=GPL\0alias=b\0aliases=c\0");
        assert_eq!(info.get("alias"), Some("a".into()));
        assert_eq!(info.aliases().collect::<Vec<_>>(), [Name::from("a"), Name::from("b")]);
        assert_eq!((info.get("ali"), info.license()), (None, Some("GPL".into())));
    }

    #[test]
    fn helpers_know_their_fields() {
        let info = Modinfo::new(b"depends=a,,b\0vermagic=6.1.0 SMP mod_unload \0intree=Y\0import_ns=NS\0");
        assert_eq!(info.depends().collect::<Vec<_>>(), [Name::from("a"), Name::from("b")]);
        assert_eq!((info.release(), info.is_intree()), (Some("6.1.0".into()), true));
        assert_eq!(info.imported_namespaces().next(), Some("NS".into()));
        assert_eq!(Modinfo::new(b"depends=\0").depends().count(), 0);
        assert_eq!(Modinfo::new(b"").release(), None);
    }

    #[test]
    fn of_reads_the_section() {
        let bytes = Builder::module().build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        assert_eq!(Modinfo::of(&elf).name(), Some("hello".into()));
        let bytes = Builder::new().build();
        assert_eq!(Modinfo::of(&Elf::parse("m.ko", &bytes).unwrap()).iter().count(), 0);
    }
}
