//! Tests of the documentation: it must show the programs that are tested here, its tables must be
//! complete, and its indexes must list each page.

// The programs of the tutorials, with the tests that the tutorials show.
#[cfg(feature = "test-util")]
#[allow(dead_code)]
mod auth;
#[cfg(feature = "test-util")]
#[allow(dead_code)]
mod cart;
mod reference;

use std::fs;
use std::path::PathBuf;

/// Resolves a path that is relative to the root of the repository.
fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

fn read(path: &str) -> String {
    let path = in_repository(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the variant names of an enum.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = format!("pub enum {name} {{");
    let (_, body) = source.split_once(&start).unwrap_or_else(|| panic!("no {name}"));
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn debug_a_401_has_a_row_for_every_kind() {
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

#[test]
fn the_tutorials_show_the_tested_programs() {
    for (page, program) in [
        ("docs/tutorial/protect-a-service.md", "tests/it/docs/cart.rs"),
        ("docs/tutorial/add-an-auth-server.md", "tests/it/docs/auth.rs"),
    ] {
        let (page, program) = (read(page), read(program));
        let (code, tests) = program.split_once("\n#[cfg(test)]\n").unwrap();
        assert!(page.contains(&format!("```rust,no_run\n{code}```")), "{code}");
        assert!(page.contains(&format!("```rust\n#[cfg(test)]\n{tests}```")), "{tests}");
    }
}

/// Compares the code on the page about passkeys with the example, which the browser tests run. The
/// code is not compiled here, since compiling it would need 200 more crates.
#[test]
fn the_page_on_passkeys_shows_the_tested_example() {
    let page = read("docs/how-to/log-in-with-a-passkey.md");
    let files = ["main", "ceremonies", "passkeys"];
    let code = files.map(|file| read(&format!("examples/passkey/src/{file}.rs"))).concat();
    let blocks = page.split("\n```rust,ignore\n").skip(1);
    let blocks: Vec<_> = blocks.filter_map(|block| block.split_once("```")).collect();
    assert_eq!(blocks.len(), 3);
    for (block, _) in blocks {
        assert!(code.contains(block), "the example does not contain: {block}");
    }
}

/// Checks that the *Before* code of the migration guides is the code in `benches/suite/examples`.
/// CI compiles these examples together with the benchmarks, which depend on the other crates.
#[test]
fn the_pages_on_migration_show_compiled_code() {
    for page in ["migrate-from-jwt-authorizer", "migrate-from-axum-jwt-auth"] {
        let example = format!("benches/suite/examples/{}.rs", page.replace('-', "_"));
        let (page, example) = (read(&format!("docs/how-to/{page}.md")), read(&example));
        let (_, code) = example.split_once("\nfn main() {}\n\n").unwrap();
        assert!(page.contains(&format!("```rust,ignore\n{code}```")), "{code}");
    }
}

#[test]
fn every_page_is_in_the_guide_and_in_its_index() {
    let modules = read("src/guide.rs") + &read("src/lib.rs");
    for folder in ["tutorial", "how-to", "reference", "explanation"] {
        let index = read(&format!("docs/{folder}/README.md"));
        for file in fs::read_dir(in_repository("docs").join(folder)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let Some(page) = name.strip_suffix(".md").filter(|page| *page != "README") else {
                continue;
            };
            let file = format!("{folder}/{name}\"");
            assert!(modules.contains(&file), "docs/{folder}/{name} is not in src/guide.rs");
            let label = format!("[{folder}/{page}]: {name}");
            assert!(
                index.contains(&label),
                "docs/{folder}/{name} is not in docs/{folder}/README.md"
            );
        }
    }
}
