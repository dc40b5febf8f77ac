//! The training run: one seeded loop of batches, losses, optimiser, log and sheets.
