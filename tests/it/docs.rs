//! The guides are complete.

mod reference;

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of an enum's variants.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = format!("pub enum {name} {{");
    let (_, body) = source.split_once(&start).unwrap_or_else(|| panic!("no {name}"));
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn why_rejected_has_a_row_for_every_kind() {
    let guide = read("docs/how-to/debug-a-401.md");
    for (source, name) in
        [("src/jwt/token_error.rs", "TokenErrorKind"), ("src/rejection/error.rs", "AuthErrorKind")]
    {
        let kinds = variants(&read(source), name);
        assert!(kinds.len() > 10, "{kinds:?}");
        for kind in kinds {
            let row = format!("| `{kind}` |");
            assert_eq!(guide.matches(&row).count(), 1, "{row} in docs/how-to/debug-a-401.md");
        }
    }
}
