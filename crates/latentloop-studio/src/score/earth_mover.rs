//! The earth mover's distance: what it costs to turn one weighted set of points into another.

/// Least mean way of the mass of `from` when it is carried over to `to`, each `(point, mass)`; masses are taken in
/// proportion. Zero where a side has no mass.
///
/// Y. Rubner, C. Tomasi and L. J. Guibas, "The earth mover's distance as a metric for image retrieval", 2000,
/// <https://doi.org/10.1023/A:1026543900054>. Exact: masses are whole numbers, and the transportation problem is solved to
/// its optimum.
pub(super) fn earth_movers_distance<P>(
    from: &[(P, u64)],
    to: &[(P, u64)],
    distance: impl Fn(&P, &P) -> f64,
) -> f64 {
    let total = |side: &[(P, u64)]| side.iter().map(|(_, mass)| u128::from(*mass)).sum::<u128>();
    let (from_total, to_total) = (total(from), total(to));
    if from_total == 0 || to_total == 0 {
        return 0.0;
    }
    // Each side's masses times the other's total: equal sums, and nothing rounded.
    let scaled = |side: &[(P, u64)], factor| -> Vec<u128> {
        let masses = side.iter().map(|(_, mass)| u128::from(*mass) * factor);
        masses.collect()
    };
    let costs = from
        .iter()
        .map(|(a, _)| to.iter().map(|(b, _)| distance(a, b)).collect());
    let mut plan = Plan::new(
        scaled(from, to_total),
        scaled(to, from_total),
        costs.collect(),
    );
    while plan.extend() {}
    plan.cost() / (from_total as f64 * to_total as f64)
}

/// A transportation problem on the way to its optimum, by successive shortest paths.
///
/// J. Edmonds and R. M. Karp, "Theoretical improvements in algorithmic efficiency for network flow problems", 1972,
/// <https://doi.org/10.1145/321694.321699>. Nodes are the sources, then the sinks.
struct Plan {
    /// What is left at each source.
    left: Vec<u128>,
    /// What each sink still wants.
    wanted: Vec<u128>,
    /// Of a unit, sources x sinks; not negative.
    costs: Vec<Vec<f64>>,
    /// What goes from each source to each sink so far.
    flows: Vec<Vec<u128>>,
    /// Of each node; they keep the lengths of all open ways from becoming negative.
    prices: Vec<f64>,
}

impl Plan {
    fn new(left: Vec<u128>, wanted: Vec<u128>, costs: Vec<Vec<f64>>) -> Self {
        Self {
            flows: vec![vec![0; wanted.len()]; left.len()],
            prices: vec![0.0; left.len() + wanted.len()],
            left,
            wanted,
            costs,
        }
    }

    /// Sends as much as goes along the cheapest open way; false where all has been sent.
    fn extend(&mut self) -> bool {
        let Some((before, end)) = self.cheapest_way() else {
            return false;
        };
        let sources = self.left.len();
        let mut steps = Vec::new();
        let mut node = end;
        while let Some(previous) = before[node] {
            steps.push((previous, node));
            node = previous;
        }
        let mut amount = self.left[node].min(self.wanted[end - sources]);
        for &(from, to) in steps.iter().filter(|(from, _)| *from >= sources) {
            amount = amount.min(self.flows[to][from - sources]);
        }
        for (from, to) in steps {
            if from < sources {
                self.flows[from][to - sources] += amount;
            } else {
                self.flows[to][from - sources] -= amount;
            }
        }
        self.left[node] -= amount;
        self.wanted[end - sources] -= amount;
        true
    }

    /// The cheapest way from a source that has something left to a sink that wants something (Dijkstra 1959): the node
    /// before each, and the way's end. A way may go back along what has been sent already.
    fn cheapest_way(&mut self) -> Option<(Vec<Option<usize>>, usize)> {
        let (sources, nodes) = (self.left.len(), self.prices.len());
        let mut lengths = vec![f64::INFINITY; nodes];
        let mut before = vec![None; nodes];
        let mut settled = vec![false; nodes];
        for (length, &left) in lengths.iter_mut().zip(&self.left) {
            if left > 0 {
                *length = 0.0;
            }
        }
        let end = loop {
            let node = (0..nodes)
                .filter(|&node| !settled[node] && lengths[node].is_finite())
                .min_by(|&a, &b| lengths[a].total_cmp(&lengths[b]))?;
            if node >= sources && self.wanted[node - sources] > 0 {
                break node;
            }
            settled[node] = true;
            let others = if node < sources {
                sources..nodes
            } else {
                0..sources
            };
            for other in others {
                let cost = if node < sources {
                    self.costs[node][other - sources]
                } else if self.flows[other][node - sources] > 0 {
                    -self.costs[other][node - sources]
                } else {
                    continue;
                };
                // Negative by a rounding error at most.
                let step = (cost + self.prices[node] - self.prices[other]).max(0.0);
                if lengths[node] + step < lengths[other] {
                    lengths[other] = lengths[node] + step;
                    before[other] = Some(node);
                }
            }
        };
        for (price, length) in self.prices.iter_mut().zip(&lengths) {
            *price += length.min(lengths[end]);
        }
        Some((before, end))
    }

    /// What all that is sent costs.
    fn cost(&self) -> f64 {
        let rows = self.flows.iter().zip(&self.costs);
        rows.flat_map(|(flows, costs)| flows.iter().zip(costs))
            .map(|(&flow, &cost)| flow as f64 * cost)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on_a_line(a: &f64, b: &f64) -> f64 {
        (a - b).abs()
    }

    #[test]
    fn known_sets_have_their_known_distance() {
        for (from, to, expected) in [
            (vec![(0.0, 1)], vec![(3.0, 7)], 3.0),
            (vec![(0.0, 1), (1.0, 1)], vec![(1.0, 5), (0.0, 5)], 0.0),
            (vec![(0.0, 1), (1.0, 1)], vec![(0.0, 1)], 0.5),
            (
                vec![(0.0, 2), (4.0, 1)],
                vec![(1.0, 1), (4.0, 2)],
                5.0 / 3.0,
            ),
            (vec![], vec![(1.0, 1)], 0.0),
        ] {
            let found = earth_movers_distance(&from, &to, on_a_line);
            assert!(
                (found - expected).abs() < 1e-12,
                "{from:?} to {to:?}: {found} instead of {expected}"
            );
        }
    }

    /// Units that are carried one by one, every way tried.
    fn by_trying(costs: &[Vec<f64>], from: &[usize], to: &mut Vec<usize>) -> f64 {
        let Some((&unit, rest)) = from.split_first() else {
            return 0.0;
        };
        let mut least = f64::INFINITY;
        for place in 0..to.len() {
            let sink = to.remove(place);
            least = least.min(costs[unit][sink] + by_trying(costs, rest, to));
            to.insert(place, sink);
        }
        least
    }

    proptest! {
        #[test]
        fn the_plan_is_as_cheap_as_any(
            costs in prop::collection::vec(prop::collection::vec(0.0f64..10.0, 4), 4),
            (from, to) in (1usize..=6).prop_flat_map(|units| {
                let side = || prop::collection::vec(0usize..4, units);
                (side(), side())
            }),
        ) {
            let count = |side: &[usize]| -> Vec<(usize, u64)> {
                let mass = |node| side.iter().filter(|&&unit| unit == node).count() as u64;
                (0..4).map(|node| (node, mass(node))).collect()
            };
            let found = earth_movers_distance(&count(&from), &count(&to), |&a, &b| costs[a][b]);
            let expected = by_trying(&costs, &from, &mut to.clone()) / from.len() as f64;
            prop_assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
        }

        #[test]
        fn on_a_line_it_is_the_area_between_the_cumulated_masses(
            from in prop::collection::vec((0.0f64..100.0, 1u64..1_000_000_000), 1..32),
            to in prop::collection::vec((0.0f64..100.0, 1u64..1_000_000_000), 1..32),
        ) {
            let total = |side: &[(f64, u64)]| side.iter().map(|(_, mass)| *mass as f64).sum::<f64>();
            let (from_total, to_total) = (total(&from), total(&to));
            let mut edges: Vec<(f64, f64)> = from.iter().map(|&(x, mass)| (x, mass as f64 / from_total)).collect();
            edges.extend(to.iter().map(|&(x, mass)| (x, -(mass as f64) / to_total)));
            edges.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut area, mut height) = (0.0, 0.0f64);
            for pair in edges.windows(2) {
                height += pair[0].1;
                area += height.abs() * (pair[1].0 - pair[0].0);
            }
            let found = earth_movers_distance(&from, &to, on_a_line);
            prop_assert!((found - area).abs() < 1e-9, "{found} instead of {area}");
        }
    }
}
