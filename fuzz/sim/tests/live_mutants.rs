//! The scenario `live` finds what it is for: each of these breaks the live tree, its driver or its
//! feed.

use treenail_sim::live::{LiveTree, Mutant, invariant};
use treenail_sim::runner::{Campaign, Failure, Plan, Scenario, run_many};

/// The first of these seeds at which a rule is broken.
fn failure(scenario: &dyn Scenario, seeds: u64) -> Option<Failure> {
    let plan = Plan::default();
    let campaign = Campaign { seeds: 0..seeds, threads: 2, duration_max: None, plan };
    run_many(scenario, &campaign, &|_| {}).failure
}

/// Asserts that a mutant breaks one of these rules soon.
fn caught(mutant: Mutant, rules: &[&str]) {
    let found = failure(&LiveTree::with(mutant), 1_000);
    let found = found.unwrap_or_else(|| panic!("{mutant:?} passed"));
    println!("{mutant:?}: seed {}, {:?}", found.plan.seed, found.violation);
    assert!(rules.contains(&found.violation.invariant), "{mutant:?}: {:?}", found.violation);
}

#[test]
fn the_live_tree_as_it_is_passes() {
    let failure = failure(&LiveTree::sound(), 200);
    assert!(failure.is_none(), "{failure:?}");
}

#[test]
fn listing_before_watching_is_caught() {
    caught(Mutant::ListBeforeWatch, &[invariant::TREE, invariant::OMISSION]);
}

#[test]
fn believing_paths_is_caught() {
    caught(Mutant::BelievePaths, &[invariant::TREE, invariant::WATCHED, invariant::OMISSION]);
}

#[test]
fn keeping_watches_for_ever_is_caught() {
    caught(Mutant::KeepWatches, &[invariant::WATCHED]);
}

#[test]
fn swallowing_losses_is_caught() {
    caught(Mutant::SwallowLosses, &[invariant::TREE, invariant::OMISSION, invariant::WATCHED]);
}

#[test]
fn swallowing_gaps_is_caught() {
    caught(Mutant::SwallowGaps, &[invariant::GAPS]);
}

#[test]
fn forgetting_where_renames_come_from_is_caught() {
    caught(Mutant::ForgetOldPlaces, &[invariant::TREE, invariant::RENAME, invariant::OMISSION]);
}

#[test]
fn calling_every_change_quiet_is_caught() {
    caught(Mutant::QuietModifies, &[invariant::OMISSION]);
}
