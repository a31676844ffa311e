//! `lsmod` of modutils. Counterpart: insmod/lsmod.c of modutils 2.4.27; lsmod(8).

use super::Messages;
use super::kernel::{Kernel, Module};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use supervisor::Calls;
use wire::legacy::flag;

const SPEC: Spec = Spec { short: "Vh", long: &[("version", Arg::No, 'V'), ("help", Arg::No, 'h')] };

const USAGE: &str = "\
Usage:
lsmod [-Vh]

 -V, --version    Print the release version
 -h, --help       Print this message
";

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    if let Some(option) = parser.next_option() {
        match option {
            Opt::Known('V', _) => tell!("lsmod version {}", super::VERSION),
            _ => tell_part!("{USAGE}"),
        }
        return Ok(u8::from(option == Opt::Bad));
    }
    let mut messages = Messages::new("lsmod");
    let client = match super::connect("lsmod") {
        Ok(client) => client,
        Err(error) => {
            tell!("{error}");
            return Ok(1);
        }
    };
    let tainted = client.read_file("/proc/sys/kernel/tainted").ok();
    let tainted = tainted.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
    let mut text = heading(tainted);
    if !rustix::process::getuid().is_root() {
        // modutils asks the kernel as root only.
        text +=
            &client.read_file("/proc/modules").map_or_else(|_| String::new(), |t| String::from_utf8_lossy(&t).into());
        return Ok(output::print("lsmod", &text));
    }
    match Kernel(&client).modules() {
        Ok(modules) => text.extend(modules.iter().map(row)),
        Err(error) => messages.error(&format!("query_module: {}", error.text())),
    }
    let status = output::print("lsmod", &text);
    Ok(status.max(u8::from(messages.errors > 0)))
}

fn heading(tainted: Option<u64>) -> String {
    let letter = |tainted: u64, bit: u64, yes, no| if tainted & bit != 0 { yes } else { no };
    let state = match tainted {
        None => String::new(),
        Some(0) => "Not tainted".into(),
        Some(t) => format!("Tainted: {}{}{}", letter(t, 1, 'P', 'G'), letter(t, 2, 'F', ' '), letter(t, 4, 'S', ' ')),
    };
    format!("Module                  Size  Used by    {state}\n")
}

fn row(module: &Module) -> String {
    let Module { name, size, flags, usecount, refs, .. } = module;
    let state = match *flags {
        flags if flags & flag::DELETED != 0 => " (deleted)",
        flags if flags & flag::INITIALIZING != 0 => " (initializing)",
        flags if flags & flag::RUNNING == 0 => " (uninitialized)",
        flags => match (flags & flag::AUTOCLEAN != 0, flags & flag::USED_ONCE != 0) {
            (true, true) => " (autoclean)",
            (true, false) => " (autoclean) (unused)",
            (false, true) => "",
            (false, false) => " (unused)",
        },
    };
    let users = if refs.is_empty() { String::new() } else { format!(" [{}]", refs.join(" ")) };
    format!("{name:<20}{size:>8}{usecount:>4} {state}{users}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, size: u64, usecount: i64, flags: u64, refs: &[&str]) -> String {
        let refs = refs.iter().map(|r| (*r).to_owned()).collect();
        row(&Module { name: name.into(), addr: 0, size, flags, usecount, refs })
    }

    // Lines that people sent to linux-kernel in 2001 and 2002 (lsmod of modutils 2.4.x): `pwc` on 2002-03-05, `vfat` and
    // `fat` on 2001-12-02, `hisax` and `isdn`; some mailers cut the blank at a line's end.
    #[test]
    fn rows_are_those_of_the_time() {
        let used = flag::RUNNING | flag::USED_ONCE;
        assert_eq!(shown("eepro100", 17520, 1, used, &[]), "eepro100               17520   1 \n");
        assert_eq!(shown("md", 43712, 0, flag::RUNNING, &[]), "md                     43712   0  (unused)\n");
        assert_eq!(shown("soundcore", 3428, 8, used, &["audio"]), "soundcore               3428   8  [audio]\n");
        assert_eq!(
            shown("fat", 29304, 0, used | flag::AUTOCLEAN, &["vfat"]),
            "fat                    29304   0  (autoclean) [vfat]\n"
        );
        assert_eq!(
            shown("iptable_mangle", 2016, 0, flag::RUNNING | flag::AUTOCLEAN, &[]),
            "iptable_mangle          2016   0  (autoclean) (unused)\n"
        );
        assert_eq!(
            shown("scsi_mod", 91384, 3, used, &["sd_mod", "ide-scsi", "ncr53c8xx"]),
            "scsi_mod               91384   3  [sd_mod ide-scsi ncr53c8xx]\n"
        );
        assert_eq!(shown("x", 1, 1, flag::INITIALIZING, &[]), "x                          1   1  (initializing)\n");
        assert_eq!(shown("x", 1, 0, 0, &[]), "x                          1   0  (uninitialized)\n");
    }

    #[test]
    fn the_heading_tells_of_taints() {
        assert_eq!(heading(Some(1)), "Module                  Size  Used by    Tainted: P  \n");
        assert_eq!(heading(Some(3)), "Module                  Size  Used by    Tainted: PF \n");
        assert_eq!(heading(Some(2)), "Module                  Size  Used by    Tainted: GF \n");
        assert_eq!(heading(Some(0)), "Module                  Size  Used by    Not tainted\n");
    }
}
