//! CPUs as modules see them: their numbers, which are there, what they can do. Counterpart: kernel/cpu.c,
//! arch/x86/kernel/{setup_percpu,cpu/common}.c.

use kabi::{DataExport, DataSize, Field, KPtr, KResult, exports, kexport};
use machine::{access, cpu};
use std::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

exports![cpu_hotplug_disable, cpu_hotplug_enable];

/// Keeps CPUs from coming and going: they never do.
#[kexport(gpl, since = "4.3", header = "linux/cpu.h")]
fn cpu_hotplug_disable() {}

/// Lets CPUs come and go again.
#[kexport(gpl, since = "4.3", header = "linux/cpu.h")]
fn cpu_hotplug_enable() {}

/// `X86_FEATURE_REP_GOOD`, `X86_FEATURE_NOPL` and `X86_FEATURE_ALWAYS` of the word that the kernel fills itself.
const OWN_FEATURES: u32 = 1 << 16 | 1 << 20 | 1 << 21;

static X86: Field = Field::new("cpuinfo_x86", "x86");
static VENDOR: Field = Field::new("cpuinfo_x86", "x86_vendor");
static MODEL: Field = Field::new("cpuinfo_x86", "x86_model");
static STEPPING: Field = Field::new("cpuinfo_x86", "x86_stepping");
static CAPABILITY: Field = Field::new("cpuinfo_x86", "x86_capability");
static VENDOR_ID: Field = Field::new("cpuinfo_x86", "x86_vendor_id");
static MODEL_ID: Field = Field::new("cpuinfo_x86", "x86_model_id");
static CPUID_LEVEL: Field = Field::new("cpuinfo_x86", "cpuid_level");
static CLFLUSH: Field = Field::new("cpuinfo_x86", "x86_clflush_size");
static CACHE_ALIGNMENT: Field = Field::new("cpuinfo_x86", "x86_cache_alignment");
static PHYS_BITS: Field = Field::new("cpuinfo_x86", "x86_phys_bits");
static VIRT_BITS: Field = Field::new("cpuinfo_x86", "x86_virt_bits");

/// A leaf of cpuid; zeros where the processor has none.
fn leaf(number: u32, sub: u32) -> CpuidResult {
    let highest = __cpuid(number & 0xffff_0000).eax;
    if number > highest { CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 } } else { __cpuid_count(number, sub) }
}

/// The words of `x86_capability`, in the order of arch/x86/include/asm/cpufeature.h.
fn capabilities() -> [u32; 20] {
    let (basic, extended) = (leaf(1, 0), leaf(0x8000_0001, 0));
    let seven = leaf(7, 0);
    [
        basic.edx,
        extended.edx,
        0,
        OWN_FEATURES,
        basic.ecx,
        0,
        extended.ecx,
        0,
        0,
        seven.ebx,
        leaf(0xd, 1).eax,
        0,
        leaf(7, 1).eax,
        leaf(0x8000_0008, 0).ebx,
        leaf(6, 0).eax,
        leaf(0x8000_000a, 0).edx,
        seven.ecx,
        leaf(0x8000_0007, 0).ebx,
        seven.edx,
        leaf(0x8000_001f, 0).eax,
    ]
}

/// Family, model and stepping of leaf 1.
fn signature(eax: u32) -> (u8, u8, u8) {
    let family = eax >> 8 & 0xf;
    let model = eax >> 4 & 0xf;
    let full_model = if family == 6 || family == 15 { model | (eax >> 16 & 0xf) << 4 } else { model };
    let full_family = if family == 15 { family + (eax >> 20 & 0xff) } else { family };
    (full_family as u8, full_model as u8, (eax & 0xf) as u8)
}

/// `X86_VENDOR_*`.
fn vendor(name: &[u8]) -> u8 {
    match name {
        b"GenuineIntel" => 0,
        b"AuthenticAMD" => 2,
        b"HygonGenuine" => 9,
        b"  Shanghai  " => 10,
        b"CentaurHauls" => 5,
        _ => 0xff,
    }
}

/// The registers of leaves as text.
fn text(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn fill_cpu(addr: u64, _number: usize) -> KResult {
    let cpu = KPtr::<()>::new(addr);
    let zero = leaf(0, 0);
    let name = text([zero.ebx, zero.edx, zero.ecx]);
    let (family, model, stepping) = signature(leaf(1, 0).eax);
    X86.put(cpu, family)?;
    MODEL.put(cpu, model)?;
    STEPPING.put(cpu, stepping)?;
    VENDOR.put(cpu, vendor(&name))?;
    access::write(VENDOR_ID.of(cpu)?.addr(), &name)?;
    let model_id = (0x8000_0002..=0x8000_0004u32).flat_map(|n| {
        let l = leaf(n, 0);
        [l.eax, l.ebx, l.ecx, l.edx]
    });
    access::write(MODEL_ID.of(cpu)?.addr(), &text(model_id))?;
    CPUID_LEVEL.put(cpu, zero.eax)?;
    let line = (leaf(1, 0).ebx >> 8 & 0xff) * 8;
    CLFLUSH.put(cpu, line as u16)?;
    CACHE_ALIGNMENT.put(cpu, line)?;
    let bits = leaf(0x8000_0008, 0).eax;
    PHYS_BITS.put(cpu, bits as u8)?;
    VIRT_BITS.put(cpu, (bits >> 8) as u8)?;
    let words = CAPABILITY.of(cpu)?;
    (0..).zip(capabilities()).try_for_each(|(i, word)| words.put(4 * i, word))
}

/// A mask with a bit for every CPU.
fn fill_mask(addr: u64, _: usize) -> KResult {
    let words = KPtr::<()>::new(addr);
    for number in 0..cpu::count() as u64 {
        let at = number / 64 * 8;
        words.put(at, words.get::<u64>(at)? | 1 << (number % 64))?;
    }
    Ok(())
}

fn fill_count(addr: u64, _: usize) -> KResult {
    Ok(access::put(addr, cpu::count() as u32)?)
}

const fn mask(names: &'static [&'static str], doc: &'static str) -> DataExport {
    DataExport { names, size: DataSize::Struct("cpumask"), percpu: false, gpl: false, init: fill_mask, doc }
}

const fn count(names: &'static [&'static str], doc: &'static str) -> DataExport {
    DataExport { names, size: DataSize::Bytes(4), percpu: false, gpl: false, init: fill_count, doc }
}

const fn info(names: &'static [&'static str], percpu: bool, doc: &'static str) -> DataExport {
    DataExport { names, size: DataSize::Struct("cpuinfo_x86"), percpu, gpl: false, init: fill_cpu, doc }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[
    mask(&["__cpu_possible_mask"], "CPUs that can be there: all that the instance has."),
    mask(&["__cpu_present_mask"], "CPUs that are there: all that the instance has."),
    mask(&["__cpu_online_mask"], "CPUs that run: all that the instance has."),
    mask(&["__cpu_active_mask"], "CPUs that take tasks: all that the instance has."),
    count(&["nr_cpu_ids"], "One more than the highest number of a CPU."),
    count(&["__num_online_cpus"], "How many CPUs run."),
    info(&["boot_cpu_data"], false, "What the host's processor is and can do, as cpuid tells programs."),
    info(&["cpu_info"], true, "What each CPU is and can do: they are all the host's."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_decoded_with_their_extensions() {
        assert_eq!(signature(0x000_306c3), (6, 0x3c, 3));
        assert_eq!(signature(0x00a2_0f12), (0x19, 0x21, 2));
        assert_eq!(signature(0x0000_0543), (5, 4, 3));
    }

    #[test]
    fn this_processor_has_what_every_one_has() {
        let words = capabilities();
        // SSE2, and what the kernel sets itself.
        assert_eq!((words[0] >> 26 & 1, words[3] >> 21 & 1), (1, 1));
    }
}
