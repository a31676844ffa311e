//! Lines of configuration files as kmod reads them (`freadline_wrapped` of `shared/util.c`).

/// The lines of a text, each with the number of its last physical line. A backslash at the end of a line joins the next
/// one to it; anywhere else it is left out, and what follows it counts as it is.
pub fn wrapped(text: &[u8]) -> Vec<(Vec<u8>, u32)> {
    let (mut all, mut line, mut number) = (Vec::new(), Vec::new(), 0u32);
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => {
                number = number.saturating_add(1);
                all.push((std::mem::take(&mut line), number));
            }
            b'\\' => match bytes.next() {
                Some(b'\n') => number = number.saturating_add(1),
                Some(quoted) => line.push(quoted),
                // DIFFERS: kmod adds a byte that is not there to a file that ends with a backslash.
                None => {}
            },
            byte => line.push(byte),
        }
    }
    if !line.is_empty() {
        all.push((line, number.saturating_add(1)));
    }
    all
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

#[test]
fn backslashes_join_lines_or_go_away() {
    let line = |text: &str, number| (text.as_bytes().to_vec(), number);
    assert_eq!(wrapped(b"a \\\nb\nc\\d\\\\\n\ne"), [line("a b", 2), line("cd\\", 3), line("", 4), line("e", 5)]);
    assert_eq!(wrapped(b"x\\"), [line("x", 1)]);
    assert_eq!(wrapped(b""), []);
    assert_eq!(words(b" a\tb  c ").collect::<Vec<_>>(), [&b"a"[..], b"b", b"c"]);
}
