//! The keys of the attribute.

use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token};

/// What stands in `#[kexport(...)]`.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) since: Option<LitStr>,
    pub(crate) until: Option<LitStr>,
    pub(crate) header: Option<LitStr>,
    pub(crate) partial: Option<LitStr>,
    pub(crate) symbols: Vec<LitStr>,
    pub(crate) gpl: bool,
    /// The function's own name is not exported.
    pub(crate) only: bool,
}

impl Parse for Keys {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut keys = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "gpl" => keys.gpl = true,
                "only" => keys.only = true,
                name => {
                    input.parse::<Token![=]>()?;
                    let value: LitStr = input.parse()?;
                    match name {
                        "since" => keys.since = Some(value),
                        "until" => keys.until = Some(value),
                        "header" => keys.header = Some(value),
                        "partial" => keys.partial = Some(value),
                        "symbol" => keys.symbols.push(value),
                        _ => return Err(syn::Error::new(key.span(), "unknown key")),
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if keys.since.is_none() || keys.header.is_none() {
            return Err(input.error("`since` and `header` are required"));
        }
        Ok(keys)
    }
}
