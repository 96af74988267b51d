//! Order and cycles of things that wait for each other.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

/// What [`order`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Each thing after all that it needs; among those that are ready, the smallest number first. Things that are in
    /// a cycle or need one are missing.
    pub(crate) sorted: Vec<usize>,
    /// Each cycle as the things in it, the first one not repeated at the end.
    pub(crate) cycles: Vec<Vec<usize>>,
}

/// Orders the things `0..needs.len()`, where `needs[i]` are the things that `i` needs. Numbers out of range are
/// ignored.
pub(crate) fn order(needs: &[Vec<usize>]) -> Order {
    let count = needs.len();
    let needs: Vec<BTreeSet<usize>> =
        needs.iter().map(|of| of.iter().copied().filter(|other| *other < count).collect()).collect();
    let mut users = vec![Vec::new(); count];
    for (thing, of) in needs.iter().enumerate() {
        for other in of {
            users[*other].push(thing);
        }
    }
    let mut waiting: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..count).filter(|thing| waiting[*thing] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(count);
    while let Some(Reverse(thing)) = ready.pop() {
        sorted.push(thing);
        for user in &users[thing] {
            waiting[*user] -= 1;
            if waiting[*user] == 0 {
                ready.push(Reverse(*user));
            }
        }
    }
    Order { sorted, cycles: cycles(&needs, &waiting) }
}

/// Follows, from each thing that still waits, a thing that it waits for, until one comes again.
fn cycles(needs: &[BTreeSet<usize>], waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut cycles = Vec::new();
    let mut walk_of = vec![None; needs.len()];
    for start in (0..needs.len()).filter(|thing| waiting[*thing] > 0) {
        let mut path = Vec::new();
        let mut thing = start;
        while walk_of[thing].is_none() {
            walk_of[thing] = Some(start);
            path.push(thing);
            match needs[thing].iter().find(|other| waiting[**other] > 0) {
                Some(next) => thing = *next,
                None => break,
            }
        }
        if walk_of[thing] == Some(start)
            && let Some(first) = path.iter().position(|other| *other == thing)
        {
            let mut cycle = path.split_off(first);
            // The same cycle reads the same wherever the walk entered it.
            let smallest = cycle.iter().enumerate().min_by_key(|(_, thing)| **thing).map_or(0, |(at, _)| at);
            cycle.rotate_left(smallest);
            cycles.push(cycle);
        }
    }
    cycles
}

/// `a → b → a`, with the middle left out where it is long.
pub(crate) fn path<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const MOST: usize = 12;
    let mut names: Vec<String> = names.map(crate::yaml::shorten).collect();
    if names.len() > MOST {
        let left_out = names.len() - MOST;
        names.splice(MOST / 2..names.len() - MOST / 2, [format!("… {left_out} more …")]);
    }
    names.join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_without_needs_keep_their_order() {
        assert_eq!(order(&[vec![], vec![], vec![]]).sorted, [0, 1, 2]);
    }

    #[test]
    fn a_thing_comes_after_its_needs_and_otherwise_as_early_as_declared() {
        assert_eq!(order(&[vec![2], vec![], vec![], vec![0, 1]]).sorted, [1, 2, 0, 3]);
    }

    #[test]
    fn each_cycle_is_found_once_and_what_needs_it_is_not_one() {
        let found = order(&[vec![1], vec![2], vec![0], vec![3], vec![0], vec![]]);
        assert_eq!(found, Order { sorted: vec![5], cycles: vec![vec![0, 1, 2], vec![3]] });
    }

    #[test]
    fn a_long_circle_is_shown_without_its_middle() {
        assert_eq!(path(["a", "b", "a"].into_iter()), "a → b → a");
        let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let shown = path(names.iter().map(String::as_str));
        assert_eq!(shown, "0 → 1 → 2 → 3 → 4 → 5 → … 88 more … → 94 → 95 → 96 → 97 → 98 → 99");
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let needs: Vec<Vec<usize>> = (0..100_000).map(|n| vec![n + 1]).collect();
        assert_eq!(order(&needs).sorted.len(), 100_000);
    }
}
