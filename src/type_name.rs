//! Readable type names for error messages.

/// Shortens a type name that [`std::any::type_name`] returned. Removes the paths of this crate's
/// types, since those paths contain private modules.
pub(crate) fn written(name: &str) -> String {
    let is_separator = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    let paths = name.split_inclusive(is_separator).map(|path| {
        let ours = path.strip_prefix("tower_jwt_auth::");
        ours.map_or(path, |ours| ours.rsplit("::").next().unwrap_or(ours))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paths_of_this_crate_are_left_out() {
        for (name, expected) in [
            ("tower_jwt_auth::jwt::claims::StandardClaims", "StandardClaims"),
            ("tower_jwt_auth::claims::Claims<cart::Shopper>", "Claims<cart::Shopper>"),
            (
                "alloc::vec::Vec<(tower_jwt_auth::token::Token, &[u8])>",
                "alloc::vec::Vec<(Token, &[u8])>",
            ),
            ("my_tower_jwt_auth::Claims", "my_tower_jwt_auth::Claims"),
            ("str", "str"),
            ("", ""),
        ] {
            assert_eq!(written(name), expected);
        }
    }
}
