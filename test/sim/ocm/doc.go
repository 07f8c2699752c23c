// Package ocm simulates the part of OCM that a pull-secret rotation depends on: Red Hat's single sign-on (the token
// endpoint), the account management API, and behind them the life of credentials, rotations, transfers and clusters.
//
// # What it is faithful to
//
// The API follows the published OpenAPI document; package test/contract checks every request and response, and
// Sim.Violations has the violations. What the document does not define follows published observations of the service:
//
//   - A rotation is requested per account and stays "pending" until the old credentials are deleted. Four batches a day do the
//     work: the first pass issues new credentials beside the old ones and accepts one transfer per active cluster; a later
//     pass deletes the old ones, once every transfer is completed (telemetry with the new token) or expired.
//   - Waiting for "completed" before switching is therefore a deadlock, which Sim shows.
//   - POST access_token returns the new credentials from the first pass on.
//
// Behaviour that is not publicly known is one of the Habits, with the more demanding choice as its default. Other data are configurable:
// records of any status and age (AddRecord), several accounts with clusters of their own, replicas that lag (Lagging).
//
// # Time
//
// There are two clocks. Tokens use Options.Clock, as the client does. Batches, transfers, telemetry and the 30 days of
// an offline token use the virtual clock: the same clock plus all advances. Only Advance advances it, and with Options.StepPerLook
// each poll of a rotation that OCM should continue, so that no test depends on the machine's speed. Records have the time of the API
// server's own clock, which SetClockSkew moves; with Options.PresentStamps it is that of Options.Clock, so that a process with the
// machine's time never sees a record in the future.
//
// # Secrets
//
// Every secret value contains the Canary or is listed by Canaries, so that a test can check that none has leaked.
//
// # The control port
//
// Plain HTTP, JSON, beside the service's own ports (Sim.ControlURL). Durations are Go durations.
//
//	GET    /state                                       accounts, clusters, rotations, transfers, faults, counters; no secrets
//	GET    /pull-secret?account=ID                      the document that OCM issues now
//	GET    /ca.pem                                      the CA of both servers
//	POST   /accounts   {"username","organization","serviceAccount"}    creates one; answers with its id and its OCM credentials
//	POST   /clusters   {"account","name","mode","id","transferLife"}   creates one; modes as in type Mode
//	POST   /advance    {"by":"6h"}                      advances virtual time
//	POST   /batch                                       runs a batch now
//	POST   /telemetry  {"cluster","auth"}               the cluster reports with this cloud.openshift.com auth
//	POST   /rotate     {"account"}                      another client requests a rotation
//	POST   /records    {"account","status","createdAt","updatedAt","hideTimes","id"}   a past rotation: see type Record
//	POST   /abandon    {"rotation","status"}            ends a rotation with a status such as "failed"
//	POST   /transfer-end {"cluster","in":"2h"}          moves the end of the cluster's open transfers
//	POST   /delete-credentials {"account"}              deletes all of the account's registry credentials
//	POST   /revoke     {"account","set","registries"}   deletes one set, 0 is the oldest, -1 the newest; at these registries or all
//	POST   /revocation {"late":"6h","forgotten","registries"}   rotations are completed before their old credentials are deleted, or these never are
//	POST   /complete                                    completes every pending rotation at once
//	POST   /habits     {"secondPost","neverComplete",...}   behaviour that is not publicly known: see type Habits
//	POST   /faults     {"endpoint","kind","times",...}  see type Fault; an unknown kind or endpoint is refused
//	DELETE /faults                                      ends all of them
//	POST   /clock-skew {"sso":"1h","api":"1h"}          moves the clocks of the servers; records have the API's time
package ocm
