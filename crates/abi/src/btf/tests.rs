use super::write::*;
use super::*;

fn member(name: &str, ty: TypeId, bit_offset: u32, bit_size: u32) -> NewMember {
    NewMember { name: name.to_owned(), ty, bit_offset, bit_size }
}

/// struct inner { int a; union { long b; char c[4]; }; }; struct outer { struct inner in[2]; unsigned f:3, g:5; }
/// enum e { NEG = -1, BIG = 7 }; int call(const char *fmt, struct outer *o, ...);
fn sample() -> Vec<u8> {
    let mut w = Writer::new();
    let int = w.int("int", 4, true);
    let long = w.int("long", 8, true);
    let char_ = w.int("char", 1, true);
    let chars = w.array(char_, int, 4);
    let anon = w.aggregate(KIND_UNION, "", 8, &[member("b", long, 0, 0), member("c", chars, 0, 0)]);
    let inner = w.aggregate(KIND_STRUCT, "inner", 16, &[member("a", int, 0, 0), member("", anon, 64, 0)]);
    let pair = w.array(inner, int, 2);
    let unsigned = w.int("unsigned int", 4, false);
    let bits = [member("in", pair, 0, 0), member("f", unsigned, 256, 3), member("g", unsigned, 259, 5)];
    let outer = w.aggregate(KIND_STRUCT, "outer", 40, &bits);
    w.simple(KIND_TYPEDEF, "outer_t", outer.0);
    w.enumeration("e", 4, true, &[("NEG".into(), -1), ("BIG".into(), 7)]);
    w.enumeration("e64", 8, false, &[("HUGE".into(), 0x1_0000_0002)]);
    let const_char = w.simple(KIND_CONST, "", char_.0);
    let fmt = w.simple(KIND_PTR, "", const_char.0);
    let ptr = w.simple(KIND_PTR, "", outer.0);
    let proto = w.prototype(int, &[("fmt".into(), fmt), ("o".into(), ptr)], true);
    w.simple(KIND_FUNC, "call", proto.0);
    let callback = w.simple(KIND_PTR, "", proto.0);
    w.aggregate(KIND_STRUCT, "ops", 8, &[member("call", callback, 0, 0)]);
    w.finish()
}

#[test]
fn members_are_found_through_anonymous_structs_arrays_and_paths() {
    let raw = sample();
    let index = index::build(&raw).unwrap();
    let btf = Btf::new(&raw, &index).unwrap();
    let outer = btf.aggregate("outer").unwrap();
    assert_eq!(btf.size(outer), Some(40));
    assert_eq!(btf.aggregate("outer_t"), Some(outer));
    assert_eq!(btf.type_by_name("struct outer"), Some(outer));
    let at = |path: &str| btf.member(outer, path).map(|m| (m.offset, m.size, m.bit_size));
    assert_eq!(at("in"), Some((0, 32, 0)));
    assert_eq!(at("in[1].b"), Some((24, 8, 0)));
    assert_eq!(at("in[1].c[3]"), Some((27, 1, 0)));
    assert_eq!(at("in[2].b"), None, "outside of the array");
    assert_eq!(at("g"), Some((32, 4, 5)));
    assert_eq!(btf.member(outer, "g").unwrap().bit_offset, 259);
    for wrong in ["", ".", "nothing", "in.b.c", "in[", "in[x]", "a", "f.x"] {
        assert_eq!(at(wrong), None, "{wrong:?}");
    }
}

#[test]
fn enum_values_keep_their_sign_and_width() {
    let raw = sample();
    let index = index::build(&raw).unwrap();
    let btf = Btf::new(&raw, &index).unwrap();
    assert_eq!(btf.enum_value("NEG"), Some(-1));
    assert_eq!(btf.enum_value("BIG"), Some(7));
    assert_eq!(btf.enum_value("HUGE"), Some(0x1_0000_0002));
    assert_eq!(btf.enum_value("e"), None);
}

#[test]
fn prototypes_say_what_a_stub_needs() {
    let raw = sample();
    let index = index::build(&raw).unwrap();
    let btf = Btf::new(&raw, &index).unwrap();
    let call = btf.prototype("call").unwrap();
    assert!(call.variadic && !call.has_stack_arguments());
    assert_eq!(call.params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["fmt", "o"]);
    assert!(call.params.iter().all(|p| p.value.is_pointer()));
    assert_eq!(call.ret.class, ValueClass::Integer { signed: true });
    assert_eq!(btf.prototype("nothing"), None);
    assert_eq!(btf.prototype("inner"), None);
}

#[test]
fn declarations_read_as_c() {
    let raw = sample();
    let index = index::build(&raw).unwrap();
    let btf = Btf::new(&raw, &index).unwrap();
    assert_eq!(btf.declare_function("call").unwrap(), "int call(const char *fmt, struct outer *o, ...)");
    let ops = btf.define(btf.aggregate("ops").unwrap()).unwrap();
    assert!(ops.contains("int (*call)(const char *fmt, struct outer *o, ...); /* 0 +8 */"), "{ops}");
    let outer = btf.define(btf.aggregate("outer").unwrap()).unwrap();
    assert!(outer.contains("struct inner in[2]; /* 0 +32 */"), "{outer}");
    assert!(outer.contains("unsigned int g : 5; /* 32 +4 */"), "{outer}");
    let inner = btf.define(btf.aggregate("inner").unwrap()).unwrap();
    assert!(inner.contains("union {\n\t\tlong b; /* 8 +8 */"), "{inner}");
}

/// Asks everything there is to ask.
fn query_all(raw: &[u8], index: &[u8]) {
    let Some(btf) = Btf::new(raw, index) else { return };
    for name in ["outer", "inner", "outer_t", "e", "ops", "int"] {
        if let Some(id) = btf.type_by_name(name) {
            btf.size(id);
            btf.define(id);
            btf.member(id, "in[1].c[3]");
            btf.member(id, "b");
            btf.members(id);
        }
        btf.aggregate(name);
    }
    for id in 0..btf.type_count().min(100) {
        btf.define(TypeId(id));
        btf.value(TypeId(id));
        btf.prototype_of(TypeId(id));
    }
    btf.prototype("call");
    btf.declare_function("call");
    btf.enum_value("BIG");
}

#[test]
fn flipped_bytes_never_panic() {
    let good = sample();
    let good_index = index::build(&good).unwrap();
    for at in 0..good.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            // The index of the good bytes, as if the file had been damaged after the import ...
            query_all(&bad, &good_index);
            // ... and the import of damaged bytes.
            if let Ok(index) = index::build(&bad) {
                query_all(&bad, &index);
            }
        }
    }
    for at in 0..good_index.len() {
        let mut bad = good_index.clone();
        bad[at] ^= 0x81;
        query_all(&good, &bad);
    }
    for cut in 0..good.len() {
        assert!(index::build(&good[..cut]).is_err(), "cut at {cut}");
        query_all(&good[..cut], &good_index);
    }
}

#[test]
fn a_struct_that_contains_itself_ends_the_search() {
    let mut w = Writer::new();
    let (this, int) = (TypeId(1), TypeId(2));
    let again: Vec<_> = (0..8).map(|_| member("", this, 0, 0)).collect();
    w.aggregate(KIND_STRUCT, "loop", 8, &again);
    w.int("int", 4, true);
    w.aggregate(KIND_STRUCT, "other", 4, &[member("x", int, 0, 0)]);
    let raw = w.finish();
    let index = index::build(&raw).unwrap();
    let btf = Btf::new(&raw, &index).unwrap();
    assert_eq!(btf.member(this, "x"), None);
}

#[test]
fn a_prototype_that_mentions_itself_ends_the_text() {
    let mut w = Writer::new();
    let this = TypeId(1);
    let params: Vec<_> = (0..8).map(|i| (format!("p{i}"), this)).collect();
    w.prototype(this, &params, false);
    let raw = w.finish();
    let index = index::build(&raw).unwrap();
    assert!(Btf::new(&raw, &index).unwrap().type_name(this).contains("..."));
}
