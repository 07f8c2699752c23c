// Package harness is a test environment for the operator: a real etcd and kube-apiserver with the CRDs of OpenShift, the objects of a cluster,
// the operator as a separate process with its own service account, a proxy that sees and can hold every request between the two, and a fake
// machine-config-operator. The end-to-end tests and the demo use it.
//
// Nothing in it sleeps for a fixed time; every wait is for a condition (Eventually), and its failure reports the last state.
package harness
