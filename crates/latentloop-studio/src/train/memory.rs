//! What a run takes of the machine's memory, and how the allocator treats it.

use crate::network::recipe::Recipe;
use crate::network::spec::Spec;

/// Bytes of a run beside its maps and parameters, as seen on Linux.
const BASE: u64 = 50_000_000;
/// How often the maps of a batch through the discriminator are in memory at the peak of a step, in tenths: both networks keep
/// theirs until their gradients are known. From the peaks of eleven runs, widths 1/16 to 1 and sides 64 to 512.
const MAPS_TENTHS: u64 = 95;
/// The same of the parameters: values, gradients, two moments, and all of them twice more while a checkpoint is written.
const PARAMETERS: u64 = 10;
/// The same of the generator's average.
const AVERAGE: u64 = 4;

/// About the most memory in bytes that training takes on the processor, the pictures of the footage not counted.
pub fn estimate(spec: &Spec, recipe: &Recipe, batch: usize) -> u64 {
    let size = spec.size() as u64;
    let maps: u64 = spec
        .discriminator
        .iter()
        .enumerate()
        .map(|(layer, &channels)| (size >> (layer + 1)).pow(2) * channels as u64)
        .sum();
    let per_picture = 4 * (maps + 3 * size * size);
    let inputs = std::iter::once(&3).chain(&spec.discriminator);
    let filters = inputs.zip(&spec.discriminator);
    let discriminator: usize = filters.map(|(inputs, outputs)| 16 * inputs * outputs).sum();
    let (generator, discriminator) = (4 * spec.parameters(), 4 * discriminator as u64);
    let average = u64::from(recipe.average > 0.0);
    BASE + batch as u64 * per_picture * MAPS_TENTHS / 10
        + (generator + discriminator) * PARAMETERS
        + average * AVERAGE * generator
}

/// Memory in bytes that programs can still take, swap included; nothing where the system does not say.
pub fn available() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = system.available_memory() + system.free_swap();
    let limit = system
        .cgroup_limits()
        .map_or(u64::MAX, |limits| limits.free_memory + limits.free_swap);
    Some(free.min(limit)).filter(|&bytes| bytes > 0)
}

/// Which flag brings a run down to `free` bytes: fewer pictures a step, else a narrower network.
pub(super) fn advice(spec: &Spec, recipe: &Recipe, batch: usize, width: f64, free: u64) -> String {
    let smaller = std::iter::successors(Some(batch / 2), |batch| Some(batch / 2));
    let fits = |&batch: &usize| estimate(spec, recipe, batch) <= free;
    if let Some(batch) = smaller.take_while(|&batch| batch >= 2).find(fits) {
        return format!("--batch {batch} would do");
    }
    let narrower = std::iter::successors(Some(width / 2.0), |width| Some(width / 2.0));
    for width in narrower.take(6) {
        if let Ok(spec) = Spec::studies(spec.size(), width, spec.latent)
            && estimate(&spec, recipe, batch) <= free
        {
            return format!("--width {width} would do");
        }
    }
    "take a smaller --size, or close other programs".into()
}

/// Has the allocator keep what a step frees for the next one, rather than give it back and fault it in again: a sixth of a step on
/// the processor. Only the GNU C library is told; others are left as they are.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code, reason = "a C function that sets three numbers")]
        // SAFETY: mallopt takes any numbers, and refuses those that it does not like.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_near_the_peaks_that_were_seen() {
        // Size, width, batch and the peak in MB of `latentloop train`.
        let seen = [
            (64, 0.25, 16, 160.0),
            (256, 0.0625, 8, 179.0),
            (256, 0.25, 8, 485.0),
            (256, 0.25, 16, 859.0),
            (512, 0.125, 4, 331.0),
            (256, 1.0, 2, 2122.0),
        ];
        for (size, width, batch, peak) in seen {
            let spec = Spec::studies(size, width, 200).unwrap();
            let estimate = estimate(&spec, &Recipe::study(), batch) as f64 / 1e6;
            let ratio = estimate / peak;
            assert!(
                (0.95..1.25).contains(&ratio),
                "{size} {width} {batch}: {estimate}"
            );
        }
    }

    #[test]
    fn the_advice_names_the_flag_that_fits() {
        let spec = Spec::studies(256, 0.5, 200).unwrap();
        let recipe = Recipe::study();
        let advice = |free| advice(&spec, &recipe, 8, 0.5, free);
        assert_eq!(advice(estimate(&spec, &recipe, 4)), "--batch 4 would do");
        assert_eq!(
            advice(estimate(&spec, &recipe, 2) - 1),
            "--width 0.25 would do"
        );
        assert!(advice(1000).starts_with("take a smaller --size"));
    }

    #[test]
    fn this_system_says_how_much_is_free() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
