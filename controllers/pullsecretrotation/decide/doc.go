// Package decide decides what a PullSecretRotation does next. It is pure: a function of the spec, the persisted status, the facts gathered so far
// and the time. It knows no client, no HTTP and no API server; the executor, in the parent package, gathers the facts as types of this package
// (facts.go), performs the Step that Decide names, and asks again until the answer is Wait.
//
// Decisions are made by chains of checks (chain.go): lists of rules with their reasons, ended by the first rule that decides. A rule names the
// facts that it needs (needs.go); if one is missing, the decision is to gather it. docs/development.md shows all chains, and a test keeps that
// page up to date.
//
// Reading order: decide.go (the types and the entry point), between.go and gate.go (no rotation under way), rotation.go, deliver.go, rollout.go
// and revoke.go (during a rotation), heal.go, health.go and prove.go (always), account.go (ownership), record.go (the transitions of the status).
//
// The walk's model (model_*_test.go in the parent package) runs the real Decide. It still mirrors the transitions of record.go on a record small
// enough to be compared, the facts that the executor derives from documents (old, switched, issued), and which status is persisted when. The
// replay compares all three with the real reconciler.
package decide
