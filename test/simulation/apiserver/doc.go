// Package apiserver is an API server in memory for simulations. It has one history of resource versions for all kinds, optimistic locks, field
// ownership and server-side apply (apimachinery's own), status subresources, generations, finalizers, namespaces, the schema, defaults and CEL rules of
// the operator's CRDs (apiextensions' own), and watches from any version that has not been compacted. Its conformance test runs the same scripts on it
// and on kube-apiserver.
//
// What it does not do: authentication and authorisation; admission other than that of namespaces; the schema of other custom resources, and
// ratcheting; what a Go type cannot hold or leaves out (a text in place of a number, an empty list); validation of names, labels and built-in kinds
// other than Secrets; versions and conversion; JSON patches; strategic merge patches, except those of a Secret that name no list; dry runs; lists in
// pages or of an older version; bookmarks; subresources other than status; garbage collection and the controller that empties a namespace. The
// managedFields of custom resources name the writers and the times, and no fields, so these cannot be applied.
package apiserver
