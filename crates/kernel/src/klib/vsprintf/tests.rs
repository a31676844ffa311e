//! Every conversion, with the results that the real kernel was seen to give, or that its own test (`lib/test_printf.c`)
//! and its documentation expect.

use super::mock::Mock;
use super::*;

const SHRT: u64 = 70_000u64 as u16 as u64;

/// Checks formats whose arguments are plain numbers.
fn check(cases: &[(&str, &[u64], &str)]) {
    let mock = Mock::new();
    for &(fmt, args, want) in cases {
        assert_eq!(mock.format(fmt, args), want, "{fmt}");
    }
    assert!(mock.warnings.borrow().is_empty());
}

fn neg(value: i64) -> u64 {
    value as u64
}

#[test]
fn integers_with_flags_width_and_precision() {
    check(&[
        ("", &[], ""),
        ("100%%", &[], "100%"),
        (
            "[%d] [%5d] [%-5d] [%05d] [%+d] [% d] [%i]",
            &[42, 42, 42, 42, 42, 42, neg(-42)],
            "[42] [   42] [42   ] [00042] [+42] [ 42] [-42]",
        ),
        (
            "[%u] [%x] [%X] [%#x] [%o] [%#o] [%08lx]",
            &[3_000_000_000, 0xbeef, 0xbeef, 0xbeef, 8, 8, 0xabc],
            "[3000000000] [beef] [BEEF] [0xbeef] [10] [010] [00000abc]",
        ),
        (
            "[%lld] [%llu] [%llx] [%zu] [%zd] [%td]",
            &[neg(-1), u64::MAX, 0x1234_5678_9abc, 8, neg(-3), 9],
            "[-1] [18446744073709551615] [123456789abc] [8] [-3] [9]",
        ),
        ("[%hd] [%hhd] [%hhu] [%hx]", &[SHRT, neg(-56), 44, 0x2345], "[4464] [-56] [44] [2345]"),
        ("[%*d] [%-*d] [%.3d] [%8.3d]", &[6, 1, 6, 1, 7, 7], "[     1] [1     ] [007] [     007]"),
        ("%#-12x", &[0x1234_abcd], "0x1234abcd  "),
        ("%#12x", &[0x1234_abcd], "  0x1234abcd"),
        (
            "%d|%03d|%3d|%+d|% d|%+d|% d",
            &[0, 1, 12, 123, 1234, neg(-123), neg(-1234)],
            "0|001| 12|+123| 1234|-123|-1234",
        ),
        ("%hhu|%hhu|%hhu|%hhu|%hhu", &[0, 1, 257, 128, neg(-1)], "0|1|1|128|255"),
        ("%hhd|%hhd|%hhd|%hhd|%hhd", &[0, 1, 257, 128, neg(-1)], "0|1|1|-128|-1"),
        ("%ho%ho%#ho", &[1037, 5282, neg(-11627)], "2015122420151225"),
        ("%.2d|%.1d|%.0d|%.*d|%1.0d", &[0, 0, 0, 0, 0, 0], "00|0|0|0|0"),
        ("%#02x|%#02x|%#02x", &[neg(-16), 0xf0, 0xf0], "0xfffffff0|0xf0|0xf0"),
        ("%#x %#o %X", &[0, 0, 0], "0x0 0 0"),
        (
            "%d %u %ld",
            &[0xffff_ffff_8000_0000, 0xffff_ffff_8000_0000, 1 << 63],
            "-2147483648 2147483648 -9223372036854775808",
        ),
        ("[%*d] [%-3d] [%-03d]", &[neg(-4), 7, 7, 7], "[7   ] [7  ] [7  ]"),
        ("%Ld %lld", &[5, 6], "5 6"),
        ("[%5%]", &[], "[%]"),
    ]);
}

#[test]
fn characters_and_strings() {
    let mut m = Mock::new();
    let (abc, s) = (m.str("abcdef"), m.str("str"));
    assert_eq!(
        m.format("[%s] [%10s] [%-10s] [%.2s] [%c] [%5c] [%%]", &[s, s, s, s, 99, 99]),
        "[str] [       str] [str       ] [st] [c] [    c] [%]"
    );
    assert_eq!(m.format("[%s] [%.*s]", &[0, 3, abc]), "[(null)] [abc]");
    assert_eq!(m.format("xxx%cyyy|%-3c|", &[0, 0x141]), "xxx\0yyy|A  |");
    let (empty, n) = (m.str(""), m.str("123456"));
    assert_eq!(m.format("%s%.0s|%s|%.3s|%.*s", &[empty, n, abc, abc, 3, n]), "|abcdef|abc|123");
    assert_eq!(m.format("%-10.4s|%10.4s", &[n, n]), "1234      |      1234");
    assert_eq!(m.format("%4.*s|%.s", &[neg(-5), n, n]), "    |123456");
    assert_eq!(m.format("%-3.s|%-3.0s|%*s", &[empty, n, neg(-9), n]), "   |   |123456   ");
    assert_eq!(m.format("%s|%.3s|%10s|%-10s|", &[1, 1, 0, neg(-14)]), "(efault)|(ef|    (null)|(efault)  |");
    let long = m.str(&"x".repeat(1000));
    assert_eq!(m.format("%s", &[long]), "x".repeat(1000));
    assert_eq!(m.try_format(99, b"%s", &[0xdddd_0000]), Err(Fault::Access(0xdddd_0000)));
}

#[test]
fn plain_pointers_are_hashed() {
    let mut m = Mock::new();
    let id = format!("{:016x}", PointerHash::new([1, 2]).id(0xffff_8880_1234_5678));
    assert!(id.starts_with("00000000"));
    assert_eq!(m.format("%p", &[0xffff_8880_1234_5678]), id);
    assert_eq!(m.format("%pe", &[0xffff_8880_1234_5678]), id);
    assert_eq!(m.format("[%px] [%-18px]", &[0xabcd, 0xabcd]), "[000000000000abcd] [abcd              ]");
    assert_eq!(m.format("%p x%p", &[0, neg(-2)]), "0000000000000000 xfffffffffffffffe");
    assert_eq!(m.format("%10p|%#p|%pk|%pus", &[0, 0, 0, 0]), "         0|0x00000000000000|(einval)|(null)");
    m.hash = None;
    assert_eq!(m.format("%p %20p %p", &[0xabcd, 0xabcd, 0]), "(____ptrval____) (____ptrval____) 0000000000000000");
    m.no_hash = true;
    assert_eq!(m.format("%p", &[0xabcd]), "000000000000abcd");
}

#[test]
fn restricted_pointers() {
    let mut m = Mock::new();
    m.no_hash = true;
    for (restrict, access, want) in [
        (0, KptrAccess::Denied, "000000000000abcd"),
        (1, KptrAccess::Allowed, "000000000000abcd"),
        (1, KptrAccess::Denied, "0000000000000000"),
        (1, KptrAccess::Interrupt, "        pK-error"),
        (2, KptrAccess::Allowed, "0000000000000000"),
    ] {
        (m.kptr_restrict, m.kptr_access) = (restrict, access);
        assert_eq!(m.format("%pK", &[0xabcd]), want);
    }
}

#[test]
fn error_pointers_by_name() {
    check(&[
        ("%pe %pe %pe", &[neg(-2), neg(-517), neg(-4000)], "-ENOENT -EPROBE_DEFER -4000"),
        ("[%-8pe] [%8pe] %pe", &[neg(-5), neg(-5), neg(-1234)], "[-EIO    ] [    -EIO] -1234"),
        ("(%pe) %pe", &[neg(-11), 0], "(-EAGAIN) 0000000000000000"),
    ]);
}

#[test]
fn symbols() {
    let f = 0xc000_0000;
    let id = "ab".repeat(20);
    check(&[
        ("%pS %ps", &[f, f], "a_function+0x0/0x40 [formats] a_function [formats]"),
        (
            "%pS %pSR %ps",
            &[f + 1, f + 1, 0xffff_ffff_8100_0000],
            "a_function+0x1/0x40 [formats] a_function+0x1/0x40 [formats] kfree",
        ),
        ("%pS %ps %pB", &[0x123, 0x123, 0x123], "0x123 0x123 0x123"),
        // One past the end still belongs to the call in front of it.
        ("%pB %pS", &[f + 0x40, f + 0x40], "a_function+0x40/0x40 [formats] 0xc0000040"),
        ("%pSb", &[f], &format!("a_function+0x0/0x40 [formats {id}]")),
        ("%pBb %psb", &[f + 4, f + 4], &format!("a_function+0x4/0x40 [formats {id}] a_function [formats]")),
        ("[%14ps] [%-8.3ps]", &[0xffff_ffff_8100_0000; 2], "[         kfree] [kfr     ]"),
    ]);
}

#[test]
fn resources() {
    let mut m = Mock::new();
    let mut r = |start, end, flags: u64| m.words(&[start, end, 0, flags]);
    let (mem, io) = (r(0x1000, 0x1fff, 0x200), r(0x3f8, 0x3ff, 0x100));
    let pref = r(0x1_0000_0000, 0x1_0fff_ffff, 0x200 | 0x2000 | 0x10_0000 | 0x20_0000 | 0x1000_0000);
    let (irq, bus, dma) = (r(5, 5, 0x400), r(0, 0xff, 0x1000), r(3, 4, 0x800));
    let (unset, none) = (r(0, 0xfff, 0x2000_0200), r(1, 2, 0x8000_0000));
    assert_eq!(
        m.format("%pR %pr %pR", &[mem, mem, io]),
        "[mem 0x00001000-0x00001fff] [mem 0x00001000-0x00001fff flags 0x200] [io  0x03f8-0x03ff]"
    );
    assert_eq!(m.format("%pR", &[pref]), "[mem 0x100000000-0x10fffffff 64bit pref window disabled]");
    assert_eq!(m.format("%pR%pR%pR", &[irq, bus, dma]), "[irq 5][bus 00-ff][dma 3-4]");
    assert_eq!(
        m.format("%pR%pR%pR", &[unset, none, 0]),
        "[mem size 0x00001000][??? 0x00000001-0x00000002 flags 0x80000000](null)"
    );
}

#[test]
fn hardware_addresses() {
    let mut m = Mock::new();
    let a = m.put(&[0x2d, 0x48, 0xd6, 0xfc, 0x7a, 0x05]);
    assert_eq!(
        m.format("%pM|%pMR|%pMF|%pm|%pmR", &[a; 5]),
        "2d:48:d6:fc:7a:05|05:7a:fc:d6:48:2d|2d-48-d6-fc-7a-05|2d48d6fc7a05|057afcd6482d"
    );
    assert_eq!(m.format("[%20pM] %pM", &[a, 2]), "[   2d:48:d6:fc:7a:05] (efault)");
}

#[test]
fn ip_addresses() {
    let mut m = Mock::new();
    let v4 = m.put(&[192, 168, 10, 1]);
    let word = m.put(&0x0102_0304u32.to_le_bytes());
    assert_eq!(
        m.format("%pI4 %pi4 %pI4h %pI4l %pI4n %pI4b", &[v4, v4, word, word, word, word]),
        "192.168.10.1 192.168.010.001 1.2.3.4 1.2.3.4 4.3.2.1 4.3.2.1"
    );
    assert_eq!(m.format("%pI4 %pI? %pi %-16pI4|", &[2, v4, v4, v4]), "(efault) (%pI?)? (%pi?) 192.168.10.1    |");
    for (addr, want) in [
        ("fe800000000000000000000000001234", "fe80::1234"),
        ("00000000000000000000ffff0a010203", "::ffff:10.1.2.3"),
        ("00000000000000000000000000000000", "::"),
        ("00000000000000000000000000000001", "::1"),
        ("20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"),
        ("20010000000000010000000000000001", "2001:0:0:1::1"),
        ("20010db8000000000001000000000001", "2001:db8::1:0:0:1"),
        ("fe80000000000000000000000a0b0000", "fe80::a0b:0"),
        ("fe8000000000000000005efe0a010203", "fe80::5efe:10.1.2.3"),
        ("fe8000000000000002005efe0a010203", "fe80::200:5efe:10.1.2.3"),
        ("00010002000300040005000600070000", "1:2:3:4:5:6:7:0"),
    ] {
        let bytes: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&addr[2 * i..2 * i + 2], 16).unwrap()).collect();
        let a = m.put(&bytes);
        assert_eq!(m.format("%pI6c", &[a]), want);
        assert_eq!(m.format("%pi6", &[a]), addr);
    }
    let a = m.put(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34]);
    assert_eq!(m.format("%pI6", &[a]), "fe80:0000:0000:0000:0000:0000:0000:1234");
}

#[test]
fn socket_addresses() {
    let mut m = Mock::new();
    let v4 = m.put(&[2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        m.format("%pISpc %pIS %piS %piSp %pISh", &[v4; 5]),
        "127.0.0.1:8080 127.0.0.1 127.000.000.001 127.000.000.001:8080 1.0.0.127"
    );
    let mut sa = vec![10, 0, 0x30, 0x39, 0xf0, 0, 1, 2];
    sa.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    sa.extend(9u32.to_le_bytes());
    let v6 = m.put(&sa);
    assert_eq!(m.format("%pISpfsc", &[v6]), "[2001:db8::7]:12345/258%9");
    assert_eq!(m.format("%pISc %piS", &[v6; 2]), "2001:db8::7 20010db8000000000000000000000007");
    assert_eq!(m.format("%piSs", &[v6]), "[20010db8000000000000000000000007]%9");
    let unix = m.put(&[1, 0]);
    assert_eq!(m.format("%pIS", &[unix]), "(einval)");
}

#[test]
fn hex_strings() {
    let mut m = Mock::new();
    let b = m.put(&[0xc0, 0xff, 0xee]);
    assert_eq!(m.format("%3ph|%3phC|%3phD|%3phN", &[b; 4]), "c0 ff ee|c0:ff:ee|c0-ff-ee|c0ffee");
    assert_eq!(m.format("%*ph|%*phN|%ph|[%*ph]", &[3, b, 2, b, b, 0, b]), "c0 ff ee|c0ff|c0|[]");
    let long = m.put(&[1; 80]);
    assert_eq!(m.format("%80phN", &[long]), "01".repeat(64));
}

#[test]
fn bitmaps() {
    let mut m = Mock::new();
    let primes = m.words(&[0xa_28ac]);
    assert_eq!(m.format("%20pb|%*pb", &[primes, 20, primes]), "a28ac|a28ac");
    assert_eq!(m.format("%20pbl|%*pbl", &[primes, 20, primes]), "2-3,5,7,11,13,17,19|2-3,5,7,11,13,17,19");
    let (zero, full) = (m.words(&[0, 0]), m.words(&[u64::MAX; 2]));
    assert_eq!(m.format("%20pb|%20pbl|%65pb", &[zero; 3]), "00000||0,00000000,00000000");
    assert_eq!(m.format("%20pb|%20pbl|%65pbl|%pb", &[full; 4]), "fffff|0-19|0-64|");
    let wide = m.words(&[0xff_c000_008e]);
    assert_eq!(m.format("%*pb %*pbl", &[40, wide, 40, wide]), "ff,c000008e 1-3,7,30-39");
    let mut large = vec![0; 1024];
    large[0] = 0x1f_fffe;
    large[937] = 0x7fff << 32;
    let large = m.words(&large);
    assert_eq!(m.format("%*pbl", &[1 << 16, large]), "1-20,60000-60014");
}

#[test]
fn escaped_buffers() {
    let mut m = Mock::new();
    let s = m.put(b"a\tb\n\\\x01z\"\xff");
    assert_eq!(m.format("%*pE", &[9, s]), "a\\tb\\n\\\\001z\"\u{ff}");
    assert_eq!(m.format("%*pEa", &[9, s]), "\\141\\t\\142\\n\\\\\\001\\172\\\"\\377");
    assert_eq!(m.format("%*pEhp", &[9, s]), "a\\x09b\\x0a\\\\x01z\"\u{ff}");
    let d = m.put(b"\x1b \\C\x07\"\x90\r]\0");
    // The documentation's examples.
    assert_eq!(m.format("%10pE", &[d]), "\\e \\C\\a\"\\220\\r]\\0");
    assert_eq!(
        m.format("%10pEhp|%10pEa", &[d; 2]),
        "\\x1b \\C\\x07\"\\x90\\x0d]\\x00|\\e\\040\\\\\\103\\a\\\"\\220\\r\\135\\0"
    );
    assert_eq!(
        m.format("%10pEc|%10pEs|%10pEn|%pE|%*pE", &[d, d, d, d, 0, d]),
        "\\e \\\\C\\a\\\"\u{90}\r]\0|\x1b \\C\x07\"\u{90}\\r]\0|\x1b \\C\x07\"\u{90}\r]\\0|\\e|"
    );
    assert_eq!(m.format("%pE %pE %pE", &[0, neg(-11), 0xab]), "(null) (efault) (efault)");
}

#[test]
fn uuids() {
    let mut m = Mock::new();
    let u = m.put(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(
        m.format("%pUb %pUB", &[u, u]),
        "00010203-0405-0607-0809-0a0b0c0d0e0f 00010203-0405-0607-0809-0A0B0C0D0E0F"
    );
    assert_eq!(
        m.format("%pUl %pUL %pU", &[u, u, u]),
        "03020100-0504-0706-0809-0a0b0c0d0e0f 03020100-0504-0706-0809-0A0B0C0D0E0F 00010203-0405-0607-0809-0a0b0c0d0e0f"
    );
}

#[test]
fn values_by_reference() {
    let mut m = Mock::new();
    let v = m.words(&[0x12345]);
    assert_eq!(
        m.format("%pa %pap %pad %pNF %pN", &[v; 5]),
        "0x0000000000012345 0x0000000000012345 0x0000000000012345 0x0000000000012345 (%pN?)"
    );
    for (code, want) in [
        (0x3432_5241u32, "AR24 little-endian (0x34325241)"),
        (0xb231_564e, "NV12 big-endian (0xb231564e)"),
        (0x1011_1213, ".... little-endian (0x10111213)"),
        (0x2030_3159, "Y10  little-endian (0x20303159)"),
    ] {
        let a = m.put(&code.to_le_bytes());
        assert_eq!(m.format("%p4cc", &[a]), want);
    }
    assert_eq!(m.format("%p4ch", &[v]), "(%p4?)");
}

#[test]
fn dates_and_times() {
    let mut m = Mock::new();
    let tm: Vec<u8> = [43i32, 35, 5, 26, 10, 118, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let tm = m.put(&tm);
    let t = m.words(&[1_546_615_943]);
    for (fmt, want) in [
        ("%pt", "(%pt?)"),
        ("%ptR", "2018-11-26T05:35:43"),
        ("%ptRr", "0118-10-26T05:35:43"),
        ("%ptRt", "05:35:43"),
        ("%ptRd", "2018-11-26"),
        ("%ptRdr", "0118-10-26"),
        ("%ptRttr", "05:35:43"),
        ("%ptRdtr", "2018-11-26"),
        ("%ptRt tr", "05:35:43 tr"),
        ("%ptRs", "2018-11-26 05:35:43"),
    ] {
        assert_eq!(m.format(fmt, &[tm]), want, "{fmt}");
    }
    for (fmt, want) in [
        ("%ptT", "2019-01-04T15:32:23"),
        ("%ptTr", "0119-00-04T15:32:23"),
        ("%ptTt", "15:32:23"),
        ("%ptTdr", "0119-00-04"),
        ("%ptTsr", "0119-00-04 15:32:23"),
        ("%ptTtrs", "15:32:23"),
    ] {
        assert_eq!(m.format(fmt, &[t]), want, "{fmt}");
    }
    for (seconds, want) in [
        (0, "1970-01-01T00:00:00"),
        (-1, "1969-12-31T23:59:59"),
        (951_782_400, "2000-02-29T00:00:00"),
        (4_107_542_399, "2100-02-28T23:59:59"),
        (-62_135_596_800, "0001-01-01T00:00:00"),
    ] {
        let t = m.words(&[neg(seconds)]);
        assert_eq!(m.format("%ptT", &[t]), want);
    }
}

#[test]
fn dentries_and_files() {
    let mut m = Mock::new();
    let root_name = m.str("/");
    let mut dentry = 0;
    let mut dentries = Vec::new();
    for name in [root_name, m.str("bravo"), m.str("alfa"), m.str("romeo")] {
        let addr = m.words(&[0; 8]);
        let parent = if dentry == 0 { addr } else { dentry };
        dentry = m.words(&[0, 0, 0, if parent == addr { addr + 128 } else { parent }, 0, name, 0, 0]);
        dentries.push(dentry);
    }
    let [root, _, alfa, romeo] = dentries[..] else { unreachable!() };
    assert_eq!(m.format("%pd %pd2", &[root, root]), "/ /");
    assert_eq!(m.format("%pd %pd2 %pd3 %pd4", &[romeo; 4]), "romeo alfa/romeo bravo/alfa/romeo /bravo/alfa/romeo");
    assert_eq!(m.format("%pd4 %-12pd2|%*pd2", &[alfa, alfa, 12, alfa]), "/bravo/alfa bravo/alfa  |  bravo/alfa");
    let file = m.words(&[0, 0, romeo]);
    assert_eq!(m.format("%pD %pD2 %.3pD", &[file; 3]), "romeo alfa/romeo rom");
    assert_eq!(m.format("%pd %pd %pD %pD", &[0, 0xab, 0, 0xab]), "(null) (efault) (null) (efault)");
    m.members.retain(|m| m.0 != "dentry");
    assert_eq!(m.format("%pd", &[romeo]), "(einval)");
}

#[test]
fn disks_clocks_and_firmware_nodes() {
    let mut m = Mock::new();
    let disk = m.put(b"............nvme0n1\0");
    let sda = m.put(b"............sda\0");
    let bdev = |m: &mut Mock, disk, part| m.words(&[0, disk, part]);
    let devices = [bdev(&mut m, disk, 0), bdev(&mut m, disk, 2), bdev(&mut m, sda, 3)];
    assert_eq!(m.format("%pg %pg %pg %pg", &[devices[0], devices[1], devices[2], 0]), "nvme0n1 nvme0n1p2 sda3 (null)");
    let name = m.str("xtal");
    let core = m.words(&[0, name]);
    let clk = m.words(&[core]);
    assert_eq!(m.format("%pC %pCn %pOF %pO %pOFf", &[clk, clk, clk, clk, clk]), "xtal xtal (%pOF?) (%pO?) (%pOF?)");
    m.fwnodes =
        vec![(0x5000, None, "", "first"), (0x6000, Some(0x5000), "/", "second"), (0x7000, Some(0x6000), "/", "third")];
    assert_eq!(
        m.format("%pfw %pfwf %pfwP %pf", &[0x6000, 0x7000, 0x7000, 0x7000]),
        "first/second first/second/third third (%pf?)"
    );
    assert_eq!(m.format("[%14pfw] [%-7pfwP]", &[0x6000, 0x7000]), "[  first/second] [third  ]");
}

#[test]
fn flags_by_name() {
    let mut m = Mock::new();
    let mut put = |flags: u64| m.words(&[flags]);
    let (zero, rx, gfp) = (put(0), put(0x75), put(0xcc0 | 0x100));
    let (odd, dma, page) = (put(0xf000_0000 | 0x20), put(0xa20 | 1), put(1 << 25 | 0x8003c));
    assert_eq!(
        m.format("[%pGv] %pGv %pGg %pG", &[zero, rx, gfp, gfp]),
        "[] read|exec|mayread|maywrite|mayexec GFP_KERNEL|__GFP_ZERO (%pG?)"
    );
    assert_eq!(m.format("%pGg %pGg", &[odd, dma]), "__GFP_HIGH|0xf0000000 GFP_ATOMIC|GFP_DMA");
    assert_eq!(m.format("%pGp", &[zero]), "0x0(node=0|zone=0|lastcpupid=0x0)");
    assert_eq!(
        m.format("%pGp", &[page]),
        "0x208003c(uptodate|dirty|lru|active|swapbacked|node=0|zone=0|lastcpupid=0x0)"
    );
    m.release = (6, 12);
    assert_eq!(m.format("%pGg", &[dma]), "GFP_ATOMIC|GFP_DMA|0x200");
}

#[test]
fn formats_inside_of_formats() {
    let mut m = Mock::new();
    let (words, fmt) = (m.str("words"), m.str("%d and %s, %d %d %d %d %d"));
    let list = m.va_list(&[12, words, 3, 4, 5, 6, 7], 5);
    let vaf = m.words(&[fmt, list]);
    let tag = m.str("va");
    // Twice: the list is copied, not consumed.
    assert_eq!(m.format("%s{%pV} {%pV}", &[tag, vaf, vaf]), "va{12 and words, 3 4 5 6 7} {12 and words, 3 4 5 6 7}");
    assert_eq!(m.format("%pV", &[0]), "(null)");
    let fmt = m.str("<%pV>");
    let list = m.va_list(&[vaf], 1);
    let outer = m.words(&[fmt, list]);
    assert_eq!(m.format("%pV", &[outer]), "<12 and words, 3 4 5 6 7>");
}

#[test]
fn a_format_that_contains_itself_faults() {
    let mut m = Mock::new();
    let fmt = m.str("x%pV");
    // The structure, its list and the list's area in one object, so that each can point to the others.
    let base = m.words(&[0; 16]);
    let next = base + 256 - 64;
    let real = m.words(&[fmt, next + 16, 48 << 32, next + 40, next + 40, next]);
    assert_eq!(real, next);
    assert_eq!(m.try_format(99, b"%pV", &[real]), Err(Fault::Depth));
}

#[test]
fn mistakes_are_reported() {
    let m = Mock::new();
    for (fmt, args, want, warning) in [
        ("a%nb%d", &[1u64, 2][..], "a", FormatWarning::Unsupported(b'n')),
        ("a%y", &[], "a", FormatWarning::Unsupported(b'y')),
        ("a%", &[], "a", FormatWarning::Unsupported(0)),
        ("%hhhd", &[1], "", FormatWarning::Unsupported(b'h')),
        ("%f", &[1], "", FormatWarning::Unsupported(b'f')),
        ("%.*d", &[40_000, 1], &format!("{}1", "0".repeat(32766)), FormatWarning::Precision(40_000)),
        ("%pA", &[1], "(%pA?)", FormatWarning::RustFormat),
    ] {
        assert_eq!(m.try_format(99_999, fmt.as_bytes(), args).unwrap().0, want.as_bytes(), "{fmt}");
        assert_eq!(m.warnings.take(), [warning], "{fmt}");
    }
    assert_eq!(m.try_format(9, b"%*d", &[1 << 30, 1]), Ok((vec![b' '; 8], (1 << 23) - 1)));
    assert_eq!(m.try_format(1 << 31, b"x", &[]), Ok((Vec::new(), 0)));
    assert_eq!(m.warnings.take(), [FormatWarning::Width(1 << 30), FormatWarning::Size(1 << 31)]);
    assert_eq!(FormatWarning::Unsupported(b'n').text(), b"Please remove unsupported %n in format string");
}

#[test]
fn stored_arguments_print_the_same() {
    let mut m = Mock::new();
    let (s, mac) = (m.str("text"), m.put(&[1, 2, 3, 4, 5, 6]));
    let args = [neg(-1), 0x1_0000_0007, 99, s, 5, 1 << 40, mac, 0xc000_0000, 0, 3, mac, 7];
    let fmt = "%hhd %d %c %s %*ld %pM %pS %s %*phC %px!";
    let direct = m.format(fmt, &args);
    let (record, words) = vbin_printf(&m, 64, fmt.as_bytes(), &mut SliceArgs::new(&args)).unwrap();
    assert!(words <= 64);
    let mut buf = Vec::new();
    let len = bstr_printf(&m, &mut buf, 500, fmt.as_bytes(), &record).unwrap();
    assert_eq!((buf.as_slice(), len), (direct.as_bytes(), direct.len()));
    // char, padding, int, char, "text", padding, ...
    assert_eq!(&record[..13], &[0xff, 0, 0, 0, 7, 0, 0, 0, 99, b't', b'e', b'x', b't']);
    let (_, needed) = vbin_printf(&m, 0, fmt.as_bytes(), &mut SliceArgs::new(&args)).unwrap();
    assert!(needed > 0);
    assert!(matches!(bstr_printf(&m, &mut buf, 500, b"%d%ld", &[1, 2, 3]), Err(Fault::Access(_))));
}
