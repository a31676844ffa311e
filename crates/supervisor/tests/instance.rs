//! Boot, call, shutdown, and what callers see when the kernel process ends.

mod common;

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use supervisor::{Calls, Config, Death, Error, Exit, Instance};

fn boot() -> (Instance, Arc<Mutex<Vec<u8>>>) {
    let text = Arc::new(Mutex::new(Vec::new()));
    let sink = text.clone();
    let console = Box::new(move |bytes: &[u8]| sink.lock().unwrap().extend_from_slice(bytes));
    (Instance::boot(Config { console }, common::kernel_main).unwrap(), text)
}

fn file(content: &str) -> std::fs::File {
    let memfd = rustix::fs::memfd_create("module", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = std::fs::File::from(memfd);
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn a_module_is_loaded_listed_and_unloaded() {
    let (instance, console) = boot();
    let kernel = instance.as_self();
    kernel.init_module(file("module x\n").as_fd(), b"a=1", 0, Some("x.ko")).unwrap();
    assert_eq!(*console.lock().unwrap(), b"x: hello, a=1\n", "the console comes before the answer");
    assert_eq!(kernel.read_file("/proc/modules").unwrap(), b"x 16384 0 - Live 0x0000000000000000\n");
    assert_eq!(kernel.init_module(file("module x\n").as_fd(), b"", 0, None).unwrap_err().errno(), common::EEXIST);
    assert_eq!(kernel.init_module(file("ELF").as_fd(), b"", 0, None).unwrap_err().errno(), common::ENOEXEC);
    assert!(matches!(
        kernel.init_module(file("module oops\n").as_fd(), b"", 0, None),
        Err(Error::Killed { signal: 9 })
    ));
    kernel.delete_module(b"x", 0).unwrap();
    assert_eq!(kernel.delete_module(b"x", 0).unwrap_err().to_string(), "No such file or directory (os error 2)");
    assert_eq!(kernel.syslog(10, 0).unwrap(), (4096, Vec::new()));
    assert_eq!(kernel.syslog(3, 100).unwrap(), (23, b"<6>[    0.000000] mock\n".to_vec()));
    assert_eq!(kernel.report().unwrap().oopses, 7);
    instance.shutdown().unwrap();
    assert!(console.lock().unwrap().ends_with(b"x: goodbye\nthe end\n"));
}

#[test]
fn many_threads_call_at_once() {
    let (instance, _) = boot();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let instance = &instance;
            scope.spawn(move || {
                for round in 0..50 {
                    let kernel = instance.as_self();
                    let name = format!("m{thread}_{round}");
                    kernel.init_module(file(&format!("module {name}\n")).as_fd(), b"", 0, None).unwrap();
                    kernel.delete_module(name.as_bytes(), 0).unwrap();
                }
            });
        }
    });
    instance.shutdown().unwrap();
}

#[test]
fn waiting_calls_fail_when_the_kernel_process_is_killed() {
    let (instance, _) = boot();
    let pid = instance.kernel_pid();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| instance.as_self().read_file("/proc/sleep"))).collect();
        instance.as_self().read_file("/proc/modules").unwrap();
        let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        for waiter in waiting {
            let error = waiter.join().unwrap().unwrap_err();
            assert_eq!(error.to_string(), "the instance's kernel process was killed by SIGKILL");
        }
    });
    assert!(matches!(instance.as_self().read_file("/proc/modules"), Err(Error::Died(_))));
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "a zombie stayed");
    assert!(matches!(instance.shutdown(), Err(Error::Died(_))));
}

#[test]
fn the_reason_of_death_is_told() {
    for (path, death) in [
        ("/proc/abort", Death { exit: Some(Exit::Signal(6)), bug: None }),
        ("/proc/bug", Death { exit: Some(Exit::Code(125)), bug: Some("a mistake of ours".into()) }),
    ] {
        let (instance, _) = boot();
        let Err(Error::Died(told)) = instance.as_self().read_file(path) else { panic!("{path} was survived") };
        assert_eq!(told, death);
        assert_eq!(instance.death(), Some(death));
    }
    let (instance, _) = boot();
    let error = instance.as_self().read_file("/proc/garbage").unwrap_err().to_string();
    assert!(error.contains("SIGKILL: malformed frame"), "{error}");
}

#[test]
fn a_panic_ends_the_child_and_nothing_else() {
    let mut config = Config::stderr();
    config.console = Box::new(|_| {});
    let instance = Instance::boot(config, |_| panic!("on purpose")).unwrap();
    let error = instance.as_self().read_file("/proc/modules").unwrap_err().to_string();
    assert_eq!(error, "the instance's kernel process exited with status 101");
}

#[test]
fn dropping_an_instance_leaves_no_process() {
    let (instance, _) = boot();
    let path = format!("/proc/{}", instance.kernel_pid());
    assert!(std::path::Path::new(&path).exists());
    drop(instance);
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn tools_outside_reach_it_through_a_socket() {
    use std::os::unix::fs::PermissionsExt;
    use supervisor::client::connect_to;
    let (instance, _) = boot();
    let path = std::env::temp_dir().join(format!("lkm-socket-{}", std::process::id()));
    assert!(connect_to(&path).unwrap().is_none());
    let socket = instance.listen(&path).unwrap();
    assert!(instance.listen(&path).is_err(), "two sockets of one name");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let client = connect_to(&path).unwrap().unwrap();
    client.init_module(file("module x\n").as_fd(), b"", 0, None).unwrap();
    assert_eq!(client.read_file("/proc/modules").unwrap(), b"x 16384 0 - Live 0x0000000000000000\n");
    let caller = String::from_utf8(client.read_file("/proc/caller").unwrap()).unwrap();
    assert!(caller.contains(&format!("pid: {}", std::process::id())) && caller.contains("uid: 0"), "{caller}");
    client.call(wire::Call::Shutdown, &[]).unwrap();
    drop(socket);
    assert!(connect_to(&path).unwrap().is_none());
    drop(instance);
}
