// Package pullsecret explores the shipped reconciler of PullSecretRotation in random histories on virtual time: replicas of the operator with their
// real watches and their real clients of OCM and the registries, against an API server in memory and the simulated services, without a socket. One
// seed is one history, byte for byte. Everything happens in a bubble of testing/synctest: one goroutine goes on at a time.
package pullsecret
