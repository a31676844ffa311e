//! Packed files: cut short, with single bits turned, and such as unpack to far more than any module has.

use crate::cases::{Case, Change};
use std::io::Write;
use std::process::{Command, Stdio};

const PROGRAMS: [&str; 3] = ["gzip", "xz", "zstd"];

fn pack(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    let mut child = command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let child = child.as_mut().unwrap_or_else(|e| panic!("{program}: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let mut out = Vec::new();
    std::io::Read::read_to_end(child.stdout.as_mut().unwrap(), &mut out).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success(), "{program}");
    out
}

/// All damages to a module packed in each way; they do not need the unpacked file.
pub fn all(name: &str, bytes: &[u8]) -> Vec<Case> {
    let mut out = Vec::new();
    for program in PROGRAMS {
        let packed = pack(program, bytes);
        let case = |what: String, bytes: Vec<u8>, must_fail| Case {
            name: format!("{name} {program} {what}"),
            change: Change::Whole(bytes),
            must_fail,
        };
        out.push(case("as it is".to_string(), packed.clone(), false));
        out.extend((0..packed.len()).step_by(64).map(|end| Case {
            // An empty file, and one of which only a part of the magic is there, is refused like every other.
            must_fail: end % 4096 == 0,
            ..case(format!("cut at {end}"), packed[..end].to_vec(), true)
        }));
        for at in (0..packed.len()).step_by(packed.len() / 997 + 1) {
            let mut bytes = packed.clone();
            bytes[at] ^= 1 << (at % 8);
            out.push(case(format!("bit {} of byte {at} turned", at % 8), bytes, false));
        }
        // 300 MiB of zeros.
        out.push(case("bomb".to_string(), pack(program, &vec![0; 300 << 20]), true));
    }
    out
}
