// Package plan decides what a CAPCredentialSet must do now: which Secrets it owns, what each of them needs and why, which roles to fetch from
// CAP, and when the next round is. It is pure: facts and the time are inputs, and it does no I/O.
//
//	observation.go  what is known about a Secret, without its content
//	discover.go     which Secrets: those of the CredentialsRequests and of the spec; who owns one that two sets claim
//	plan.go         what each Secret needs, and when the next round is
//	group.go        the fewest requests to CAP, and what one Secret can copy from another
//	memory.go       what one round passes to the next: failures, confirmations, fights between writers
package plan
