// Package decide says what a PullSecretRotation does next. It is pure: a function of the spec, the persisted status, the facts
// gathered so far and the time. It knows no client, no HTTP and no API server; the executor, one package up, gathers the facts
// in words of this package (facts.go), performs the one Step that Decide names, and asks again until the answer is Wait.
//
// It is read in this order: decide.go (the types and the way in), between.go and gate.go (no rotation under way), rotation.go,
// verify.go, rollout.go and revoke.go (within one), account.go (whose is it), record.go (the transitions of the status, which
// are shared with the model of the walk).
package decide
