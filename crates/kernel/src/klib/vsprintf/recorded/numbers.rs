//! Strings, numbers and plain pointers.

use super::{Recorder, err};

const M1: u64 = u64::MAX;
/// An `int` of -1 in a register: the upper half is zero.
const I1: u64 = 0xffff_ffff;

pub(super) fn strings(r: &mut Recorder) {
    let [abc, long, z, p, l, h, y] = ["abc", "abcdef", "z", "p", "l", "h", "y"].map(|s| r.str(s));
    r.t(
        "%s|%.3s|%10s|%-10s|%2s|%.*s|%.2s|%-5.1s|%010s|%+s|%ls|%hs",
        &[abc, long, abc, abc, abc, err(5), abc, 0, abc, z, p, l, h],
    );
    r.t("%s|%s|%.2s|%10s", &[0, 5, 0, err(9)]);
    r.t("[%c][%5c][%-5c][%05c][%.3c][%5%][%-5%]", &[97, 98, 99, 100, 101]);
    r.t("[%*c][%*s]", &[err(4), 120, err(4), y]);
    for (size, fmt) in
        [(5, "%10s"), (12, "%10s|"), (9, "%10s|"), (8, "x%10s|"), (0, "abc"), (1, "abc"), (3, "abc"), (4, "abc")]
    {
        r.s(size, fmt, &[abc]);
    }
    let zs = r.mock.put(&[b'Z'; 64]);
    let left = r.str("left");
    for (size, fmt, arg) in
        [(7, "%08d", 77), (7, "%-8d|", 77), (7, "%pM", zs), (7, "%#x", 0x12_3456), (20, "%-30s|", left)]
    {
        r.s(size, fmt, &[arg]);
    }
}

pub(super) fn numbers(r: &mut Recorder) {
    for (fmt, args) in [
        ("%d %", &[5][..]),
        ("%d %y %d", &[5, 6]),
        ("%n%d", &[9, 5]),
        ("%f", &[5]),
        ("%hhhd", &[1]),
        ("%lld|%Ld|%LLd", &[1, 2, 3]),
    ] {
        r.t(fmt, args);
    }
    for fmt in ["%8388608d|", "%8388607d|", "%.32768d|", "%.40000d|"] {
        r.t(fmt, &[1]);
    }
    r.t("%*d", &[1 << 30, 1]);
    r.t("%.*d", &[1 << 20, 1]);
    r.t("%4294967300d|", &[1]);
    r.t("%-8388609d|", &[1]);
    r.t("%*d|", &[err(8_388_608), 1]);
    r.t("%99999999999d|", &[7]);
    r.t(
        "%zd %zu %td %tu %zx %hho %hhX %hd %hu %hx %ld %lu %lx %lo",
        &[I1, I1, I1, M1, M1, M1, M1, M1, M1, M1, M1, M1, M1, M1],
    );
    r.t("%i %d %u %x %o %X", &[M1, 0x1_8000_0000, 0x1_8000_0000, 0x1_8000_0000, M1, M1]);
    let (m7, ff) = (err(7), 255);
    r.t(
        "[%+5d][% 5d][%05d][%-05d][%+05d][% 05d][%+.3d][% .3d][%8.3d][%-8.3d][%08.3d][%+08.3d]",
        &[7, 7, m7, m7, 7, 7, 7, 7, m7, m7, m7, 7],
    );
    r.t(
        "[%#x][%#X][%#o][%#8x][%#08x][%-#8x|][%#.5x][%#8.5x][%#o][%#x][%#.3o][%+x][%+u][% u]",
        &[ff, ff, ff, ff, ff, ff, ff, ff, 0, 0, 8, 5, 5, 5],
    );
    r.t("[%+-5d|%-+5d|%0-5d|% +d|%+ d|%00005d|%----5d|]", &[1, 2, 3, 4, 5, 6, 7]);
}

pub(super) fn pointers(r: &mut Recorder) {
    let (u, k, big) = (r.str("u"), r.str("k"), 0x7000_0000);
    r.t("%10p|%#p|%-18p|%p|%pk|%pus|%pks|%pux|%pkx", &[0, 0, 0, err(2), big, u, k, big, big]);
    r.t("%px|%20px|%-20px|%#px|%.20px|%8px", &[0xabcd, 0xabcd, 0xabcd, 0xabcd, 0xabcd, 0xab_cdef_0123]);
    r.t("%pe|%pe|%pe|%10pe|%-10pe|%.3pe|%pe", &[err(2), err(517), err(4000), err(5), err(5), err(5), 0]);
    r.t("%pe %pe %pe %pe %pe", &[err(35), err(41), err(133), err(512), err(530)]);
    r.t("%pS|%ps|%pB|%pSR|%pSb|%pBb|%psb|%20pS|%-20ps|%.3ps", &[0x123; 10]);
    r.t("%ps|%20ps|%-20ps|%.3ps", &[0xffff_ffff_8100_0000; 4]);
    r.t("%pO|%pOF|%pOFx|%pf|%pfx|%20pOF|%pA", &[big; 7]);
    r.t("%pK|%pK|%20pK", &[0, err(2), 0]);
    r.t("%pC|%pCn|%pCr|%pg|%pV", &[0, 5, err(1), 0, 0]);
    let low: Vec<u64> = (1..=18).collect();
    r.t("%pM|%pI4|%pE|%ph|%pb|%pU|%pR|%pGg|%pa|%pt|%pd|%pD|%pC|%pg|%pfw|%pNF|%p4cc|%pIS", &low);
    r.t("%20pM|%-10pU|%.3pE|", &[1, 0, 3]);
}
