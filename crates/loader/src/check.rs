//! Is this a module for this kernel? Counterpart: `check_modinfo`, `check_modstruct_version` of kernel/module/main.c,
//! kernel/module/version.c.

use crate::refusal::{LogLine, Refusal};
use kabi::errno::ENOEXEC;

/// Flags of `finit_module(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// Symbol versions do not count (`modprobe --force-modversion`).
    pub fn ignore_modversions(self) -> bool {
        self.0 & 1 != 0
    }

    /// The version magic does not count (`modprobe --force-vermagic`).
    pub fn ignore_vermagic(self) -> bool {
        self.0 & 2 != 0
    }
}

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// From `.gnu.linkonce.this_module`.
    pub name: String,
    /// `license=`; none is proprietary.
    pub license: Option<String>,
    /// `vermagic=`.
    pub vermagic: Option<String>,
    /// `version=`.
    pub version: Option<String>,
    /// `srcversion=`.
    pub srcversion: Option<String>,
    /// `intree=Y`: built with the kernel.
    pub in_tree: bool,
    /// `staging=Y`.
    pub staging: bool,
    /// `retpoline=Y`.
    pub retpoline: bool,
    /// `livepatch=Y`.
    pub livepatch: bool,
    /// A signature stands at the end of the file.
    pub signed: bool,
    /// `import_ns=` namespaces.
    pub imported_namespaces: Vec<String>,
    /// Whether the file has symbol versions.
    pub has_versions: bool,
}

impl Identity {
    /// Reads what the file says.
    ///
    /// # Errors
    /// `ENOEXEC` where the kernel refuses the file before it looks at symbols.
    pub fn read(module: &kofile::Module<'_>) -> Result<Self, Refusal> {
        let this = module.this_module()?;
        let info = module.modinfo();
        let text = |key| info.get(key).map(|v| v.to_string());
        Ok(Self {
            name: this.name.to_string(),
            license: text("license"),
            vermagic: text("vermagic"),
            version: text("version"),
            srcversion: text("srcversion"),
            in_tree: info.get("intree").is_some(),
            staging: info.get("staging").is_some(),
            retpoline: info.get("retpoline").is_some(),
            livepatch: info.get("livepatch").is_some(),
            signed: module.signature().is_some(),
            imported_namespaces: info.get_all("import_ns").map(|v| v.to_string()).collect(),
            has_versions: module.elf().section_by_name("__versions").is_some()
                || module.elf().section_by_name("__version_ext_crcs").is_some(),
        })
    }

    /// True if GPL-only symbols are open to it: `license_is_gpl_compatible` of include/linux/license.h.
    pub fn is_gpl_compatible(&self) -> bool {
        const COMPATIBLE: [&str; 6] =
            ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
        self.license.as_deref().is_some_and(|l| COMPATIBLE.contains(&l))
    }
}

/// Compares the version magic with the kernel's.
///
/// Returns whether that makes it a forced load: a module without version magic, or one whose magic shall not count.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn version_magic(identity: &Identity, kernel: &str, flags: Flags) -> Result<bool, Refusal> {
    let Some(magic) = identity.vermagic.as_deref().filter(|_| !flags.ignore_vermagic()) else { return Ok(true) };
    // With symbol versions the release (the first word) does not count.
    let skip =
        |m: &str| if identity.has_versions { m[m.find(' ').unwrap_or(m.len())..].to_string() } else { m.to_string() };
    if skip(magic) == skip(kernel) {
        return Ok(false);
    }
    let line = format!("{}: version magic '{magic}' should be '{kernel}'", identity.name);
    Err(Refusal::logged(ENOEXEC, LogLine::err(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(vermagic: &str, has_versions: bool) -> Identity {
        Identity { name: "m".into(), vermagic: Some(vermagic.into()), has_versions, ..Identity::default() }
    }

    #[test]
    fn with_versions_only_the_options_count() {
        let kernel = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
        let other = "6.1.0-10-amd64 SMP preempt mod_unload modversions ";
        assert_eq!(version_magic(&module(other, true), kernel, Flags(0)), Ok(false));
        let refused = version_magic(&module(other, false), kernel, Flags(0)).unwrap_err();
        assert_eq!(refused.errno, ENOEXEC);
        assert_eq!(refused.log[0].text, format!("m: version magic '{other}' should be '{kernel}'"));
        assert_eq!(version_magic(&module(other, false), kernel, Flags(2)), Ok(true));
        assert!(version_magic(&module("6.1.0-56-amd64 SMP mod_unload ", true), kernel, Flags(0)).is_err());
    }

    #[test]
    fn only_the_listed_licences_are_compatible() {
        let with = |l: &str| Identity { license: Some(l.into()), ..Identity::default() }.is_gpl_compatible();
        assert!(with("Dual MIT/GPL") && with("GPL"));
        assert!(!with("GPL v3") && !with("Proprietary") && !Identity::default().is_gpl_compatible());
    }
}
