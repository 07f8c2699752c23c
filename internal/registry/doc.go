// Package registry answers one question: does this credential log in at this registry, and does it pull this image?
//
// It exists because the answer decides whether a pull secret is written, so it must not be a guess. A registry that
// cannot be asked says nothing about a credential; neither does a proxy that says 403, nor a token that was given to
// anybody. Only Unauthorized and Denied are evidence, and both need the credential to have been sent.
//
// It is built on go-containerregistry's transport, which follows the registry's own challenge. That library knows whether
// a request failed; this package watches what was sent and what came back (wire.go), because the error alone does not
// tell a login that was refused from a login that never took place.
package registry
