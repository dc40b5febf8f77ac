//! The control plane: the channels between controllers and the show.

use std::sync::Arc;

use super::{Inbox, Notices, Values};
use crate::instrument::{Action, Table};

/// The channels between controllers and the show. Clones share them.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// The parameters.
    pub table: Arc<Table>,
    /// Actions on their way to the show.
    pub inbox: Arc<Inbox>,
    /// The parameters' present values.
    pub values: Arc<Values>,
    /// Lines for the performer.
    pub notices: Arc<Notices>,
}

impl ControlPlane {
    /// Empty channels for the parameters of a table.
    pub fn new(table: &Arc<Table>) -> Self {
        Self {
            table: Arc::clone(table),
            inbox: Arc::new(Inbox::new(table)),
            values: Arc::new(Values::new(table)),
            notices: Arc::new(Notices::default()),
        }
    }
    /// Sends an action to the show, as having arrived now. Neither waits nor allocates.
    pub fn send(&self, action: Action) {
        self.inbox.put(action, self.inbox.now());
    }
}
