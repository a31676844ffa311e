//! Names of errnos: `lib/errname.c`, with the numbers of x86-64.

use kabi::Errno;

/// The name of a positive errno, also of those that only the kernel itself uses.
#[must_use]
pub fn errname(errno: u32) -> Option<&'static str> {
    Errno(i32::try_from(errno).ok()?).name()
}

#[test]
fn names_are_found() {
    for (number, name) in [(1, Some("EPERM")), (11, Some("EAGAIN")), (517, Some("EPROBE_DEFER")), (41, None), (0, None)]
    {
        assert_eq!(errname(number), name);
    }
}
