//! Everything that lkm itself offers to modules: the lists of all files, in one place.

use crate::{
    base, chrdev, cpu, crypto, debugfs, dma, fault, fpu, init, jump_label, klib, kprobes, livepatch, locking, log, mm,
    module, notifier, paravirt, proc_fs, random, rcu, sched, softirq, static_call, time, trace, vfs, workqueue,
};
use kabi::{DataExport, Export};

/// All functions.
pub fn functions() -> impl Iterator<Item = &'static Export> {
    let lists: Vec<&'static [&'static Export]> = vec![
        base::core::EXPORTS,
        base::devres::EXPORTS,
        base::devres_nodes::EXPORTS,
        base::driver::EXPORTS,
        base::swnode::EXPORTS,
        chrdev::cdev::EXPORTS,
        chrdev::misc::EXPORTS,
        chrdev::numbers::EXPORTS,
        cpu::EXPORTS,
        crypto::algapi::EXPORTS,
        debugfs::EXPORTS,
        debugfs::attribute::EXPORTS,
        debugfs::values::EXPORTS,
        dma::EXPORTS,
        fault::EXPORTS,
        fpu::EXPORTS,
        jump_label::EXPORTS,
        klib::bitmap::EXPORTS,
        klib::bitmap_find::EXPORTS,
        klib::bitmap_more::EXPORTS,
        klib::bitmap_text::EXPORTS,
        klib::cmdline::EXPORTS,
        klib::crc::EXPORTS,
        klib::dynamic_debug::EXPORTS,
        klib::fortify::EXPORTS,
        klib::glob::EXPORTS,
        klib::hash::EXPORTS,
        klib::hexdump::EXPORTS,
        klib::hexdump_lines::EXPORTS,
        klib::ida::EXPORTS,
        klib::idr::EXPORTS,
        klib::interval_tree::EXPORTS,
        klib::iov_iter::EXPORTS,
        klib::iov_iter::copy::EXPORTS,
        klib::iov_iter::folios::EXPORTS,
        klib::kfifo::EXPORTS,
        klib::kstrtox::EXPORTS,
        klib::linear_ranges::EXPORTS,
        klib::list::EXPORTS,
        klib::list_sort::EXPORTS,
        klib::lz4::EXPORTS,
        klib::maple::advanced::EXPORTS,
        klib::maple::simple::EXPORTS,
        klib::math::EXPORTS,
        klib::misc::EXPORTS,
        klib::nls::EXPORTS,
        klib::once::EXPORTS,
        klib::parser::EXPORTS,
        klib::percpu_counter::EXPORTS,
        klib::prandom::EXPORTS,
        klib::radix_tree::EXPORTS,
        klib::rbtree::EXPORTS,
        klib::refcount::EXPORTS,
        klib::rhashtable::EXPORTS,
        klib::rhashtable::jhash::EXPORTS,
        klib::rhashtable::walk::EXPORTS,
        klib::simple::EXPORTS,
        klib::sort::EXPORTS,
        klib::sprintf::EXPORTS,
        klib::string::EXPORTS,
        klib::string_helpers::EXPORTS,
        klib::usercopy::EXPORTS,
        klib::uuid::EXPORTS,
        klib::xarray::api::EXPORTS,
        klib::xarray::state::EXPORTS,
        kprobes::EXPORTS,
        livepatch::EXPORTS,
        locking::mutex::EXPORTS,
        locking::rwlock::EXPORTS,
        locking::rwsem::EXPORTS,
        locking::semaphore::EXPORTS,
        locking::spinlock::EXPORTS,
        log::EXPORTS,
        mm::kmem_cache::EXPORTS,
        mm::maccess::EXPORTS,
        mm::mempool::EXPORTS,
        mm::page_alloc::EXPORTS,
        mm::page_frag::EXPORTS,
        mm::usercopy::EXPORTS,
        mm::percpu::EXPORTS,
        mm::slab::EXPORTS,
        mm::slab_common::EXPORTS,
        mm::uaccess::EXPORTS,
        mm::util::EXPORTS,
        mm::vmalloc::EXPORTS,
        module::kmod::EXPORTS,
        module::notify::EXPORTS,
        module::param_ops::EXPORTS,
        module::params::EXPORTS,
        module::refs::EXPORTS,
        notifier::EXPORTS,
        proc_fs::EXPORTS,
        random::EXPORTS,
        rcu::EXPORTS,
        rcu::srcu::EXPORTS,
        sched::completion::EXPORTS,
        sched::core::EXPORTS,
        sched::identity::EXPORTS,
        sched::kthread::EXPORTS,
        sched::signal::EXPORTS,
        sched::wait::EXPORTS,
        softirq::tasklet::EXPORTS,
        static_call::EXPORTS,
        time::delay::EXPORTS,
        time::hrtimer::EXPORTS,
        time::jiffies::EXPORTS,
        time::timekeeping::EXPORTS,
        time::timer::EXPORTS,
        trace::printk::EXPORTS,
        vfs::libfs::EXPORTS,
        vfs::seq_open::EXPORTS,
        vfs::seq_list::EXPORTS,
        vfs::seq_text::EXPORTS,
        workqueue::delayed::EXPORTS,
        workqueue::queue::EXPORTS,
        workqueue::work::EXPORTS,
    ];
    lists.into_iter().flatten().copied()
}

/// All variables.
pub fn data() -> impl Iterator<Item = &'static DataExport> {
    let lists: Vec<&'static [DataExport]> = vec![
        cpu::DATA,
        init::DATA,
        klib::hexdump::DATA,
        klib::misc::DATA,
        klib::percpu_counter::DATA,
        klib::uuid::DATA,
        log::DATA,
        mm::page_alloc::DATA,
        mm::percpu::DATA,
        mm::uaccess::DATA,
        paravirt::DATA,
        mm::slab_common::DATA,
        module::param_ops::DATA,
        sched::identity::DATA,
        time::jiffies::DATA,
        workqueue::queue::DATA,
    ];
    lists.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_exported_once() {
        let mut seen = HashSet::new();
        for name in functions().flat_map(|e| e.names).chain(data().flat_map(|d| d.names)) {
            assert!(seen.insert(name), "{name} is exported twice");
        }
    }
}
