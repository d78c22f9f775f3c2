//! The users' accounts at other providers, in the same SQLite file as the users.
//!
//! An account at a provider is identified by its issuer and its subject. A name or an email address
//! is not enough: another person can have the same name or address at another provider, or get it
//! later.

use crate::users::Users;

/// An account at a login provider.
pub(crate) struct Elsewhere<'i> {
    pub(crate) issuer: &'i str,
    pub(crate) subject: &'i str,
    /// The provider's name in the paths of the routes.
    pub(crate) provider: &'i str,
    /// The person's name, from the profile at the provider.
    pub(crate) name: Option<&'i str>,
}

impl Users {
    /// Creates the table of the accounts at other providers.
    pub(crate) async fn add_identities(&self) -> Result<(), sqlx::Error> {
        let table = "CREATE TABLE IF NOT EXISTS identities (issuer TEXT NOT NULL, \
             subject TEXT NOT NULL, user TEXT NOT NULL REFERENCES users (name), \
             provider TEXT NOT NULL, name TEXT, PRIMARY KEY (issuer, subject))";
        sqlx::query(table).execute(&self.pool).await?;
        Ok(())
    }

    /// Returns the user who has this account. Also replaces the stored name of the account with the
    /// current name from the profile.
    pub(crate) async fn user_with(
        &self,
        account: &Elsewhere<'_>,
    ) -> Result<Option<String>, sqlx::Error> {
        let update = "UPDATE identities SET name = $3 WHERE issuer = $1 AND subject = $2 \
             RETURNING user";
        let update = sqlx::query_scalar(update)
            .bind(account.issuer)
            .bind(account.subject)
            .bind(account.name);
        update.fetch_optional(&self.pool).await
    }

    /// Links an account to a user, unless another user already has the account. Returns the user
    /// who has the account afterward.
    pub(crate) async fn link(
        &self,
        user: &str,
        account: &Elsewhere<'_>,
    ) -> Result<String, sqlx::Error> {
        let insert = "INSERT INTO identities (issuer, subject, user, provider, name) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name RETURNING user";
        let insert = sqlx::query_scalar(insert).bind(account.issuer).bind(account.subject);
        let insert = insert.bind(user).bind(account.provider).bind(account.name);
        insert.fetch_one(&self.pool).await
    }

    /// Creates a user for an account. The user gets a random name, since the name in the profile is
    /// not unique, and people can choose it freely.
    pub(crate) async fn sign_up(&self, account: &Elsewhere<'_>) -> Result<String, sqlx::Error> {
        let insert = "INSERT INTO users (name, password_hash, company, roles, scopes) \
             VALUES ($1 || '-' || lower(hex(randomblob(8))), '', 'guests', 'shopper', 'cart') \
             RETURNING name";
        let mut transaction = self.pool.begin().await?;
        let insert = sqlx::query_scalar(insert).bind(account.provider);
        let user: String = insert.fetch_one(&mut *transaction).await?;
        let link = "INSERT INTO identities (issuer, subject, user, provider, name) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let link = sqlx::query(link).bind(account.issuer).bind(account.subject).bind(&user);
        let link =
            link.bind(account.provider).bind(account.name).execute(&mut *transaction).await?;
        if link.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(user);
        }
        // A concurrent login with the same account has already created a user.
        transaction.rollback().await?;
        self.user_with(account).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Returns the profile name of an account at a provider.
    pub(crate) async fn profile_name(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        let select = "SELECT name FROM identities WHERE issuer = $1 AND subject = $2";
        let select = sqlx::query_scalar(select).bind(issuer).bind(subject);
        Ok(select.fetch_optional(&self.pool).await?.flatten())
    }

    /// Returns the providers at which a user has an account.
    pub(crate) async fn providers_of(&self, user: &str) -> Result<Vec<String>, sqlx::Error> {
        let select = "SELECT DISTINCT provider FROM identities WHERE user = $1 ORDER BY provider";
        sqlx::query_scalar(select).bind(user).fetch_all(&self.pool).await
    }
}
