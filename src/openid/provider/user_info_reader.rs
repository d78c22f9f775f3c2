//! The application's functions that read the user info.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Error, Map, Value};

/// A function that reads one string from the user info of a provider.
#[derive(Clone)]
pub(super) struct UserInfoReader(Arc<ReadText>);

type ReadText = dyn Fn(Value) -> Result<Option<String>, Error> + Send + Sync;

impl UserInfoReader {
    pub(super) fn new<U: DeserializeOwned + 'static>(
        find: impl Fn(U) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |user_info| serde_json::from_value(user_info).map(&find)))
    }

    /// Returns the string that the application's function reads from the user info, or `None` if
    /// the function finds no string. Returns an error if the user info does not fit the function's
    /// argument type. The error may contain values of the user info.
    pub(super) fn read(&self, user_info: &Map<String, Value>) -> Result<Option<String>, Error> {
        (self.0)(Value::Object(user_info.clone()))
    }
}
