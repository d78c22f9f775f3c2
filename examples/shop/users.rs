//! The users of the demonstration.
//!
//! How to store passwords is outside this example: a real server keeps slow, salted hashes.

pub(crate) struct User {
    pub(crate) name: &'static str,
    password: &'static str,
    pub(crate) company: &'static str,
    pub(crate) roles: &'static [&'static str],
    pub(crate) scope: &'static str,
}

const USERS: [User; 2] = [
    User {
        name: "alice",
        password: "wonderland",
        company: "acme",
        roles: &["admin"],
        scope: "cart pay",
    },
    User { name: "bob", password: "builder", company: "acme", roles: &["shopper"], scope: "cart" },
];

pub(crate) fn with_password(name: &str, password: &str) -> Option<&'static User> {
    USERS.iter().find(|user| user.name == name && user.password == password)
}
