//! Naming the circles of modules that need each other (`depmod_report_cycles` of kmod's `tools/depmod.c`).

use std::collections::{HashSet, VecDeque};

use super::{Listener, Module, message};

/// Steps after which no more circles are looked for: there can be more of them than anybody reads.
const MOST_STEPS: usize = 100_000;

/// A step of the search: a module, and the step it was reached from.
#[derive(Debug, Clone, Copy)]
struct Step {
    module: u32,
    from: Option<usize>,
}

/// The search.
#[derive(Debug)]
struct Search<'m> {
    modules: &'m [Module],
    visited: Vec<bool>,
    /// Modules from which circles are still to be looked for.
    roots: VecDeque<u32>,
    in_circles: HashSet<u32>,
    left: usize,
}

/// Names all circles; `users` says how many users each module has left after all others were sorted.
pub(super) fn report(modules: &[Module], users: &[u32], to: &mut dyn Listener) {
    let mut search = Search {
        modules,
        visited: vec![false; modules.len()],
        roots: (0u32..).zip(users).filter(|(_, users)| **users > 0).map(|(at, _)| at).collect(),
        in_circles: HashSet::new(),
        left: MOST_STEPS,
    };
    while let Some(root) = search.roots.pop_front() {
        search.from(root, to);
    }
    message!(to, Error, format!("Found {} modules in dependency cycles!", search.in_circles.len()));
}

impl Search<'_> {
    /// Follows all ways from a module.
    fn from(&mut self, root: u32, to: &mut dyn Listener) {
        let mut steps = vec![Step { module: root, from: None }];
        let mut next = vec![0];
        while let Some(at) = next.pop() {
            let Some(step) = steps.get(at).copied() else { continue };
            let visited = self.visited.get_mut(step.module as usize).map(|visited| std::mem::replace(visited, true));
            // DIFFERS: kmod also calls it a circle when a module that it came by before is where it begins.
            if visited == Some(true) && step.module == root && step.from.is_some() {
                self.name(&steps, step, to);
                continue;
            }
            let Some(module) = self.modules.get(step.module as usize) else { continue };
            if module.needs.is_empty() {
                self.roots.retain(|other| *other != step.module);
                continue;
            }
            // DIFFERS: kmod goes round a circle that does not lead back to where it began until an assertion ends it.
            if self.left == 0 || self.way(&steps, step).any(|module| module == step.module) {
                continue;
            }
            for need in &module.needs {
                self.left = self.left.saturating_sub(1);
                next.push(steps.len());
                steps.push(Step { module: *need, from: Some(at) });
            }
        }
    }

    /// The modules on the way to a step, the nearest first.
    fn way<'s>(&self, steps: &'s [Step], step: Step) -> impl Iterator<Item = u32> + use<'s> {
        let before = move |step: &Step| step.from.and_then(|from| steps.get(from)).copied();
        std::iter::successors(before(&step), before).map(|step| step.module)
    }

    fn name(&mut self, steps: &[Step], last: Step, to: &mut dyn Listener) {
        let mut way: Vec<u32> = self.way(steps, last).collect();
        self.in_circles.extend(&way);
        self.roots.retain(|root| !way.contains(root));
        way.reverse();
        way.push(last.module);
        let names: Vec<&[u8]> =
            way.iter().filter_map(|at| Some(self.modules.get(*at as usize)?.name.as_slice())).collect();
        message!(to, Error, b"Cycle detected: ", names.join(&b" -> "[..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depmod::Level;
    use crate::depmod::graph;
    use crate::depmod::tests::Heard;

    /// Modules `a`, `b` and so on, each with the places of those it needs.
    fn said(needs: &[&[u32]]) -> Vec<String> {
        let mut modules: Vec<Module> = (b'a'..)
            .zip(needs)
            .map(|(name, needs)| Module { name: vec![name], needs: needs.to_vec(), ..Module::default() })
            .collect();
        for need in needs.concat() {
            modules[need as usize].users += 1;
        }
        let mut heard = Heard::default();
        assert_eq!(graph::sort(&mut modules, &mut heard).is_err(), !heard.0.is_empty());
        heard.of(Level::Error).into_iter().map(String::from).collect()
    }

    #[test]
    fn circles_are_named() {
        let found = |count| format!("Found {count} modules in dependency cycles!");
        assert_eq!(said(&[&[1], &[2], &[]]), [""; 0]);
        assert_eq!(said(&[&[0]]), ["Cycle detected: a -> a".to_owned(), found(1)]);
        assert_eq!(said(&[&[1], &[2], &[0]]), ["Cycle detected: a -> b -> c -> a".to_owned(), found(3)]);
        let two = ["Cycle detected: a -> b -> a".to_owned(), "Cycle detected: c -> b -> c".to_owned(), found(3)];
        assert_eq!(said(&[&[1], &[0, 2], &[1]]), two);
        let branch = ["Cycle detected: a -> b -> a".to_owned(), found(2)];
        assert_eq!(said(&[&[1, 2], &[0], &[3], &[]]), branch);
    }

    #[test]
    fn many_circles_come_to_an_end() {
        let all: Vec<u32> = (0..40).collect();
        let needs: Vec<&[u32]> = all.iter().map(|_| all.as_slice()).collect();
        assert!(said(&needs).len() > 40);
    }
}
