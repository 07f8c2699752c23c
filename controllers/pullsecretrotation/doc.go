// Package pullsecretrotation rotates an account's pull secret.
//
// The package decide, which is pure, decides what to do next: Decide takes the spec, the persisted status, the facts gathered so far and the
// time, and names one Step. The reconciler (reconciler.go) performs the Step, which either gathers a fact, or has one effect and persists that it
// happened, and asks again until the answer is Wait. steps.go is the table of the steps, and learn.go is where facts reach the status. The
// effects, in order:
//
//	begin.go     baseline and backup, for a rotation requested, adopted or caught up with
//	request.go   the intent, the one POST, the id; OCM issues new credentials, while its status is still "pending"
//	verify.go    the registries check them
//	apply.go     they are merged into the targets; also healing and rollback
//	finish.go    the pools have them, OCM reports the old ones as deleted
//	prove.go     the registries refuse the old ones; only then the backup goes
//
// Two walks of all states test this. The model's walk (model_*_test.go, walk_test.go) interleaves the steps of one or two replicas: it runs the
// real Decide and mirrors the executor, which turns observations into facts, changes the record and writes targets. The replay
// (model_replay_test.go) compares that mirror with the real reconciler. The wide walk (wide_*_test.go) mirrors nothing: each of its moves is one
// Reconcile over services in memory.
//
// Rights the package needs (config/rbac): get, list, watch and patch of each target Secret by name; everything on Secrets
// in the operator's namespace (OCM credential, backups) and get on ConfigMaps there; get on ClusterVersion/version,
// Infrastructure/cluster and MachineConfiguration/cluster; list of MachineConfigPools; its own kind and its status; events.
package pullsecretrotation
