//! The C entry point and the table row of a function.

use crate::attribute::Keys;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, Meta, Type};

pub(crate) fn expand(keys: &Keys, item: &ItemFn) -> syn::Result<TokenStream> {
    let doc = first_paragraph(item);
    if doc.is_empty() {
        return Err(syn::Error::new_spanned(&item.sig, "an exported function needs documentation"));
    }
    let types = argument_types(item)?;
    let name = &item.sig.ident;
    let row = format_ident!("__EXPORT_{}", name);
    let own = name.to_string();
    let own = own.strip_prefix("r#").unwrap_or(&own).to_string();
    let names =
        (!keys.only).then_some(quote!(#own)).into_iter().chain(keys.symbols.iter().map(ToTokens::to_token_stream));
    let (since, header, gpl) = (&keys.since, &keys.header, keys.gpl);
    let until = option(keys.until.as_ref());
    let partial = option(keys.partial.as_ref());
    let note_call = keys.partial.is_some().then(|| quote!(CALLED.store(true, ::std::sync::atomic::Ordering::Relaxed);));
    let signature = item.sig.to_token_stream().to_string();
    let args = types.iter().filter(|ty| !is_var_args(ty)).count() as u8;
    let (entry, convention) = entry_point(item, &types, &own, note_call.as_ref());
    Ok(quote! {
        #item

        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        static #row: ::kabi::Export = {
            static CALLED: ::std::sync::atomic::AtomicBool = ::std::sync::atomic::AtomicBool::new(false);
            #entry
            ::kabi::Export {
                names: &[#(#names),*],
                entry: entry as *const (),
                convention: #convention,
                args: #args,
                gpl: #gpl,
                since: #since,
                until: #until,
                header: #header,
                partial: #partial,
                doc: concat!(#(#doc),*),
                signature: #signature,
                called: &CALLED,
            }
        };
    })
}

fn option(value: Option<&syn::LitStr>) -> TokenStream {
    value.map_or_else(|| quote!(None), |v| quote!(Some(#v)))
}

fn argument_types(item: &ItemFn) -> syn::Result<Vec<&Type>> {
    item.sig.inputs.iter().map(argument_type).collect()
}

fn argument_type(argument: &FnArg) -> syn::Result<&Type> {
    match argument {
        FnArg::Typed(typed) => Ok(&typed.ty),
        receiver => Err(syn::Error::new_spanned(receiver, "an exported function is no method")),
    }
}

/// The first paragraph of the documentation, as parts for `concat!`; a line may itself be made by a macro.
fn first_paragraph(item: &ItemFn) -> Vec<TokenStream> {
    let mut parts: Vec<TokenStream> = Vec::new();
    for attribute in &item.attrs {
        let Meta::NameValue(meta) = &attribute.meta else { continue };
        if !meta.path.is_ident("doc") {
            continue;
        }
        let line = match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                let line = text.value().trim().to_string();
                if line.is_empty() {
                    break;
                }
                quote!(#line)
            }
            other => other.to_token_stream(),
        };
        if !parts.is_empty() {
            parts.push(quote!(" "));
        }
        parts.push(line);
    }
    parts
}

fn is_var_args(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "VarArgs"))
}

fn entry_point(
    item: &ItemFn,
    types: &[&Type],
    own: &str,
    note_call: Option<&TokenStream>,
) -> (TokenStream, TokenStream) {
    let name = &item.sig.ident;
    if let Some((_, named)) = types.split_last().filter(|(last, _)| is_var_args(last)) {
        let values = (0..named.len()).map(|i| format_ident!("v{i}"));
        let uses = values.clone();
        let entry = quote! {
            extern "C" fn entry(list: u64) -> u64 {
                #note_call
                ::kabi::border::border(#own, || {
                    #[allow(unused_mut)]
                    let mut list = ::kabi::VaList::at(list);
                    #(let #values = <#named as ::kabi::FromAbi>::from_abi(list.next()?)?;)*
                    ::kabi::IntoAbi::into_abi(#name(#(#uses,)* ::kabi::VarArgs(list)))
                })
            }
        };
        return (entry, quote!(::kabi::Convention::Variadic));
    }
    let registers: Vec<_> = (0..types.len()).map(|i| format_ident!("r{i}")).collect();
    let stack_args = types.len().saturating_sub(6) as u8;
    let entry = quote! {
        extern "C" fn entry(#(#registers: u64),*) -> u64 {
            #note_call
            ::kabi::border::border(#own, || {
                ::kabi::IntoAbi::into_abi(#name(#(<#types as ::kabi::FromAbi>::from_abi(#registers)?),*))
            })
        }
    };
    (entry, quote!(::kabi::Convention::Plain { stack_args: #stack_args }))
}
