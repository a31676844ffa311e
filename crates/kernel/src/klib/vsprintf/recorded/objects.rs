//! What pointers point to.

use super::Recorder;

pub(super) fn print(r: &mut Recorder) {
    dentries(r);
    resources(r);
    networks(r);
    bits(r);
    bytes(r);
    times(r);
    flags(r);
}

fn dentries(r: &mut Recorder) {
    let names = ["/", "bravo", "alfa", "romeo"].map(|name| r.str(name));
    let mut d: Vec<u64> = Vec::new();
    for name in names {
        // Objects of 64 bytes are 128 apart, so the root can name itself as its parent.
        let here = r.mock.words(&[0; 8]) + 128;
        let parent = d.last().copied().unwrap_or(here);
        d.push(r.mock.words(&[0, 0, 0, parent, 0, name, 0, 0]));
    }
    r.t("%pd|%pd2|%pd3|%pd4", &[d[3]; 4]);
    r.t("%pd|%pd2|%pd4", &[d[0], d[0], d[2]]);
    r.t("%-12pd2|%*pd2|%.3pd|%.7pd3|%-12.7pd3|", &[d[2], 12, d[2], d[3], d[3], d[3]]);
    r.t("%pd|%pd|%pD", &[0, 0xab, 0]);
    r.s(6, "%12pd2", &[d[2]]);
    r.s(1, "%12pd2", &[d[2]]);
    r.s(12, "ab%9pd|", &[d[1]]);
}

fn resources(r: &mut Recorder) {
    let pref = 0x200 | 0x10_0000 | 0x2000 | 0x20_0000 | 0x1000_0000;
    let mut last = 0;
    for (start, end, flags) in [
        (0x1_0000_0000, 0x1_0fff_ffff, pref),
        (5, 5, 0x400),
        (0, 0xff, 0x1000),
        (3, 4, 0x800),
        (0, 0xfff, 0x2000_0200),
        (1, 2, 0x8000_0000),
        (0xffff_ffff_ffff_0000, u64::MAX, pref),
    ] {
        last = r.mock.words(&[start, end, 0, flags]);
        r.t("%pR|%pr", &[last, last]);
    }
    r.t("%60pR|%-60pR|%.8pR", &[last; 3]);
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn networks(r: &mut Recorder) {
    let mut b = 0;
    for addr in [
        "fe800000000000000000000000001234",
        "00000000000000000000ffff0a010203",
        "20010db8000000010001000100010001",
        "20010000000000010000000000000001",
        "20010db8000000000001000000000001",
        "fe80000000000000000000000a0b0000",
        "fe8000000000000000005efe0a010203",
        "fe8000000000000002005efe0a010203",
        "00010002000300040005000600070000",
        "00000000000000010000000000000000",
        "00000000000000000000000000000000",
    ] {
        b = r.mock.put(&hex(addr));
        r.t("%pI6c %pI6 %pi6 %pi6c", &[b; 4]);
    }
    let s6 = r.mock.put(&hex("0a003039f000010220010db800000000000100000000000109000000"));
    let s4 = r.mock.put(&hex("02001f907f0000010000000000000000"));
    let (un, v4) = (r.mock.put(&[1, 0]), r.mock.put(&[1, 20, 255, 0]));
    r.t("%pISpfsc|%pISp|%pIS|%piSs|%pISsc|%pISfp", &[s6; 6]);
    r.t("%pISph|%pIShp|%piSpn|%pISlb|%pISp|%-20pIS|", &[s4; 6]);
    r.t("%6pISp|%06pISpfs|%+pISp", &[s4, s6, s4]);
    r.t("%pIS|%pI7|%piX|%pI|%20pI4|%-20pI4h|%.5pI4", &[un, v4, v4, v4, v4, v4, v4]);
    r.t("%pI4h %pI4n %pI4b %pI4l %pi4h", &[v4; 5]);
    r.t("%pM %pMF %pMR %pm %pmR %pmF %20pM|%-20pMR|%.5pM", &[b; 9]);
}

fn bits(r: &mut Recorder) {
    let m = r.mock.words(&[0xa_28ac, u64::MAX, 1]);
    r.t("%20pb|%*pb|%20pbl|%0pb|%pb|%1pb|%130pb|%130pbl|%65pbl", &[m, 20, m, m, m, m, m, m, m, m]);
    let minus = -20i64 as u64;
    r.t("%*pb|%*pbl|%33pb|%-20pb|%020pb", &[minus, m, minus, m, m, m, m]);
}

fn bytes(r: &mut Recorder) {
    let e = r.mock.put(b"\x1b \\C\x07\"\x90\r]\0\0");
    let x: Vec<u8> = (0..80).collect();
    let x = r.mock.put(&x);
    r.t("%10pE|%10pEa|%10pEhp|%10pEo|%10pEh", &[e; 5]);
    r.t("%80phN|%3ph|%3phC|%3phD|%ph|%phN|%*ph|%0ph|%-3ph|%03phN", &[x, x, x, x, x, x, 0, x, x, x, x]);
    r.t("%*phC|%.1ph", &[-3i64 as u64, x, x]);
    for code in [0x3231_564eu32, 0xb231_564e, 0x1011_1213, 0x2030_3159, 0] {
        let f = r.mock.put(&code.to_le_bytes());
        r.t("%p4cc|%40p4cc|%.4p4cc|%p4|%p4c", &[f; 5]);
    }
    r.t("%pU|%pUb|%pUB|%pUl|%pUL|%pUx|%40pU|%-40pUl|%.8pUB", &[x; 9]);
    r.t("%pNF|%pN|%pa|%pap|%pad|%20pa|%pax", &[x; 7]);
}

fn times(r: &mut Recorder) {
    for time in [
        0,
        -1,
        951_782_400,
        4_107_542_399,
        -62_135_596_800,
        1_546_615_943,
        253_402_300_800,
        -62_167_219_201,
        1i64 << 55,
        -(1 << 55),
    ] {
        let t = r.mock.words(&[time as u64]);
        r.t("%ptT|%ptTd|%ptTt|%ptTr|%ptTsr|%ptTdr", &[t; 6]);
    }
    let tm: Vec<u8> = [3i32, 35, 5, -1, 10, 118, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let tm = r.mock.put(&tm);
    r.t("%pt|%ptX|%ptR|%ptRd|%ptRt|%ptRr|%ptRs|%ptRdtr|%ptRttr|%30ptR|%ptRsd", &[tm; 11]);
}

fn flags(r: &mut Recorder) {
    // The allocation flags are those of the kernel that the module was compiled for.
    let (atomic, mask) = if r.mock.release >= (6, 12) { (0x820, !0x1ff_ffff) } else { (0xa20, !0x7ff_ffff) };
    let nowait = if r.mock.release >= (6, 12) { 0x2800 } else { 0x800 };
    let mut put = |flags: u64| r.mock.words(&[flags]);
    let v = [0x75, 0xffff_ffff, u64::MAX, 1 << 60].map(&mut put);
    let p = [0, 0x208_003c, u64::MAX, 1 << 51, 5].map(&mut put);
    let g =
        [0, 1_844_426, atomic | 1, mask & 0xffff_ffff, 0xffff_ffff, 0x200, nowait, 1_051_850 | 0x4_0000].map(&mut put);
    for v in v {
        r.t("%pGv|%20pGv", &[v; 2]);
    }
    for p in p {
        r.t("%pGp", &[p]);
    }
    for g in g {
        r.t("%pGg", &[g]);
    }
    r.t("%pG|%pGx|%pGt|%pGv", &[v[0], v[0], v[0], 0]);
}

pub(super) fn print_devices(r: &mut Recorder) {
    r.mock.fwnodes =
        vec![(0x5000, None, "", "first"), (0x6000, Some(0x5000), "/", "second"), (0x7000, Some(0x6000), "/", "third")];
    let (n2, n3) = (0x6000, 0x7000);
    r.t("%pfw|%pfwf|%pfwP|%20pfwP|%-25pfw|%.3pfwP|%.3pfw", &[n2, n3, n3, n3, n3, n3, n3]);
    let nvme = r.mock.put(b"............nvme0n1\0");
    let sda = r.mock.put(b"............sda\0");
    let whole = r.mock.words(&[0, nvme, 0]);
    // Since 6.10 the number shares its word with flags.
    let partition = if r.mock.release >= (6, 12) { 0x102 } else { 2 };
    let (part, sda2) = (r.mock.words(&[0, nvme, partition]), r.mock.words(&[0, sda, partition]));
    r.t("%pg|%12pg|%-12pg|", &[whole; 3]);
    r.t("%pg|%12pg|%-12pg|%.3pg|", &[part; 4]);
    r.t("%pg|%6pg|%06pg|", &[sda2; 3]);
}
