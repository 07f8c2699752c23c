// Package capcredentialset refreshes the AWS credentials of a cluster that gets them from a C2S Access Portal.
//
// A round reads as Reconcile does (reconciler.go):
//
//	look.go      which Secrets, what is in them, and in the client certificate's Secret
//	plan/        what is due, why, and when to look again; pure
//	fetch.go     one question to the portal per role that is due, judged, and checked by STS where asked
//	write.go     one server-side apply per Secret whose content changes
//	restart.go   the workloads that cannot reload
//	report.go    conditions, rows, events and metrics; at most one patch
//
// What must survive a restart lies on the Secrets as annotations: role, times and a keyed hash of the content. What only one
// process needs is in plan/memory.go: it tries a failing role once more after a restart, and that is all it forgets.
//
// # Rights
//
// Cluster-wide, read-only, in the ClusterRole credential-rotation-operator:
//
//	rotation.openshift.io           capcredentialsets                 get list watch
//	rotation.openshift.io           capcredentialsets/status          patch
//	cloudcredential.openshift.io    credentialsrequests               list watch
//	operator.openshift.io           cloudcredentials                  list watch           resourceName cluster
//	batch                           cronjobs                          list watch           resourceName cap-token-refresh
//	"" (core)                       configmaps                        list watch           resourceName cloud-credential-operator-config
//	"" (core)                       configmaps                        get                  resourceNames kube-cloud-config, trusted-ca-bundle
//	"" (core)                       namespaces                        list watch
//	config.openshift.io             infrastructures                   get                  resourceName cluster
//	events.k8s.io                   events                            create patch         in namespace default
//
// Per Secret that is kept, by resourceNames: secrets get list watch patch create. A list and a watch have the field selector
// metadata.name; a missing Secret is created by server-side apply, whose create is authorised with the name.
//
// In the operator's own namespace: secrets get list watch (client certificate), create (key of the content hash).
//
// Per entry of spec.restartTargets: get and patch of that Deployment, DaemonSet or StatefulSet. The shipped roles have none of
// these; the condition's message has the command that grants one.
package capcredentialset
