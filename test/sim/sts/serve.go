package sts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// maxBody is far larger than any request here.
const maxBody = 64 << 10

// maxSkew is the clock skew that AWS allows for signatures.
const maxSkew = 5 * time.Minute

// namespace of the answers; it is the same in all partitions.
const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// refusal is an error of AWS.
type refusal struct {
	status        int
	code, message string
}

// Refusals with AWS's texts.
var (
	noToken      = &refusal{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	incomplete   = &refusal{400, "IncompleteSignature", "Request must contain a signature that conforms to AWS standards"}
	unknownKey   = &refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	expiredKey   = &refusal{403, "ExpiredToken", "The security token included in the request is expired"}
	wrongSecret  = &refusal{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
	wrongScope   = &refusal{403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."}
	wrongTime    = &refusal{403, "SignatureDoesNotMatch", "Signature expired or not yet current."}
	wrongAction  = &refusal{400, "InvalidAction", "Could not find operation for this version of the service."}
	unknownPath  = &refusal{404, "UnknownOperationException", "There is nothing at this path."}
	brokenFormat = &refusal{400, "MalformedInput", "The body is not a form or is too long."}
)

// serve answers one request.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request) {
	signed, err := parseSignature(r.Header)
	s.countRequest(signed.accessKeyID)
	if fault, found := s.takeFault(); found {
		// Before the response, so that a client that has it finds it counted.
		s.countOutcome("fault:" + string(fault.Kind))
		if !simctl.Wait(r, time.Duration(fault.Delay)) || fault.answer(w, r) {
			return
		}
	}
	identity, refused := s.identify(r, signed, err)
	if refused != nil {
		s.countOutcome(refused.code)
		refused.write(w)
		return
	}
	s.countOutcome("ok")
	writeXML(w, http.StatusOK, identity.RequestID, identity)
}

// callerIdentity is the answer to GetCallerIdentity.
type callerIdentity struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Arn       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// identify checks a request in AWS's order: is it signed, is the key known, is its token correct and not expired, is the signature
// correct, and only then the action.
func (s *Sim) identify(r *http.Request, signed signature, signatureErr error) (*callerIdentity, *refusal) {
	if r.URL.Path != "/" {
		return nil, unknownPath
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, brokenFormat
	}
	if r.Header.Get("Authorization") == "" {
		return nil, noToken
	}
	if signatureErr != nil {
		return nil, incomplete
	}
	signedAt, err := time.Parse(timeFormat, signed.time)
	if err != nil {
		return nil, incomplete
	}
	secret, caller, refused := s.caller(r, signed)
	if refused != nil {
		return nil, refused
	}
	if skew := s.clock.Since(signedAt); s.options.CheckClockSkew && (skew > maxSkew || skew < -maxSkew) {
		return nil, wrongTime
	}
	if !signed.matches(r, body, secret) {
		return nil, wrongSecret
	}
	form, err := formOf(r, body)
	if err != nil {
		return nil, brokenFormat
	}
	if form.Get("Action") != "GetCallerIdentity" || form.Get("Version") != "2011-06-15" {
		return nil, wrongAction
	}
	return caller, nil
}

// caller returns the owner and the secret of the key that signed a request, if its scope, token and expiry are valid.
func (s *Sim) caller(r *http.Request, signed signature) (secret string, caller *callerIdentity, refused *refusal) {
	if signed.service != "sts" || s.options.Region != "" && signed.region != s.options.Region {
		return "", nil, wrongScope
	}
	secret, token, roleARN, expires, known := s.options.Keys.Lookup(signed.accessKeyID)
	if !known || !hmac.Equal([]byte(token), []byte(r.Header.Get("X-Amz-Security-Token"))) {
		return "", nil, unknownKey
	}
	role, err := parseRoleARN(roleARN)
	if err != nil || role.partition != partitionOf(signed.region) {
		return "", nil, unknownKey
	}
	if now := s.clock.Now(); !expires.IsZero() && !now.Before(expires) {
		return "", nil, expiredKey
	}
	return secret, s.identityOf(role, token != ""), nil
}

func formOf(r *http.Request, body []byte) (url.Values, error) {
	if r.Method == http.MethodGet {
		return r.URL.Query(), nil
	}
	return url.ParseQuery(string(body))
}

// identityOf is a session of the role, or the IAM user of the same name for a key without a session token.
func (s *Sim) identityOf(role arn, session bool) *callerIdentity {
	identity := &callerIdentity{Namespace: namespace, Account: role.account, RequestID: requestID()}
	if session {
		identity.Arn = fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", role.partition, role.account, role.role, s.options.SessionName)
		identity.UserID = "AROA" + uniqueID(role) + ":" + s.options.SessionName
	} else {
		identity.Arn = fmt.Sprintf("arn:%s:iam::%s:user/%s", role.partition, role.account, role.role)
		identity.UserID = "AIDA" + uniqueID(role)
	}
	return identity
}

// uniqueID is what follows the prefix in the id of a role or user, which never changes: 17 characters, one more than in keys.
func uniqueID(role arn) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", role.partition, role.account, role.role))
	return base32.StdEncoding.EncodeToString(sum[:])[:17]
}

func (f *refusal) write(w http.ResponseWriter) {
	type errorXML struct {
		Type, Code, Message string
	}
	id := requestID()
	writeXML(w, f.status, id, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     errorXML
		RequestID string `xml:"RequestId"`
	}{Namespace: namespace, Error: errorXML{"Sender", f.code, f.message}, RequestID: id})
}

func writeXML(w http.ResponseWriter, status int, requestID string, document any) {
	encoded, err := xml.Marshal(document)
	if err != nil { // structs of texts always encode
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

func requestID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never returns an error
	text := hex.EncodeToString(raw)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
