// Package decide says what a PullSecretRotation does next. It is pure: a function of the spec, the persisted status, the facts
// gathered so far and the time. It knows no client, no HTTP and no API server; the executor, one package up, gathers the facts
// in words of this package (facts.go), performs the one Step that Decide names, and asks again until the answer is Wait.
//
// A decision is made by chains of checks (chain.go): lists of rules, each with the reason for it, of which the first that decides ends
// the chain. A rule names the facts that it needs (needs.go), and a missing fact is the decision to find it out. docs/development.md shows
// all chains, and a test holds that page to them.
//
// It is read in this order: decide.go (the types and the way in), between.go and gate.go (no rotation under way), rotation.go,
// deliver.go, rollout.go and revoke.go (within one), heal.go and health.go (always), account.go (whose is it), record.go (the
// transitions of the status, which are shared with the model of the walk).
package decide
