//! The stage: GPU, targets, look passes and windows.
