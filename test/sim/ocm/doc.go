// Package ocm simulates the part of OCM that a pull-secret rotation depends on: Red Hat's single sign-on (the token
// endpoint), the account management API, and behind them the life of credentials, rotations, transfers and clusters.
//
// # What it is faithful to
//
// The API answers as the published OpenAPI document says; package test/contract judges every request and answer, and
// Sim.Violations has what it found. What the document leaves open follows published observations of the service:
//
//   - A rotation is requested per account and stays "pending" until the old credentials are deleted. Four batches a day do the
//     work: the first pass issues new credentials beside the old ones and accepts one transfer per active cluster; a later
//     pass deletes the old ones, once every transfer is completed (telemetry with the new token) or expired.
//   - Waiting for "completed" before switching is therefore a deadlock, which Sim shows.
//   - POST access_token returns the new credentials from the first pass on.
//
// Behaviour that is not publicly known is one of the Habits, with the more demanding answer as its default. Other people's data are configurable:
// records of any status and age (AddRecord), several accounts with clusters of their own, replicas that lag (Lagging).
//
// # Time
//
// There are two clocks. Tokens live by Options.Clock, as the client's do. Batches, transfers, telemetry and the 30 days of
// an offline token live by the virtual clock: the same clock plus all that has been added to it. Nothing adds to it by itself:
// Advance does, and with Options.StepPerLook a client's look at a rotation that OCM is to go on with, so that no test and no
// machine is too slow. Records bear the API server's own clock, which SetClockSkew moves; with Options.PresentStamps it is the
// present moment, so that a process that lives in the machine's time never sees a record of its future.
//
// # Secrets
//
// Every secret value contains the Canary or is listed by Canaries, so that a test can prove that none has leaked.
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
//	POST   /advance    {"by":"6h"}                      lets virtual time pass
//	POST   /batch                                       runs a batch now
//	POST   /telemetry  {"cluster","auth"}               the cluster reports with this cloud.openshift.com auth
//	POST   /rotate     {"account"}                      somebody else requests a rotation
//	POST   /records    {"account","status","createdAt","updatedAt","hideTimes","id"}   a rotation that is history: see type Record
//	POST   /abandon    {"rotation","status"}            the service gives a rotation up, as "failed" for example
//	POST   /transfer-end {"cluster","in":"2h"}          moves the end of the cluster's open transfers
//	POST   /delete-credentials {"account"}              all of the account's registry credentials die
//	POST   /revoke     {"account","set","registries"}   one set dies, 0 is the oldest, -1 the newest; at these registries or all
//	POST   /revocation {"late":"6h","forgotten","registries"}   rotations are called completed before their old credentials die, or never
//	POST   /complete                                    every pending rotation runs to its end at once
//	POST   /habits     {"secondPost","neverComplete",...}   what the service does where nothing is public: see type Habits
//	POST   /faults     {"endpoint","kind","times",...}  see type Fault; an unknown kind or endpoint is refused
//	DELETE /faults                                      ends all of them
//	POST   /clock-skew {"sso":"1h","api":"1h"}          moves the clocks of the servers; the API stamps its records by its own
package ocm
