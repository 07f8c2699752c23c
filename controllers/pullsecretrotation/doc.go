// Package pullsecretrotation sees an account's pull secret through its rotation.
//
// What to do next is decided in the package decide below this one, which is pure: Decide takes the spec, the persisted status,
// the facts gathered so far and the time, and names one Step. The reconciler (reconciler.go) performs the Step, which
// either gathers a fact, or has one effect and persists that it happened, and asks again until the answer is Wait. What
// happens in the world, in its order:
//
//	begin.go     baseline and backup, for a rotation requested, adopted or caught up with
//	request.go   the intent, the one POST, the id; OCM gives out new credentials, while it still says "pending"
//	verify.go    the registries are asked about them
//	apply.go     they are merged into the targets; also healing and rollback
//	finish.go    the pools have them, OCM has deleted the old ones
//
// Two walks of every state hold this. That of the model (model_*_test.go, walk_test.go) goes between any two steps of one or two
// replicas: it runs the real Decide, and mirrors the executor: what is read becomes facts, steps change the record, targets are written.
// The replay (model_replay_test.go) holds that mirror to the real reconciler. That of the wide world (wide_*_test.go) mirrors nothing: each of
// its moves is one Reconcile over services in memory.
//
// Rights the package needs (config/rbac): get, list, watch and patch of each target Secret by name; everything on Secrets
// in the operator's namespace (OCM credential, backups) and get on ConfigMaps there; get on ClusterVersion/version,
// Infrastructure/cluster and MachineConfiguration/cluster; list of MachineConfigPools; its own kind and its status; events.
package pullsecretrotation
