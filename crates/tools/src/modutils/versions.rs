//! Symbol names with versions (`printk_R1b7d4074`). Counterpart: `ncv_strcmp` and `set_ncv_prefix` of insmod/insmod.c.

/// How names are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// Kernel and module both have versions, or neither has: names are what they are.
    Exact,
    /// One of them has none: a version counts only where both names carry one.
    WithoutVersion {
        /// What stands between `_R` and the number.
        prefix: String,
    },
}

/// Hexadecimal digits of a version.
const DIGITS: usize = 8;

/// A name without its version, if it has one with this prefix.
pub fn stripped<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let (rest, _) = name.split_at_checked(name.len().checked_sub(DIGITS)?)?;
    rest.strip_suffix(prefix)?.strip_suffix("_R")
}

impl Compare {
    /// Whether two names are the same symbol.
    pub fn same(&self, a: &str, b: &str) -> bool {
        match self {
            _ if a == b => true,
            Self::Exact => false,
            Self::WithoutVersion { prefix } => stripped(a, prefix) == Some(b) || stripped(b, prefix) == Some(a),
        }
    }
}

/// The prefix of the kernel's versions, from a symbol that every kernel has.
pub fn prefix<'n>(mut names: impl Iterator<Item = &'n str>) -> String {
    let of = |name: &'n str| {
        let rest = ["get_module_symbol_R", "inter_module_get_R"].iter().find_map(|known| name.strip_prefix(known))?;
        let (prefix, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
        digits.bytes().all(|c| c.is_ascii_hexdigit()).then(|| prefix.to_owned())
    };
    names.find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    // insmod/insmod.c, ncv_strcmp: lengths differ by exactly the version.
    #[test]
    fn versions_count_only_where_both_have_one() {
        let loose = Compare::WithoutVersion { prefix: String::new() };
        let smp = Compare::WithoutVersion { prefix: "smp_".into() };
        assert!(loose.same("printk", "printk_R1b7d4074") && loose.same("printk_R1b7d4074", "printk"));
        assert!(!loose.same("printk_R1b7d4074", "printk_R00000000"));
        assert!(!loose.same("printk", "printk_R1b7d407") && !loose.same("printk", "printk_X1b7d4074"));
        assert!(!Compare::Exact.same("printk", "printk_R1b7d4074") && Compare::Exact.same("x", "x"));
        assert!(smp.same("printk", "printk_Rsmp_1b7d4074") && !smp.same("printk", "printk_R1b7d4074"));
        assert_eq!(stripped("ü_R1234567", ""), None);
    }

    #[test]
    fn the_prefix_comes_from_a_symbol_that_every_kernel_has() {
        assert_eq!(prefix(["a", "inter_module_get_Rsmp_93aca51e"].into_iter()), "smp_");
        assert_eq!(prefix(["inter_module_get_R93aca51e"].into_iter()), "");
        assert_eq!(prefix(["inter_module_get_Rabcdefgh", "inter_module_get"].into_iter()), "");
    }
}
