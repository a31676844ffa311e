//! The `#[kexport]` attribute and the `exports!` list.
//!
//! `#[kexport]` turns a safe Rust function into one that modules can call: it adds the C entry point (decoding the
//! arguments through `kabi::FromAbi`, encoding the result through `kabi::IntoAbi`) and a `kabi::Export` row.
//! `exports![a, b]` collects a file's rows in `EXPORTS`; a function that is missing there is dead code, an error.

mod attribute;
mod function;

use proc_macro::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Ident, ItemFn, Token, parse_macro_input};

/// Makes a function callable by modules. Keys: `since = "2.6.39"` and `header = "linux/kstrtox.h"` (both required),
/// `gpl`, `until = "6.9"`, `symbol = "name"` (another name, may repeat; with `only` the function's own name is not one),
/// `partial = "what is missing"`.
#[proc_macro_attribute]
pub fn kexport(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let keys = parse_macro_input!(attribute as attribute::Keys);
    let item = parse_macro_input!(item as ItemFn);
    function::expand(&keys, &item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Lists a file's exported functions: `exports![kstrtoint, kstrtouint];`.
#[proc_macro]
pub fn exports(input: TokenStream) -> TokenStream {
    let names = parse_macro_input!(input with Punctuated::<Ident, Token![,]>::parse_terminated);
    let rows = names.iter().map(|name| format_ident!("__EXPORT_{}", name));
    quote! {
        /// The functions of this file that modules can import.
        pub(crate) static EXPORTS: &[&::kabi::Export] = &[#(&#rows),*];
    }
    .into()
}
