//! Tests that the reference documents every item of the code, and names only items that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{in_repository, read, variants};

/// Returns the builder methods of a file. A builder method takes `self` and returns it.
fn builders(source: &str) -> Vec<&str> {
    let (code, _) = source.split_once("#[cfg(test)]\nmod tests").unwrap_or((source, ""));
    let functions = code.split("\n    pub fn ").skip(1);
    let signatures = functions.filter_map(|function| function.split_once(" {\n"));
    let is_builder = |signature: &str| {
        let takes_self = ["(self", "(mut self", "\n        mut self", "\n        self"];
        let returns_self = signature.ends_with("-> Self")
            || signature.contains("-> Self\n")
            || signature.contains("-> JwtAuth<U>");
        takes_self.iter().any(|start| signature.contains(start)) && returns_self
    };
    signatures
        .filter(|(signature, _)| is_builder(signature))
        .filter_map(|(signature, _)| signature.split(['(', '<']).next())
        .collect()
}

#[test]
fn every_builder_method_has_its_default_in_the_options() {
    let options = read("docs/reference/options.md");
    for (file, heading, at_least) in [
        ("src/auth/layer.rs", "`JwtAuth`", 25),
        ("src/jwt/validation.rs", "`JwtAuth`", 14),
        ("src/guard/layer.rs", "Guards", 1),
        ("src/issuer/token_issuer.rs", "`TokenIssuer`", 4),
        ("src/issuer/sessions/settings.rs", "`Sessions`", 10),
        ("src/issuer/routes/auth_routes.rs", "`AuthRoutes`", 3),
        ("src/issuer/routes/login_request.rs", "`LoginRequest`", 4),
        ("src/openid/provider/login_provider.rs", "`LoginProvider`", 11),
        ("src/issuer/routes/cookies.rs", "`Cookies`", 7),
        ("src/openid/routes/mount.rs", "`AuthRoutes`", 1),
        ("src/openid/routes/open_id_login.rs", "`OpenIdLogin`", 5),
        ("src/revocation/revocations.rs", "`Revocations`", 6),
        ("src/auth/cache/token_cache.rs", "`TokenCache`", 1),
        ("src/jwks/remote_keys.rs", "`RemoteKeys`", 4),
        ("src/jwks/source.rs", "`RemoteKeys`", 2),
        ("src/revocation/feed/follow.rs", "`Follow`", 4),
        ("src/revocation/feed/memory.rs", "Stores and feeds", 2),
        ("src/revocation/feed/redis.rs", "Stores and feeds", 1),
        ("src/issuer/sessions/store/redis.rs", "Stores and feeds", 2),
    ] {
        let (_, section) = options.split_once(&format!("\n## {heading}\n")).expect(heading);
        let section = section.split("\n## ").next().unwrap();
        let source = read(file);
        let methods = builders(&source);
        assert!(methods.len() >= at_least, "{file}: {methods:?}");
        for method in methods {
            let row = section.lines().any(|line| {
                let first = line.strip_prefix("| `").and_then(|line| line.split(" | ").next());
                first.is_some_and(|first| first.split(['`', ':']).any(|name| name == method))
            });
            assert!(row, "docs/reference/options.md lacks `{method}` of {file}");
        }
    }
}

#[test]
fn every_kind_of_event_and_error_has_its_row() {
    let events = read("docs/reference/events.md");
    for (file, name) in [
        ("src/issuer/sessions/event.rs", "SessionEvent<'a>"),
        ("src/issuer/sessions/family/mod.rs", "EndCause"),
        ("src/revocation/event.rs", "RevocationEvent<'a>"),
        ("src/revocation/feed/error.rs", "FeedErrorKind"),
        ("src/jwks/error.rs", "KeySourceErrorKind"),
    ] {
        let kinds = variants(&read(file), name);
        assert!(kinds.len() > 3, "{kinds:?}");
        for kind in kinds {
            let kind = kind.split('(').next().unwrap();
            let is_listed = events.contains(&format!("| `{kind}` |"))
                || events.contains(&format!("| `{kind}("));
            assert!(is_listed, "docs/reference/events.md lacks {name}::{kind}");
        }
    }
    let routes = read("docs/reference/auth-server.md");
    for kind in variants(&read("src/issuer/routes/login_error.rs"), "LoginErrorKind") {
        let is_listed = routes.contains(&format!("| `{kind}` |"));
        assert!(is_listed, "docs/reference/auth-server.md lacks {kind}");
    }
    let answers = read("docs/reference/answers.md");
    let failures = read("src/openid/routes/failure.rs");
    for kind in variants(&failures, "LoginFailureKind") {
        let row = answers.lines().find_map(|line| line.strip_prefix(&format!("| `{kind}` | `")));
        let row = row.unwrap_or_else(|| panic!("docs/reference/answers.md lacks {kind}"));
        let code = row.split('`').next().unwrap();
        let is_code = failures.contains(&format!("Self::{kind} => \"{code}\""));
        assert!(is_code || kind == "AccessNotGranted", "{kind} has another code than {code}");
    }
    let verification = read("docs/reference/verification.md");
    for kind in variants(&read("src/jwt/token_error.rs"), "TokenErrorKind") {
        let is_listed = kind == "Panicked" || verification.contains(&format!("`{kind}`"));
        assert!(is_listed, "docs/reference/verification.md lacks {kind}");
    }
}

#[test]
fn every_code_has_its_row_among_the_answers() {
    let answers = read("docs/reference/answers.md");
    let problems = read("docs/reference/problems.md");
    let codes: Vec<_> = problems.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert!(codes.len() >= 12, "{codes:?}");
    for code in codes {
        let status = problems.split_once(&format!("## {code}\n\nStatus ")).unwrap().1;
        let status = status.get(..3).unwrap();
        let row = format!("\n| `{code}` | {status} |");
        assert_eq!(answers.matches(&row).count(), 1, "{row}");
    }
}

/// Returns the features of a manifest, each with the features that it enables. Leaves out `default`
/// and the features of dependencies.
fn features(manifest: &str) -> BTreeMap<String, BTreeSet<String>> {
    let manifest = read(manifest);
    let section = manifest.split_once("\n[features]\n").unwrap().1.split("\n[").next().unwrap();
    let lines = section.lines().filter_map(|line| line.split_once(" = "));
    let lists: Vec<_> =
        lines.filter(|(name, _)| *name != "default" && !name.starts_with('#')).collect();
    let names: BTreeSet<_> = lists.iter().map(|(name, _)| *name).collect();
    assert!(names.len() > 5, "{names:?}");
    let enabled = |list: &str| {
        let items = list.split('"').skip(1).step_by(2);
        items.filter(|item| names.contains(item)).map(str::to_owned).collect()
    };
    lists.iter().map(|(name, list)| ((*name).to_owned(), enabled(list))).collect()
}

#[test]
fn every_feature_has_its_row() {
    let page = read("docs/reference/features.md");
    for name in features("Cargo.toml").keys() {
        let is_listed = page.contains(&format!("\n| `{name}` "));
        assert!(is_listed, "docs/reference/features.md lacks {name}");
    }
}

#[test]
fn the_tests_have_every_feature_of_the_library() {
    let mut of_tests = features("tests/Cargo.toml");
    assert!(of_tests.remove("tls").is_some(), "the only feature that the library does not have");
    assert_eq!(of_tests, features("Cargo.toml"));
    for name in features("Cargo.toml").keys() {
        let line = format!("\n{name} = [\"tower-jwt-auth/{name}\"");
        assert!(read("tests/Cargo.toml").contains(&line), "tests/Cargo.toml lacks {line}");
    }
}

#[test]
fn every_test_that_the_standards_name_exists() {
    let code = code_in("src") + &code_in("tests");
    let functions = code.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
    let tests: BTreeSet<_> = functions.collect();
    let mut named = 0;
    for page in ["docs/reference/standards.md", "docs/explanation/sessions.md"] {
        let text = read(page);
        let rows = text.lines().filter(|line| line.starts_with('|'));
        // Only the last column of a table contains the names of tests.
        let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
        for name in cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let is_test = name.matches('_').count() > 1 && !name.contains(['(', '.', ' ']);
            assert!(!is_test || tests.contains(name), "{page} names `{name}`");
            named += usize::from(is_test);
        }
    }
    assert!(named > 50, "{named}");
}

#[test]
fn every_diagram_can_be_embedded_in_a_page() {
    let folder = in_repository("docs/explanation");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".svg") {
            names.push(name);
        }
    }
    assert!(names.len() >= 4, "{names:?}");
    let guide = read("src/guide.rs");
    for name in names {
        let svg = read(&format!("docs/explanation/{name}"));
        assert!(svg.contains("<title ") && svg.contains("<desc "), "{name} has a title");
        // In Markdown, an empty line ends a block of HTML.
        assert!(svg.starts_with("<svg ") && !svg.contains("\n\n"), "{name} is one block");
        assert!(svg.contains(&format!(r#"img[src$="{name}"]"#)), "{name} hides its image");
        assert!(guide.contains(&format!("\"explanation/{name}\"")), "{name} is in a page");
    }
}

#[test]
fn every_name_of_this_crate_in_a_page_exists() {
    let code = code_in("src");
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let is_type = |name: &str| {
        ["struct", "enum", "trait"].iter().any(|kind| {
            let start = format!("pub {kind} {name}");
            code.match_indices(&start).any(|(place, _)| {
                code[place + start.len()..].starts_with(|c: char| !c.is_alphanumeric() && c != '_')
            })
        })
    };
    let mut pages = vec!["SECURITY.md".to_owned(), "README.md".to_owned()];
    for folder in ["docs/reference", "docs/explanation"] {
        let files = fs::read_dir(in_repository(folder)).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|file| file.extension().is_some_and(|end| end == "md"));
        pages.extend(files.map(|file| file.to_str().unwrap().to_owned()));
    }
    let mut checked = 0;
    for page in pages {
        let text = read(&page);
        for line in text.lines() {
            for span in line.split('`').skip(1).step_by(2) {
                let Some((owner, member)) = span.split_once("::") else { continue };
                let member = member.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                if is_type(owner) {
                    checked += 1;
                    assert!(words.contains(member.unwrap()), "{page} names `{span}`");
                }
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn the_architecture_has_every_module_and_its_walks_name_functions_that_exist() {
    let page = read("docs/explanation/architecture.md");
    for entry in fs::read_dir(in_repository("src")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        assert!(module == "lib" || page.contains(&format!("`{module}`")), "no row for {module}");
    }
    let mut checked = 0;
    for step in page.split("**`").skip(1) {
        let Some((file, rest)) = step.split_once("`**, `") else { continue };
        if file.contains('`') {
            continue;
        }
        let function = rest.split('`').next().unwrap().rsplit("::").next().unwrap();
        let is_there = read(&format!("src/{file}")).contains(&format!("fn {function}"));
        assert!(is_there, "{file} has no function {function}");
        checked += 1;
    }
    assert!(checked > 8, "{checked}");
}

fn code_in(folder: &str) -> String {
    let mut code = String::new();
    gather(&in_repository(folder), &mut code);
    code
}

/// Appends the text of all Rust files in a folder to `code`.
fn gather(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
