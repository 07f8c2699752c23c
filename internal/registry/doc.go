// Package registry checks whether a credential can log in at a registry and pull an image.
//
// The answer decides whether a pull secret is written, so it must not be a guess. An unreachable registry says nothing about a credential;
// neither does a proxy's 403, nor a token that anybody gets. Only Unauthorized and Denied are evidence against it, and only if the credential was
// sent.
//
// It is built on go-containerregistry's transport, which follows the registry's own challenge. That library reports whether a request failed;
// this package also watches what was sent and what came back (wire.go), because the error alone does not distinguish a refused login from one
// that never took place.
package registry
