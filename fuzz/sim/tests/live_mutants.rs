//! The scenario `live` finds what it is for: each of these breaks the live tree, its driver or its
//! feed.

use std::ops::Range;

use treenail_sim::live::{LiveTree, Mutant, invariant};
use treenail_sim::runner::{Campaign, Failure, Plan, Scenario, run_many};

/// The first of these seeds at which a rule is broken.
fn failure(scenario: &dyn Scenario, seeds: Range<u64>, without: &[&str]) -> Option<Failure> {
    let without = without.iter().map(|class| (*class).to_owned()).collect();
    let plan = Plan { without, ..Plan::default() };
    let campaign = Campaign { seeds, threads: 2, duration_max: None, plan };
    run_many(scenario, &campaign, &|_| {}).failure
}

/// Asserts that a mutant breaks one of these rules soon.
fn caught(mutant: Mutant, rules: &[&str]) {
    caught_among(0..1_000, &[], mutant, rules);
}

/// The same among seeds that are known to show what is rare, without some classes of trouble.
fn caught_among(seeds: Range<u64>, without: &[&str], mutant: Mutant, rules: &[&str]) {
    let found = failure(&LiveTree::with(mutant), seeds, without);
    let found = found.unwrap_or_else(|| panic!("{mutant:?} passed"));
    println!("{mutant:?}: seed {}, {:?}", found.plan.seed, found.violation);
    assert!(rules.contains(&found.violation.invariant), "{mutant:?}: {:?}", found.violation);
}

#[test]
fn the_live_tree_as_it_is_passes() {
    let failure = failure(&LiveTree::sound(), 0..200, &[]);
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
fn forgetting_what_was_taken_for_the_same_is_caught() {
    let without = ["renames", "exchange", "links", "symlinks", "deny", "outside", "reuse", "crash"];
    caught_among(
        334_450..334_500,
        &without,
        Mutant::ForgetQuiet,
        &[invariant::OMISSION, invariant::IDS],
    );
}

#[test]
fn believing_what_is_gone_before_the_feed_tells_is_caught() {
    caught(Mutant::BelieveAtOnce, &[invariant::PAIRS]);
}

#[test]
fn not_watching_files_of_several_names_is_caught() {
    let without = ["renames", "exchange", "deny", "reuse", "crash", "overflow", "restart"];
    caught_among(
        6_330..6_380,
        &without,
        Mutant::ForgetLinks,
        &[invariant::TREE, invariant::OMISSION],
    );
}

#[test]
fn calling_every_change_quiet_is_caught() {
    caught(Mutant::QuietModifies, &[invariant::OMISSION]);
}
