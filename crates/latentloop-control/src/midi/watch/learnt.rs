//! Controls that are learnt and forgotten.

use std::sync::Arc;

use super::Watch;
use crate::control::midi::learning::Found;
use crate::control::midi::shelf::Learnt;
use crate::instrument::ParamId;

impl Watch {
    /// Takes what was learnt, and what is to be forgotten, into the maps.
    pub(super) fn learn(&mut self) {
        while let Some((port, param, found)) = self.common.learning.take() {
            match self.learn_one(port, param, found) {
                Ok(learnt) => {
                    let mut text = format!("{} is learnt: {}", learnt.control, learnt.name);
                    if !learnt.replaced.is_empty() {
                        text += &format!(", instead of {}", learnt.replaced.join(" and "));
                    }
                    self.notices.info(text);
                    self.board.learnt.store(Some(Arc::new(learnt)));
                }
                Err(reason) => self.notices.warn(format!("nothing is learnt: {reason}")),
            }
        }
        while let Some(param) = self.board.unlearn.pop() {
            match self.shelf.unlearn(param) {
                Ok(count) => self
                    .notices
                    .info(format!("{count} learnt controls are forgotten")),
                Err(reason) => self.notices.warn(reason),
            }
            self.rewire();
        }
    }

    fn learn_one(&mut self, port: u16, param: ParamId, found: Found) -> Result<Learnt, String> {
        let mut sources = self.sources.values();
        let source = sources.find(|source| source.line.number == port);
        let source = source.ok_or_else(|| "its port has gone".to_owned())?;
        let names = source.names.clone();
        let wiring = source.line.wiring.load_full();
        let page = self.common.values.get(wiring.map.page) as u8;
        let learnt = self.shelf.learn(&names, &wiring.map, param, found, page)?;
        self.rewire();
        Ok(learnt)
    }
}
