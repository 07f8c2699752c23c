// Package registry simulates the registries of a pull secret: quay.io, registry.redhat.io and registry.connect.redhat.com.
//
// Each has its own server, whose certificate has the real name; tests and programs reach them by these names through
// the simulated proxy (Sim.Routes). They accept exactly the credentials that a Directory, such as the simulated OCM, reports
// as alive.
//
// # What it is faithful to
//
// The token flow of the distribution protocol: 401 with a challenge at /v2/, a token for Basic credentials at the realm,
// manifests for the token. And each registry's peculiarities, where they mislead clients:
//
//   - quay.io (its source is public: endpoints/v2/v2auth.py, endpoints/v2/__init__.py): wrong credentials get 401 at the realm. Valid ones
//     get a token for any requested scope, but the token grants only what the user may have. An anonymous client gets a token too, if
//     it requests a scope. A manifest that the token does not cover gets 401 UNAUTHORIZED, not 403, with an otherwise valid
//     login; a repository that does not exist looks the same.
//   - the Red Hat registries: no token without valid credentials; a manifest that the token does not cover gets 403 DENIED, and
//     a repository that does not exist 404 NAME_UNKNOWN.
//
// Images can be pulled, with layers, configurations and tags.
//
// # Bad days
//
// Refused users, credentials that need time to spread, revocations that come late or never, rate limits, errors, silence, lost
// connections, certificates of another name or another CA; SetReachable makes one refuse connections until it is
// called again.
//
// # The control port
//
// Plain HTTP, JSON (Sim.ControlURL):
//
//	GET    /state                                            images, counters and last logins per registry; no secrets
//	POST   /images       {"registry","repository","tag","access"}   adds an image, answers with its digest
//	GET    /ca.pem                                           the CA of all servers
//	POST   /refuse       {"registry","user","refuse"}        a user that the registry refuses
//	POST   /spread       {"registry","attempts","after"}     how long new credentials need to spread
//	POST   /deny-pull    {"registry","user","repository","deny"}   a valid login that may not pull there, or from anything below a path
//	POST   /revocation   {"registry","late","forgotten"}     deleted credentials are accepted for that long, or forever
//	POST   /certificate  {"registry","certificate"}          Good, OtherName or OtherCA
//	POST   /service      {"registry","running"}              false refuses connections
//	POST   /faults       {"registry","endpoint","kind","skip","every","times","retryAfter"}   an unknown kind or name is refused
//	DELETE /faults
package registry
