//! The users, in SQLite. Their passwords are stored as slow, salted hashes.

use std::error::Error;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::Semaphore;
use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, Session};

use crate::attempts::Attempts;
use crate::devices::Devices;

/// The users of the demonstration: name, password, company, roles and scopes.
const DEMONSTRATION: [[&str; 5]; 2] = [
    ["alice", "wonderland", "acme", "admin", "cart pay"],
    ["bob", "builder", "acme", "shopper", "cart"],
];

pub(crate) struct Users {
    pub(crate) pool: SqlitePool,
    /// The hash that the password is checked against if the user does not exist, so that the
    /// response takes equally long.
    nobodys_hash: Arc<str>,
    attempts: Arc<Attempts>,
    devices: Arc<Devices>,
}

pub(crate) struct User {
    name: String,
    /// `None` for a user who logs in only with accounts at other providers.
    password_hash: Option<String>,
    company: String,
    roles: String,
    scopes: String,
}

/// The credentials of a login.
#[derive(Deserialize)]
pub(crate) struct Password {
    user: String,
    password: String,
}

/// The shop's own claims.
#[derive(Serialize)]
pub(crate) struct Employee {
    company: String,
}

impl Users {
    /// Opens the table, and adds the demonstration's users.
    pub(crate) async fn open(
        path: &str,
        attempts: Arc<Attempts>,
        devices: Arc<Devices>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await?;
        let table = "CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, \
             password_hash TEXT NOT NULL, company TEXT NOT NULL, roles TEXT NOT NULL, \
             scopes TEXT NOT NULL)";
        sqlx::query(table).execute(&pool).await?;
        let nobodys_hash = hash("nobody's".to_owned()).await?.into();
        let users = Self { pool, nobodys_hash, attempts, devices };
        for [name, password, company, roles, scopes] in DEMONSTRATION {
            if users.find(name).await?.is_none() {
                let insert = "INSERT OR IGNORE INTO users VALUES ($1, $2, $3, $4, $5)";
                let insert = sqlx::query(insert).bind(name).bind(hash(password.to_owned()).await?);
                insert.bind(company).bind(roles).bind(scopes).execute(&users.pool).await?;
            }
        }
        Ok(users)
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Option<User>, sqlx::Error> {
        let columns = "SELECT name, nullif(password_hash, ''), company, roles, scopes \
             FROM users WHERE name = $1";
        let row = sqlx::query_as(columns).bind(name).fetch_optional(&self.pool).await?;
        Ok(row.map(|(name, password_hash, company, roles, scopes)| User {
            name,
            password_hash,
            company,
            roles,
            scopes,
        }))
    }
}

impl Accounts for Users {
    type Credentials = Password;
    type Claims = Employee;

    async fn log_in(
        &self,
        login: Password,
        request: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        // The limit is checked before the lookup, so that the response is the same whether or not
        // the user exists.
        let device = self.devices.of_user(request, &login.user);
        self.attempts.count(&login.user, device.as_deref())?;
        let user = self.find(&login.user).await?;
        let user = user.filter(|user| user.password_hash.is_some());
        let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let hash = hash.unwrap_or(&self.nobodys_hash).to_owned();
        let is_right = verify(login.password, hash).await?;
        Ok(user.filter(|_| is_right).map(User::grant))
    }

    /// Returns the user's current grant when a session is renewed. If a role of the user was
    /// removed, the renewed token does not have the role.
    async fn renew(
        &self,
        session: &Session,
        _: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        Ok(self.find(session.subject()).await?.map(User::grant))
    }
}

impl User {
    pub(crate) fn grant(self) -> Grant<Employee> {
        Grant::new(self.name)
            .roles(self.roles.split_whitespace())
            .scopes(self.scopes.split_whitespace())
            .claims(Employee { company: self.company })
    }
}

/// Limits the number of concurrent hashes to two. Each hash takes 19 MiB of memory and tens of
/// milliseconds of processor time, so further hashes wait.
static HASHING: Semaphore = Semaphore::const_new(2);

async fn hash(password: String) -> Result<String, Box<dyn Error + Send + Sync>> {
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|h| h.to_string());
    let _permit = HASHING.acquire().await?;
    Ok(tokio::task::spawn_blocking(hash).await??)
}

async fn verify(password: String, hash: String) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let verify = move || {
        let hash = PasswordHash::new(&hash)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    let _permit = HASHING.acquire().await?;
    tokio::task::spawn_blocking(verify).await?
}
