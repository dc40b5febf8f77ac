//! Regular stripes.

/// Stripes are counted along lines: so many pairs of a light and a dark one, the next to it, are a pattern.
const PAIRS: usize = 5;
/// Between a light stripe and a dark one.
const CONTRAST: f32 = 0.1;
/// A stripe is as wide as its neighbours, but for that factor.
const UNEVEN: f32 = 1.6;

/// The share of a picture, relative luminance of height x width pixels, that stripes cover: across, down, or along a diagonal.
pub(super) fn striped(levels: &[f32], (width, height): (usize, usize)) -> f64 {
    let ways: [(isize, isize); 4] = [(1, 0), (0, 1), (1, 1), (1, -1)];
    let mut best = 0;
    for (right, down) in ways {
        let mut covered = vec![false; levels.len()];
        for (x, y) in starts((width, height), (right, down)) {
            let line: Vec<usize> = along((x, y), (right, down), (width, height));
            mark(levels, &line, &mut covered);
        }
        best = best.max(coherent(&covered, (width, height)));
    }
    best as f64 / levels.len() as f64
}

/// Where the lines of a way begin.
fn starts((width, height): (usize, usize), (right, down): (isize, isize)) -> Vec<(usize, usize)> {
    let mut starts = Vec::new();
    if right != 0 {
        starts.extend((0..height).map(|y| (0, y)));
    }
    if down != 0 {
        let edge = if down > 0 { 0 } else { height - 1 };
        let first = usize::from(right != 0);
        starts.extend((first..width).map(|x| (x, edge)));
    }
    starts
}

fn along(
    (x, y): (usize, usize),
    (right, down): (isize, isize),
    (width, height): (usize, usize),
) -> Vec<usize> {
    let (mut x, mut y) = (x as isize, y as isize);
    let mut line = Vec::new();
    while x < width as isize && (0..height as isize).contains(&y) {
        line.push(y as usize * width + x as usize);
        x += right;
        y += down;
    }
    line
}

/// Marks the pixels of a line that lie in at least [`PAIRS`] pairs of even stripes.
fn mark(levels: &[f32], line: &[usize], covered: &mut [bool]) {
    // Where the line turns from light to dark and back: halfway between its extremes.
    let mut turns: Vec<usize> = Vec::new();
    let (mut low, mut high, mut way) = (f32::INFINITY, f32::NEG_INFINITY, 0);
    for (at, &pixel) in line.iter().enumerate() {
        let level = levels[pixel];
        let up = way != 1 && level - low >= CONTRAST;
        let down = way != -1 && high - level >= CONTRAST;
        if up || down {
            turns.push(at);
            way = if up { 1 } else { -1 };
            (low, high) = (level, level);
        }
        low = low.min(level);
        high = high.max(level);
    }
    let is_even = |at: usize| {
        let (a, b) = (
            (turns[at + 1] - turns[at]) as f32,
            (turns[at + 2] - turns[at + 1]) as f32,
        );
        a.max(b) <= a.min(b) * UNEVEN + 1.0
    };
    let mut from = 0;
    for at in 0..turns.len() {
        let goes_on = at + 2 < turns.len() && is_even(at);
        if !goes_on {
            // The last stripe ends at the last turn of the run.
            let to = (at + 1).min(turns.len() - 1);
            if to - from >= 2 * PAIRS {
                line[turns[from]..=turns[to]]
                    .iter()
                    .for_each(|&pixel| covered[pixel] = true);
            }
            from = at + 1;
        }
    }
}

/// How many of the covered pixels have covered ones around them: what is striped by chance along single lines is none.
fn coherent(covered: &[bool], (width, height): (usize, usize)) -> usize {
    let is_covered = |x: isize, y: isize| {
        (0..width as isize).contains(&x)
            && (0..height as isize).contains(&y)
            && covered[y as usize * width + x as usize]
    };
    let places = (0..covered.len()).filter(|&at| covered[at]);
    places
        .filter(|&at| {
            let (x, y) = ((at % width) as isize, (at / width) as isize);
            let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
            around
                .filter(|&(dx, dy)| is_covered(x + dx, y + dy))
                .count()
                >= 6
        })
        .count()
}
