//! Bounds of loops: how often those of a shader run, and what that costs, found on naga's form of it before any card sees it.
//!
//! Only one kind of loop can be told: a counter that is a whole number, begins at a constant, goes on by a constant and ends at a
//! constant, and that nothing else changes.

use wgpu::naga::{
    BinaryOperator, Block, Expression, Function, Handle, Literal, LocalVariable, Module, Span,
    Statement, TypeInner,
};

/// Most rounds of a loop.
pub(super) const MAX_ROUNDS: u64 = 1024;
/// Most rounds of all loops of a shader together, those inside others multiplied; a call counts as one more.
pub(super) const MAX_TOTAL: u64 = 65_536;

/// What a read of a texture costs, in operations.
const READ: u64 = 16;

/// What is wrong with a loop, and where.
pub(super) type LoopError = (Span, String);

/// What a point costs at most.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Rounds of loops, and calls.
    rounds: u64,
    /// Operations, a read of a texture counted as [`READ`]. Of branches all count: where neighbouring points part, a card takes
    /// every one.
    operations: u64,
}

/// Holds every loop of a module against the bounds; gives the most operations that a point takes. `entry` is the function that
/// is drawn with.
pub(super) fn check(module: &Module, entry: &Function) -> Result<u64, LoopError> {
    // Functions stand after those that they call, and none calls itself.
    let mut costs: Vec<Cost> = Vec::with_capacity(module.functions.len());
    for (_, function) in module.functions.iter() {
        let cost = LoopCosts::new(module, function, &costs).block(&function.body)?;
        costs.push(cost);
    }
    let cost = LoopCosts::new(module, entry, &costs).block(&entry.body)?;
    Ok(cost.operations)
}

/// The costs of one function.
struct LoopCosts<'a> {
    module: &'a Module,
    function: &'a Function,
    /// Those of the functions before this one.
    costs: &'a [Cost],
}

impl<'a> LoopCosts<'a> {
    fn new(module: &'a Module, function: &'a Function, costs: &'a [Cost]) -> Self {
        Self {
            module,
            function,
            costs,
        }
    }

    /// What a block costs.
    fn block(&self, block: &Block) -> Result<Cost, LoopError> {
        let mut total = Cost::default();
        for (at, (statement, &span)) in block.span_iter().enumerate() {
            let cost = match statement {
                Statement::Emit(range) => Cost {
                    rounds: 0,
                    operations: range.clone().map(|found| self.operations(found)).sum(),
                },
                Statement::Block(inner) => self.block(inner)?,
                Statement::If { accept, reject, .. } => {
                    let (accept, reject) = (self.block(accept)?, self.block(reject)?);
                    Cost {
                        rounds: accept.rounds.max(reject.rounds),
                        operations: accept.operations.saturating_add(reject.operations),
                    }
                }
                Statement::Switch { cases, .. } => {
                    let mut all = Cost::default();
                    for case in cases {
                        let one = self.block(&case.body)?;
                        all.rounds += one.rounds;
                        all.operations = all.operations.saturating_add(one.operations);
                    }
                    all
                }
                Statement::Call { function, .. } => {
                    let called = self.costs.get(function.index());
                    let called = called.copied().unwrap_or_default();
                    Cost {
                        rounds: 1 + called.rounds,
                        operations: called.operations.saturating_add(1),
                    }
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => {
                    let before = &block[..at];
                    let rounds = self
                        .rounds(before, body, continuing, break_if.is_some())
                        .map_err(|reason| (span, reason))?;
                    let (body, continuing) = (self.block(body)?, self.block(continuing)?);
                    let inner = body.rounds + continuing.rounds;
                    let operations = body.operations.saturating_add(continuing.operations);
                    Cost {
                        rounds: rounds * inner.max(1),
                        operations: operations.saturating_mul(rounds),
                    }
                }
                _ => Cost {
                    rounds: 0,
                    operations: 1,
                },
            };
            total.rounds += cost.rounds;
            total.operations = total.operations.saturating_add(cost.operations);
            if total.rounds > MAX_TOTAL {
                let reason = format!(
                    "the loops and calls of this shader come to {} in all, those inside loops \
                     multiplied; at most {MAX_TOTAL} are let in",
                    total.rounds
                );
                return Err((span, reason));
            }
        }
        Ok(total)
    }

    /// What finding an expression out costs.
    fn operations(&self, expression: Handle<Expression>) -> u64 {
        match self.function.expressions[expression] {
            Expression::ImageSample { .. } | Expression::ImageLoad { .. } => READ,
            _ => 1,
        }
    }

    /// Rounds of one loop.
    fn rounds(
        &self,
        before: &[Statement],
        body: &Block,
        continuing: &Block,
        breaks: bool,
    ) -> Result<u64, String> {
        const FORM: &str = "a loop must be `for (var i = 0; i < 64; i++)`: a whole counter that begins \
                            at a number, ends at a number and goes on by a number, and that nothing \
                            else changes, so that it ends for certain";
        let form = || FORM.to_owned();
        if breaks {
            return Err(form());
        }
        let (counter, operator, end) = self.condition(body).ok_or_else(form)?;
        let step = self.step(continuing, counter).ok_or_else(form)?;
        if self.changes(body, counter) > 0 || self.changes(continuing, counter) > 1 {
            return Err(form());
        }
        let start = self.start(before, counter).ok_or_else(form)?;
        let distance = match operator {
            BinaryOperator::Less if step > 0 => end - start,
            BinaryOperator::LessEqual if step > 0 => end - start + 1,
            BinaryOperator::Greater if step < 0 => start - end,
            BinaryOperator::GreaterEqual if step < 0 => start - end + 1,
            _ => return Err(form()),
        };
        let rounds = (distance.max(0) as u64).div_ceil(step.unsigned_abs());
        if rounds > MAX_ROUNDS {
            return Err(format!(
                "this loop runs {rounds} times; at most {MAX_ROUNDS} are let in"
            ));
        }
        // A counter that leaves its range goes on at the other end of it.
        let last = start + rounds as i64 * step;
        let is_signed = self.is_signed(counter).ok_or_else(form)?;
        let range = if is_signed {
            i64::from(i32::MIN)..=i64::from(i32::MAX)
        } else {
            0..=i64::from(u32::MAX)
        };
        if range.contains(&last) {
            Ok(rounds)
        } else {
            Err(format!(
                "the counter of this loop comes to {last}, which it cannot hold, and so never ends"
            ))
        }
    }

    /// The counter, the comparison and the number of the condition that a loop's body begins with.
    fn condition(&self, body: &Block) -> Option<(Handle<LocalVariable>, BinaryOperator, i64)> {
        let first = body.iter().find(|s| !matches!(s, Statement::Emit(_)))?;
        let Statement::If {
            condition,
            accept,
            reject,
        } = first
        else {
            return None;
        };
        if !accept.is_empty() || !matches!(reject[..], [Statement::Break]) {
            return None;
        }
        let Expression::Binary { op, left, right } = self.function.expressions[*condition] else {
            return None;
        };
        // What was found out before the loop says nothing about its later rounds.
        (is_found_in(body, *condition) && is_found_in(body, left)).then_some((
            self.loaded(left)?,
            op,
            self.number(right)?,
        ))
    }

    /// By how much the counter goes on.
    fn step(&self, continuing: &Block, counter: Handle<LocalVariable>) -> Option<i64> {
        let mut stores = continuing.iter().filter_map(|statement| match statement {
            Statement::Store { pointer, value } => Some((*pointer, *value)),
            _ => None,
        });
        let (_, value) = stores.find(|(pointer, _)| self.is(*pointer, counter))?;
        let Expression::Binary { op, left, right } = self.function.expressions[value] else {
            return None;
        };
        if self.loaded(left)? != counter || !is_found_in(continuing, left) {
            return None;
        }
        let step = self.number(right)?;
        match op {
            BinaryOperator::Add if step != 0 => Some(step),
            BinaryOperator::Subtract if step != 0 => Some(-step),
            _ => None,
        }
    }

    /// What the counter begins with: what is stored right before the loop, or what it was made with.
    fn start(&self, before: &[Statement], counter: Handle<LocalVariable>) -> Option<i64> {
        let last = before
            .iter()
            .rev()
            .find(|statement| !matches!(statement, Statement::Emit(_)));
        match last {
            Some(Statement::Store { pointer, value }) if self.is(*pointer, counter) => {
                self.number(*value)
            }
            // Nothing but its own loop changes it.
            _ if self.changes(&self.function.body, counter) == 1 => {
                self.number(self.function.local_variables[counter].init?)
            }
            _ => None,
        }
    }

    /// How many statements of a block may change a variable.
    fn changes(&self, block: &Block, variable: Handle<LocalVariable>) -> usize {
        let changes = |statement: &Statement| match statement {
            Statement::Block(inner) => self.changes(inner, variable),
            Statement::If { accept, reject, .. } => {
                self.changes(accept, variable) + self.changes(reject, variable)
            }
            Statement::Switch { cases, .. } => {
                let bodies = cases.iter().map(|case| self.changes(&case.body, variable));
                bodies.sum()
            }
            Statement::Loop {
                body, continuing, ..
            } => self.changes(body, variable) + self.changes(continuing, variable),
            Statement::Store { pointer, .. } => usize::from(self.is(*pointer, variable)),
            // A function that is given its address may write there.
            Statement::Call { arguments, .. } => {
                let given = arguments.iter().filter(|one| self.is(**one, variable));
                given.count()
            }
            _ => 0,
        };
        block.iter().map(changes).sum()
    }

    fn is(&self, pointer: Handle<Expression>, variable: Handle<LocalVariable>) -> bool {
        matches!(self.function.expressions[pointer], Expression::LocalVariable(v) if v == variable)
    }

    /// The variable whose value an expression is.
    fn loaded(&self, expression: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        let Expression::Load { pointer } = self.function.expressions[expression] else {
            return None;
        };
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => Some(variable),
            _ => None,
        }
    }

    /// A constant whole number.
    fn number(&self, expression: Handle<Expression>) -> Option<i64> {
        let whole = |literal: Literal| match literal {
            Literal::I32(number) => Some(i64::from(number)),
            Literal::U32(number) => Some(i64::from(number)),
            _ => None,
        };
        match self.function.expressions[expression] {
            Expression::Literal(literal) => whole(literal),
            Expression::ZeroValue(_) => Some(0),
            Expression::Constant(constant) => {
                let init = self.module.constants[constant].init;
                match self.module.global_expressions[init] {
                    Expression::Literal(literal) => whole(literal),
                    Expression::ZeroValue(_) => Some(0),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether a counter is signed; nothing where it is no whole number.
    fn is_signed(&self, counter: Handle<LocalVariable>) -> Option<bool> {
        use wgpu::naga::ScalarKind;
        match self.module.types[self.function.local_variables[counter].ty].inner {
            TypeInner::Scalar(scalar) if scalar.width == 4 => match scalar.kind {
                ScalarKind::Sint => Some(true),
                ScalarKind::Uint => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether an expression is found out in a block, each time anew.
fn is_found_in(block: &Block, expression: Handle<Expression>) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Emit(range) => range.clone().any(|found| found == expression),
        _ => false,
    })
}
