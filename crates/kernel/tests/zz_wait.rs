mod common;
use common::Kernel;
#[test]
fn w() {
    std::fs::create_dir_all("/tmp/lkm-accept-build-svc/w").unwrap();
    std::fs::copy("/tmp/svcmod/waiters.ko", "/tmp/lkm-accept-build-svc/w/waiters.ko").unwrap();
    let kernel = Kernel::of_case("svc", "w");
    kernel.load(&["waiters"]);
    let k2 = kernel;
    k2.unload(&["waiters"]);
    println!("{}", k2.log());
}
