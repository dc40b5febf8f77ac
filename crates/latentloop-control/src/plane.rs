//! What every controller is handed: the parameters, and the three queues between it and the show.

use std::sync::Arc;

use super::{Inbox, Notices, Values};
use crate::instrument::Table;

/// The channels between controllers and the show. Clones share them.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// The parameters.
    pub table: Arc<Table>,
    /// Where actions wait for the show.
    pub inbox: Arc<Inbox>,
    /// Where every parameter stands.
    pub values: Arc<Values>,
    /// What the performer is told.
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
}
