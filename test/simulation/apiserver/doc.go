// Package apiserver is an API server in memory for simulations: controller-runtime's fake client, which has resourceVersions, optimistic locks,
// field ownership and server-side apply, mended where it parts from the real one in what the operator relies on. Its conformance test runs the
// same scripts on it and on kube-apiserver.
package apiserver
