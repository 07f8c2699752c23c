// Package harness is a small world for the operator to live in: a real etcd and kube-apiserver with the CRDs of
// OpenShift, the objects that a cluster has, the operator as a process of its own with its own service account, a proxy
// that sees and can hold every request between the two, and somebody who plays the machine-config-operator. The
// end-to-end tests and the demo are made of it.
//
// Nothing in it sleeps for a fixed time; whoever waits, waits for something (Eventually) and is told what was there instead.
package harness
