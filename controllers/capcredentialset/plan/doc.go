// Package plan decides what a CAPCredentialSet has to do now: which Secrets it keeps, what each of them needs and why, which
// roles CAP is asked for, and when to look again. It is pure: facts and the time come in, and it does no I/O.
//
//	observation.go  what is known of a Secret, without its content
//	discover.go     which Secrets: those of the CredentialsRequests, those of the spec; who keeps one that two sets claim
//	plan.go         what each Secret needs, and when to look again
//	group.go        the fewest questions to CAP, and what one Secret can have from another
//	memory.go       what one round tells the next: failures, confirmations, fights between writers
package plan
