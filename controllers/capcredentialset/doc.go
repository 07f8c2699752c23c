// Package capcredentialset refreshes the AWS credentials of a cluster that gets them from a C2S Access Portal.
//
// A round follows Reconcile (reconciler.go):
//
//	look.go         which Secrets, their content, and the client certificate's Secret
//	plan/           what is due, why, and when the next round is; pure
//	fetch.go        one request to CAP per role that is due, judged, and checked with STS if the spec says so
//	deliver.go      a credential to each Secret that needs it, several at a time
//	write.go        one write per Secret whose content changes
//	restart.go      the workloads that cannot reload
//	report.go       conditions, rows, events and metrics; at most one patch
//
// State that must survive a restart is in annotations of the Secrets: role, times and a keyed hash of the content. State of one process is in
// plan/memory.go: losing it costs one more try of each failing role.
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
// Per target Secret, by resourceNames: secrets get list watch patch create. A list and a watch have the field selector metadata.name; a missing
// Secret is created by server-side apply, whose create is authorised with the name.
//
// In the operator's own namespace: secrets get list watch (client certificate), create (key of the content hash).
//
// Per entry of spec.restartTargets: get and patch of that Deployment, DaemonSet or StatefulSet. The shipped roles have none of
// these; the condition's message has the command that grants one.
package capcredentialset
