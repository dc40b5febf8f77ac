//! The control plane: the channels between controllers and the show.

use std::sync::Arc;

use super::{Inbox, Notices, Values};
use crate::instrument::{Action, Table};

/// The channels that every controller shares with the show. Cheap to clone.
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
    /// Channels with nothing in them, every parameter at its default.
    pub fn new(table: Arc<Table>) -> Self {
        Self {
            inbox: Arc::new(Inbox::new(&table)),
            values: Arc::new(Values::new(&table)),
            notices: Arc::default(),
            table,
        }
    }

    /// Sends an action to the show, as having arrived now. Neither waits nor allocates.
    pub fn send(&self, action: Action) {
        self.inbox.put(action, self.inbox.now());
    }
}
