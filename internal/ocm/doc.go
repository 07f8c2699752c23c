// Package ocm is the client of OpenShift Cluster Manager: the account, its pull-secret rotations, the pull secret, the transfers of a cluster and
// the account's clusters. It is built on ocm-sdk-go, whose authentication it uses, and exists because that library alone is not safe to hold a
// pull secret with. Its safeguards are:
//
//   - The SDK's debug log prints the answer of POST access_token, which is the pull secret. It gets a logger that drops
//     everything, whatever the verbosity of the operator (quiet.go).
//   - The SDK repeats requests after 429 and 503, POST included, and sleeps through a cancelled context. These retries are switched off here and for the token exchange; the caller decides when to retry (client.go, transport.go).
//   - The SDK's typed calls report no error for a 401 with an empty body, and lose the status of an answer that is not
//     JSON. Every answer is read and judged here, from the bytes on the wire (transport.go, judge.go).
//   - The SDK sets no timeouts and no limits: every request has a deadline and at most maxBody bytes are read.
//   - The SDK follows redirects and authenticates the redirected request too, wherever it goes. Redirects are refused.
//   - The SDK's Close leaves its connections open, because the wrapped transports hide them. The transport is ours.
//   - The SDK treats whatever does not parse as a cluster's token as a refresh token and sends it to the SSO. A cluster's
//     token is checked beforehand, and a client with one never talks to the SSO (credential.go).
//
// One Client holds one version of one credential: the caller keeps it, so that a token is exchanged once per lifetime,
// and closes it when the credential changes.
//
// Importing this package imports glog, which registers its flags (v, logtostderr, vmodule and more) with
// flag.CommandLine. klog.InitFlags(nil) would panic with "flag redefined": a command that wants klog's flags gives
// klog.InitFlags a flag.FlagSet of its own.
package ocm
