//! Random bytes from the host.

/// Fills `to` with random bytes.
///
/// # Panics
/// If the host has no random numbers: no Linux since 3.17 is without.
pub fn fill(to: &mut [u8]) {
    let mut done = 0;
    while done < to.len() {
        let rest = &mut to[done..];
        // SAFETY: the host writes at most `rest.len()` bytes into the live slice `rest`.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => done += got,
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => panic!("getrandom: {}", std::io::Error::last_os_error()),
        }
    }
}
