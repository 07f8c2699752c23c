// Package cap simulates the C2S Access Portal (CAP) and its SC2S sibling (SCAP): the mTLS web service that hands out temporary AWS credentials in
// the us-iso-* and us-isob-* regions. It behaves as public sources describe, especially where that is inconvenient for clients.
//
// # The service
//
//	GET /api/v1/credentials?agency=A&mission=M&role=R                             C2S, roles of partition aws-iso
//	GET /cap/gxCAP/getTemporaryCredentials?agency=A&accountName=M&roleName=R      SC2S, roles of partition aws-iso-b
//	GET /gxCAP/getTemporaryCredentials?...                                        the same; both paths are in public use
//
// A successful response is {"Credentials": {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}}; the last two can be
// omitted, as in the emulator for which cap-token-refresh was written. The header Date is the simulator's time.
//
//   - The client certificate is requested, not required, and judged after the handshake. No certificate, one of another
//     CA, an expired, not yet valid or revoked one, or that of an inactive user: HTTP 200 with the HTML page "Combine
//     Dashboard Error".
//   - Missing parameter, wrong agency, mission or accountName: 400 {"status": 400, "message": ...}.
//   - Unknown role: 403 in the same shape. API switched off: 404 {"success": false, "message": "API not enabled."}.
//   - Unknown path: 404 with an HTML page. Accept with only text/html: 406. Anything but GET: 405.
//
// # The control interface
//
// Tests in Go use the methods of Sim. A simulator with Options.ControlAddress offers the same over plain HTTP on a port of
// its own:
//
//	GET    /healthz             {"status": "ok"}
//	GET    /state               URLs, time, settings, faults, counters, ids and expiry of the issued keys (no secrets)
//	GET    /requests            the last requests: time, path, role, client, outcome
//	GET    /ca.pem              the CA of the server and, unless another was given, of the clients
//	POST   /client-certificate  {"commonName": "npe", "notBefore": RFC 3339, "notAfter": RFC 3339} -> {"certificate", "key"}
//	POST   /revoke              {"certificate": PEM} or {"commonName": "npe"} (an inactive user, until "active": true)
//	POST   /faults              {"kind": "html", "role": "R", "times": 3, ...}: see Fault
//	DELETE /faults              ends all faults
//	POST   /settings            any of the fields of Settings, such as {"lifetime": "15m", "omitExpiration": true}
//	POST   /kill                {"role": "R"}: AWS forgets the role's keys before they expire; without a role, all keys
//	POST   /advance             {"by": "30m"} moves the clock
//	POST   /reset-counts        sets the counters to zero and forgets the requests
//	POST   /service             {"running": false}: connection refused until true
//	GET    /keys/{id}           one issued key with its secret, for an STS simulator in another process
package cap
