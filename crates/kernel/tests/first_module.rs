//! A real module in this process: needs Debian's kernel image, and a module of the distribution.

use kernel::module::load::{Request, init_module};
use kernel::{Config, boot, log, module, sched};
use loader::Flags;

#[test]
fn crc16_of_the_distribution_is_loaded_and_unloaded() {
    let options = abi::Options::default();
    let release = abi::newest("6.1", &options).expect("linux-image-amd64 (6.1) is installed");
    let profile = abi::Profile::for_release(&release, &options).unwrap();
    boot(Config::new(profile)).unwrap();
    let task = sched::Task::attach().unwrap();
    let file = std::env::var("KO").unwrap_or(format!("/lib/modules/{release}/kernel/lib/crc16.ko"));
    let image = kofile::Image::open(&file).unwrap();
    let request =
        Request { file: &file, bytes: image.bytes(), params: Ok(b""), flags: Flags(0), path: Some(file.clone()) };
    let caller = wire::Caller { pid: 7, tid: 7, comm: "insmod".into(), ..wire::Caller::default() };
    let result = task.run(&caller, || init_module(&request));
    let names: Vec<_> = module::all().iter().map(|m| m.name().to_string()).collect();
    println!("{result:?} {names:?}");
    for name in &names {
        println!("{:?}", task.run(&caller, || module::unload::delete_module(name, 0)));
    }
    if let wire::Answer::Data(data) = log::syslog(&caller, 3, 1 << 20) {
        println!("{}", String::from_utf8_lossy(&data));
    }
    result.unwrap();
}
