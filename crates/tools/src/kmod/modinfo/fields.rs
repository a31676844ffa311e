//! The fields of one module, in the order in which modinfo shows them.

use kofile::{Modinfo, signature};
use rustix::io::Errno;

/// Bytes of a signature on a line.
const SIGNATURE_LINE: usize = 20;

/// A key and its value, as bytes that are text in practice.
pub type Field = (Vec<u8>, Vec<u8>);

/// The fields of `.modinfo` in the order of the file, then those of the signature.
pub fn of_file(info: &[u8], tail: &[u8]) -> Vec<Field> {
    let fields = Modinfo::new(info);
    let mut all: Vec<Field> = fields.iter().map(|f| (f.key.as_bytes().to_vec(), f.value.as_bytes().to_vec())).collect();
    all.extend(of_signature(tail));
    all
}

/// The fields of a signature; none if there is none, or one that cannot be read.
fn of_signature(tail: &[u8]) -> Vec<Field> {
    let Ok((_, Some(signature))) = signature::split(tail) else { return Vec::new() };
    let Ok(details) = signature.details() else { return Vec::new() };
    let Some(hash) = details.hash_algorithm else { return Vec::new() };
    let field = |key: &str, value: &[u8]| (key.as_bytes().to_vec(), value.to_vec());
    vec![
        field("sig_id", details.id.as_bytes()),
        field("signer", details.signer.unwrap_or_default().as_bytes()),
        field("sig_key", &hex(details.key, usize::MAX)),
        field("sig_hashalgo", hash.as_bytes()),
        field("signature", &hex(details.signature, SIGNATURE_LINE)),
    ]
}

/// Bytes with colons between them, on lines of `per_line` of which all but the first are indented.
fn hex(bytes: &[u8], per_line: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 3 + bytes.len() / 6);
    for line in bytes.chunks(per_line) {
        if !text.is_empty() {
            text.extend_from_slice(b"\n\t\t");
        }
        line.iter().for_each(|byte| text.extend_from_slice(&[digit(byte >> 4), digit(byte & 15), b':']));
    }
    text.pop();
    text
}

/// A hexadecimal digit.
fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

/// The fields of a module that is built in, from `modules.builtin.modinfo`; `ENOENT` if it says nothing of it.
pub fn of_builtin(list: &[u8], name: &[u8]) -> Result<Vec<Field>, Errno> {
    let lines = list.split(|byte| *byte == 0).filter_map(|line| line.strip_prefix(name)?.strip_prefix(b"."));
    let split = |line: &[u8]| {
        let end = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        (line.get(..end).unwrap_or_default().to_vec(), line.get(end + 1..).unwrap_or_default().to_vec())
    };
    let all: Vec<Field> = lines.map(split).collect();
    if all.is_empty() { Err(Errno::NOENT) } else { Ok(all) }
}

/// A parameter: its description and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What `parm` says of it.
    pub text: Option<&'a [u8]>,
    /// What `parmtype` says.
    pub kind: Option<&'a [u8]>,
}

/// The parameters: `parm` and `parmtype` merged by name, the one that came last first. Also the fields that name none.
pub fn params(fields: &[Field]) -> (Vec<Param<'_>>, Vec<&Field>) {
    let (mut all, mut wrong): (Vec<Param<'_>>, _) = (Vec::new(), Vec::new());
    for field in fields.iter().filter(|(key, _)| is_param(key)) {
        let (key, value) = field;
        let Some(colon) = value.iter().position(|byte| *byte == b':') else {
            wrong.push(field);
            continue;
        };
        let (name, rest) = value.split_at(colon);
        let said = rest.get(1..);
        let known = all.iter().position(|param| param.name == name).unwrap_or_else(|| {
            all.push(Param { name, text: None, kind: None });
            all.len() - 1
        });
        if let Some(param) = all.get_mut(known) {
            *(if key == b"parm" { &mut param.text } else { &mut param.kind }) = said;
        }
    }
    all.reverse();
    (all, wrong)
}

/// Whether a field describes a parameter.
pub fn is_param(key: &[u8]) -> bool {
    key == b"parm" || key == b"parmtype"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_merged_and_reversed() {
        let fields = of_file(b"parmtype=a:int\0parm=b:text\0parm=a:one: two\0parm=bad\0", b"");
        let (all, wrong) = params(&fields);
        let want = [
            Param { name: b"b", text: Some(b"text"), kind: None },
            Param { name: b"a", text: Some(b"one: two"), kind: Some(b"int") },
        ];
        assert_eq!((all.as_slice(), wrong.len()), (&want[..], 1));
    }

    #[test]
    fn a_built_in_module_has_its_own_fields_only() {
        let list = b"a.license=GPL\0ab.license=MIT\0a.parm=x:y=z\0";
        let field = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        assert_eq!(of_builtin(list, b"a").unwrap(), [field(b"license", b"GPL"), field(b"parm", b"x:y=z")]);
        assert_eq!(of_builtin(list, b"b"), Err(Errno::NOENT));
    }

    #[test]
    fn long_hex_is_wrapped() {
        assert_eq!(hex(&[1, 2, 0xab], 2), b"01:02:\n\t\tAB");
        assert_eq!(hex(&[1, 2, 3, 4], 2), b"01:02:\n\t\t03:04");
        assert_eq!(hex(&[], 2), b"");
    }
}
