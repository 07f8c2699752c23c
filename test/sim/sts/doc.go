// Package sts simulates the part of the AWS Security Token Service that checks whether a key is valid:
// GetCallerIdentity in the AWS Query protocol, with the signature verified as AWS does (Signature Version 4).
//
// # The service
//
//	POST / (or GET /?...)  Action=GetCallerIdentity&Version=2011-06-15
//
// Keys come from a KeyDirectory, such as the CAP simulator. The response is the identity of an assumed role in the
// partition of the region that the request was signed for: arn:aws-iso:sts::123456789012:assumed-role/ROLE/SESSION. A
// key without a session token is that of an IAM user. Refusals have AWS's codes, all with status 403:
//
//   - MissingAuthenticationToken: no Authorization header.
//   - InvalidClientTokenId: the key is unknown, belongs to another partition, or its session token is missing or wrong.
//   - ExpiredToken: the key has expired.
//   - SignatureDoesNotMatch: wrong secret, wrong region or service in the scope, or (with CheckClockSkew) a time of
//     signing that is more than five minutes off.
//
// and IncompleteSignature and InvalidAction with status 400. Presigned URLs and other actions are not simulated.
//
// # The control interface
//
// Tests in Go use the methods of Sim. With Options.ControlAddress the same is served over plain HTTP:
//
//	GET    /healthz       {"status": "ok"}
//	GET    /state         URL, time, faults, counters
//	GET    /ca.pem        the CA of the server
//	POST   /faults        {"kind": "server-error", "times": 3, ...}: see Fault
//	DELETE /faults        ends all faults
//	POST   /advance       {"by": "30m"} moves the clock
//	POST   /reset-counts  sets the counters to zero
//	POST   /service       {"running": false}: connection refused until true
package sts
