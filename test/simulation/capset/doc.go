// Package capset explores the shipped reconciler of CAPCredentialSet in random histories on virtual time: two replicas of the operator with their
// real watches of Secrets and of the cluster, their real client of CAP and their memory, against an API server in memory and the simulated portal.
//
// Requests to CAP go through a transport in place of the network. It presents the client certificate, checks the portal's certificate against the
// authorities and cuts answers short, but there is no handshake and no connection to keep, and a proxy is only there or away. STS is one that knows
// the truth. The cache of CAPCredentialSets is the simulation's own, and lags behind as an informer's does; the manager with its queue and its standby
// is not there.
package capset
