//! The carts of all users.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::shopper::Shopper;

/// The carts of all companies. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Carts {
    items: Arc<Mutex<BTreeMap<Owner, Vec<String>>>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    company: String,
    user: String,
}

impl Carts {
    pub(crate) fn add(&self, shopper: &Shopper, item: String) {
        self.lock().entry(Owner::from(shopper)).or_default().push(item);
    }

    pub(crate) fn of(&self, shopper: &Shopper) -> Vec<String> {
        self.lock().get(&Owner::from(shopper)).cloned().unwrap_or_default()
    }

    pub(crate) fn empty(&self, shopper: &Shopper) {
        self.lock().remove(&Owner::from(shopper));
    }

    /// Returns those users of a company who have a cart.
    pub(crate) fn users(&self, company: &str) -> Vec<String> {
        let carts = self.lock();
        let owners = carts.keys().filter(|owner| owner.company == company);
        owners.map(|owner| owner.user.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Owner, Vec<String>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Shopper> for Owner {
    fn from(shopper: &Shopper) -> Self {
        Self { company: shopper.company.clone(), user: shopper.sub.clone() }
    }
}
