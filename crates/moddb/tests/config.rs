//! The configuration beside what Debian's `modprobe -c` reads.

use moddb::config::{Complaint, Config};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A release of which modules are installed.
fn release() -> String {
    let folders = std::fs::read_dir("/lib/modules").expect("no /lib/modules: install linux-image-amd64");
    let known = folders.flatten().find(|folder| folder.path().join("modules.softdep").exists());
    known.expect("no kernel's modules are installed").file_name().into_string().unwrap()
}

/// What both show, and whom they complain of, for configuration from a place (nothing: the machine's own).
fn compare(place: Option<&Path>) {
    let release = release();
    let mut kmod = Command::new("/usr/sbin/modprobe");
    kmod.args(["-c", "-S", &release]);
    if let Some(place) = place {
        kmod.arg("-C").arg(place);
    }
    let said = kmod.output().expect("kmod is not installed");
    let out = String::from_utf8(said.stdout).unwrap();
    let want = out.split("\n# End of configuration files").next().unwrap();
    let sources: Vec<PathBuf> = place.map(Path::to_owned).into_iter().collect();
    let (mut config, complaints) = Config::read(&sources, &Path::new("/lib/modules").join(&release));
    config.parse_command_line(&std::fs::read("/proc/cmdline").unwrap());
    assert_eq!(String::from_utf8(config.show()).unwrap(), want, "{place:?}");
    let theirs: Vec<String> = String::from_utf8(said.stderr).unwrap().lines().map(ending).collect();
    let ours: Vec<String> = complaints.iter().map(|(file, complaint)| words(file, complaint)).collect();
    assert_eq!(ours, theirs, "{place:?}");
}

/// A message of libkmod without the place in its source.
fn ending(line: &str) -> String {
    line.split_once("kmod_config_parse: ").map_or(line, |(_, rest)| rest).to_owned()
}

fn words(file: &Path, complaint: &Complaint) -> String {
    let file = file.display();
    match complaint {
        Complaint::Deprecated { command } => {
            format!("{file}: command {} is deprecated and not parsed anymore", command.escape_ascii())
        }
        Complaint::BadLine { line, command } => {
            format!("{file} line {line}: ignoring bad line starting with '{}'", command.escape_ascii())
        }
        other => format!("{file}: {other:?}"),
    }
}

#[test]
fn the_machine_s_configuration_is_read_alike() {
    compare(None);
}

#[test]
fn every_form_of_a_line_is_read_alike() {
    let file = std::env::temp_dir().join(format!("moddb-config-{}.conf", std::process::id()));
    for text in [
        "alias a-b c-d extra\nblacklist x-y z\noptions  m-n   a=1\tb=2 \\\n  c=3  \n",
        "   softdep s-s pre: a  b post: c\nsoftdep t post:\nsoftdep u a b\nsoftdep v pre:\ta\tpre: b post: c post: d\n",
        "install i-i  /bin/true  $CMDLINE_OPTS\nremove r  cmd\ninclude foo\nconfig x\nbogus line\nalias only\n",
        "# comment\n #indented\n\n\\\nblacklist after\nblacklist [a-b]-c\nalias x[ y\nblacklist a]\n",
        "options m\noptions m \noptions m  \ninstall i\ninstall i \nremove\nblacklist\nsoftdep s\nsoftdep s \n",
        "blacklist one \\\n two\nblack\\\nlist three\n#comment \\\nblacklist four\nblacklist five",
        "options m a=\\\"x\\\" b=\\\\\nblacklist \\\n\\\n",
        "alias\ta\tb\n\tblacklist\tq\n\t\n  \noptions\tx\ty=1\tz=2\n",
    ] {
        std::fs::write(&file, text).unwrap();
        compare(Some(&file));
    }
    std::fs::remove_file(&file).unwrap();
}
