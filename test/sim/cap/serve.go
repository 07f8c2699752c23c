package cap

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// parametersOf are the parameter names that differ between the dialects.
var parametersOf = map[Dialect]struct{ mission, role string }{
	C2S:  {"mission", "role"},
	SC2S: {"accountName", "roleName"},
}

// dialectOf returns the dialect of a path.
func (s *Sim) dialectOf(path string) (Dialect, bool) {
	bare, found := strings.CutPrefix(path, s.options.PathPrefix)
	if !found {
		return "", false
	}
	switch bare {
	case C2SPath:
		return C2S, true
	case SC2SPath, sc2sPathBare:
		return SC2S, true
	}
	return "", false
}

// serve handles one request in the portal's order: path, client certificate, method, Accept,
// whether the API is enabled, parameters, role.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.date().UTC().Format(http.TimeFormat))
	record := Request{Time: s.clock.Now(), Method: r.Method, Path: r.URL.Path, Client: clientName(r), UserAgent: r.UserAgent()}
	dialect, known := s.dialectOf(r.URL.Path)
	if !known {
		s.begin(&record)
		s.end(record, OutcomeNotFound)
		answerHTML(w, http.StatusNotFound, notFoundPage)
		return
	}
	query := r.URL.Query()
	record.Dialect, record.Role = dialect, query.Get(parametersOf[dialect].role)
	s.begin(&record)
	outcome := OutcomeDisconnected
	// Deferred, because a fault may panic. net/http sends a short response only after that, so a client that has it finds it counted.
	defer func() { s.end(record, outcome) }()

	s.holds.Wait(r, record.Role, simctl.BeforeEffect)
	if fault, found := s.takeFault(earlyFaults, record.Role); found {
		outcome = faultOutcome(fault.Kind)
		if simctl.Wait(r, time.Duration(fault.Delay)) {
			fault.answerEarly(w, r)
		}
		return
	}
	var good *credential
	if good, outcome = s.judge(w, r, dialect, query); good == nil {
		return
	}
	s.holds.Wait(r, record.Role, simctl.AfterEffect)
	fault, found := s.takeFault(lateFaults, record.Role)
	if found {
		outcome = faultOutcome(fault.Kind)
		if !simctl.Wait(r, time.Duration(fault.Delay)) {
			return
		}
	}
	s.answerCredential(w, good, fault)
}

// date is the time in the header Date.
func (s *Sim) date() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.Now().Add(time.Duration(s.settings.DateSkew))
}

// judge refuses a request or returns its credential.
func (s *Sim) judge(w http.ResponseWriter, r *http.Request, dialect Dialect, query url.Values) (*credential, Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settings.CertificateByPath && (r.TLS == nil || len(r.TLS.PeerCertificates) == 0) {
		answerHTML(w, http.StatusForbidden, forbiddenPage)
		return nil, OutcomeCertificateRefused
	}
	if r.TLS == nil || !s.accepts(r.TLS.PeerCertificates) {
		answerHTML(w, http.StatusOK, dashboardErrorPage)
		return nil, OutcomeCertificateRefused
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		answerError(w, http.StatusMethodNotAllowed, "Method not allowed")
		return nil, OutcomeMethodRefused
	}
	if !acceptsJSON(r.Header.Values("Accept")) {
		answerError(w, http.StatusNotAcceptable, "Not acceptable")
		return nil, OutcomeNotAcceptable
	}
	if s.settings.APIDisabled {
		answerDisabled(w)
		return nil, OutcomeDisabled
	}
	names := parametersOf[dialect]
	required := map[string]string{"agency": s.options.Agency, names.mission: s.options.Mission}
	for name, value := range s.options.RequiredParams {
		required[name] = value
	}
	for name, right := range required {
		if query.Get(name) != right {
			answerError(w, http.StatusBadRequest, "Invalid or missing "+name)
			return nil, OutcomeRejected
		}
	}
	role := query.Get(names.role)
	if role == "" {
		answerError(w, http.StatusBadRequest, "Invalid or missing "+names.role)
		return nil, OutcomeRejected
	}
	if s.roles[role] == "" {
		answerError(w, http.StatusForbidden, "User is not authorized for the requested role")
		return nil, OutcomeRoleRefused
	}
	return s.credentialFor(dialect, role), OutcomeIssued
}

// answerCredential writes a credential, changed by a late fault if there is one.
func (s *Sim) answerCredential(w http.ResponseWriter, c *credential, fault Fault) {
	s.mu.Lock()
	settings := s.settings
	if fault.Kind == FaultExpired {
		c.expires = s.clock.Now().Add(-time.Minute).Truncate(time.Second)
	}
	c.dead = c.dead || fault.Kind == FaultDeadKeys
	fields := map[string]any{"AccessKeyId": c.id, "SecretAccessKey": c.secret}
	if c.token != "" {
		fields["SessionToken"] = c.token
	}
	if !settings.OmitExpiration || fault.Kind == FaultExpired {
		fields["Expiration"] = settings.formatExpiration(c.expires)
	}
	s.mu.Unlock()

	body := map[string]any{"Credentials": fields}
	if settings.AssumeRoleShape {
		body["AssumedRoleUser"] = map[string]any{
			"AssumedRoleId": "AROA3XFRBF535PLBIFPI4:simulated",
			"Arn":           "arn:" + c.partition() + ":sts::" + c.account + ":assumed-role/" + c.role + "/simulated",
		}
	}
	contentType := settings.ContentType
	if contentType == "" {
		contentType = "application/json"
	}
	if fault.Kind == FaultLostAnswer {
		simctl.Disconnect()
	}
	if fault.Kind == FaultTextPlain {
		contentType = "text/plain"
	}
	fault.spoil(body, fields)
	encoded, err := json.Marshal(body)
	if err != nil { // a map of strings always encodes
		answerError(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	if fault.Kind == FaultTruncated {
		encoded = encoded[:len(encoded)/2] // net/http closes the connection of a handler that wrote too little
	}
	_, _ = w.Write(encoded)
}

// spoil applies a late fault to a successful response.
func (f Fault) spoil(body, fields map[string]any) {
	switch f.Kind {
	case FaultHuge:
		body["Padding"] = strings.Repeat("x", hugeSize)
	case FaultAbsurdExpiry:
		fields["Expiration"] = "9999-12-31T23:59:59Z"
	case FaultUnreadableExpiry:
		fields["Expiration"] = "in a while"
	case FaultNewline:
		field := f.Field
		if field == "" {
			field = "SecretAccessKey"
		}
		fields[field] = fmt.Sprint(fields[field], injectedLine)
	case FaultWrongShape:
		body["Credentials"] = []any{fields}
	case FaultNullKeys:
		fields["AccessKeyId"], fields["SecretAccessKey"] = nil, nil
	case FaultEmptyKeys:
		fields["AccessKeyId"], fields["SecretAccessKey"] = "", ""
	case FaultNoToken:
		delete(fields, "SessionToken")
	case FaultOtherToken:
		fields["Token"] = fields["SessionToken"]
		delete(fields, "SessionToken")
	case FaultNoExpiration:
		delete(fields, "Expiration")
	}
}

func (s Settings) formatExpiration(t time.Time) any {
	local := t.In(time.FixedZone("", int(time.Duration(s.ExpirationZone).Seconds())))
	switch {
	case s.ExpirationLayout == "unix":
		return t.Unix()
	case s.ExpirationLayout == "unix-milliseconds":
		return t.UnixMilli()
	case s.ExpirationLayout != "":
		return local.Format(s.ExpirationLayout)
	case s.NumericZone:
		return local.Format("2006-01-02T15:04:05-07:00")
	}
	return t.UTC().Format(time.RFC3339)
}

// acceptsJSON is true if the Accept headers allow JSON: a missing header does, only text/html does not.
func acceptsJSON(values []string) bool {
	ranges := strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool { return r == ',' })
	for _, value := range ranges {
		mediaType, _, err := mime.ParseMediaType(strings.TrimSpace(value))
		if err == nil && (mediaType == "application/json" || mediaType == "application/*" || mediaType == "*/*") {
			return true
		}
	}
	return len(ranges) == 0
}

func clientName(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName
}
