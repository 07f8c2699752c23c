package cap

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Dialect is one of the two sets of parameter names.
type Dialect string

const (
	// C2S uses agency, mission and role.
	C2S Dialect = "C2S"
	// SC2S uses agency, accountName and roleName.
	SC2S Dialect = "SC2S"
)

// The paths of the service, from the public sources that the README of the simulators names.
const (
	C2SPath      = "/api/v1/credentials"
	SC2SPath     = "/cap/gxCAP/getTemporaryCredentials"
	sc2sPathBare = "/gxCAP/getTemporaryCredentials"
)

// Settings can be changed while the simulator runs.
type Settings struct {
	// Lifetime of a new credential; an hour, the portal's default, when zero.
	Lifetime simctl.Duration `json:"lifetime"`
	// OmitExpiration omits Expiration from the responses. The credentials still expire.
	OmitExpiration bool `json:"omitExpiration"`
	// OmitSessionToken issues keys that look long-lived (AKIA...) without a session token, like the emulator.
	OmitSessionToken bool `json:"omitSessionToken"`
	// NumericZone writes Expiration with +00:00 instead of Z.
	NumericZone bool `json:"numericZone"`
	// ExpirationLayout writes Expiration in a layout of package time, such as "2006-01-02T15:04:05" without a zone, or as a
	// number: "unix" and "unix-milliseconds". ExpirationZone is the portal's offset east of UTC.
	ExpirationLayout string          `json:"expirationLayout"`
	ExpirationZone   simctl.Duration `json:"expirationZone"`
	// AssumeRoleShape adds the AssumedRoleUser of the output of `aws sts assume-role` beside Credentials.
	AssumeRoleShape bool `json:"assumeRoleShape"`
	// ReuseUntilPercent returns the previous credential until this percentage of its lifetime has passed. Zero
	// issues a new one for each request.
	ReuseUntilPercent int `json:"reuseUntilPercent"`
	// APIDisabled responds with 404 "API not enabled.".
	APIDisabled bool `json:"apiDisabled"`
	// DateSkew is how far the header Date is ahead of the simulator's own time, by which credentials expire.
	DateSkew simctl.Duration `json:"dateSkew"`
	// CertificateByPath behaves like a web server that requests the client certificate only for some paths: over TLS 1.3 it refuses clients
	// without post-handshake authentication with 403 and a page; over TLS 1.2 it requests the certificate.
	CertificateByPath bool `json:"certificateByPath"`
	// ContentType of successful responses; application/json when empty.
	ContentType string `json:"contentType"`
}

// Options of a simulator. The zero value is usable, except that it knows no roles.
type Options struct {
	// Address and ControlAddress are host:port. The service listens on a free port of 127.0.0.1 when Address is empty;
	// there is no control port when ControlAddress is empty.
	Address, ControlAddress string
	// Hosts are the names and addresses in the server's certificate; those of this machine when empty.
	Hosts []string
	// PathPrefix is a prefix of the paths: public examples have /CAP.
	PathPrefix string
	// Clock is the time that the simulator follows; the machine's when nil. A *simctl.Clock is shared, not copied.
	Clock clock.PassiveClock
	// CA signs the server's certificate, ClientCA those of the clients. If nil, CA is a new one, and ClientCA the same as CA.
	CA, ClientCA *simtls.CA
	// Agency and Mission are the expected values; "AGENCY" and "MISSION" when empty. SC2S calls the mission accountName.
	Agency, Mission string
	// Roles are the known roles and the twelve-digit number of the account each belongs to.
	Roles map[string]string
	// RequiredParams are further required parameters with their expected values.
	RequiredParams map[string]string
	// Canary is put into every secret key and session token, so that a test can search logs for it.
	Canary string
	// Settings to begin with.
	Settings Settings
}

// Sim is a running portal. Its methods may be called from several goroutines.
type Sim struct {
	options  Options
	clock    *simctl.Clock
	ca       *simtls.CA
	clientCA *simtls.CA
	service  *simctl.Server
	control  *simctl.Server
	faults   simctl.Faults[Fault]
	holds    simctl.Holds

	mu       sync.Mutex
	settings Settings
	roles    map[string]string
	revoked  map[string]bool        // serial numbers
	inactive map[string]bool        // common names
	issued   map[string]*credential // by access key id
	current  map[string]*credential // by dialect and role
	counts   Counts
	requests []Request
}

// New prepares a simulator; Start makes it listen.
func New(options Options) (*Sim, error) {
	var err error
	if options.CA == nil {
		if options.CA, err = simtls.NewCA("CAP simulator"); err != nil {
			return nil, err
		}
	}
	if options.ClientCA == nil {
		options.ClientCA = options.CA
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Agency == "" {
		options.Agency = "AGENCY"
	}
	if options.Mission == "" {
		options.Mission = "MISSION"
	}
	s := &Sim{
		options: options, clock: simctl.NewClock(options.Clock), ca: options.CA, clientCA: options.ClientCA,
		settings: options.Settings, roles: map[string]string{}, revoked: map[string]bool{}, inactive: map[string]bool{},
		issued: map[string]*credential{}, current: map[string]*credential{}, counts: newCounts(),
	}
	for role, account := range options.Roles {
		s.roles[role] = account
	}
	config, err := options.CA.ServerConfig(options.Hosts...)
	if err != nil {
		return nil, err
	}
	// Requested, so that the handshake succeeds with any certificate, and without a list of acceptable CAs, because clients send no
	// certificate of another CA if there is one.
	config.ClientAuth = tls.RequestClientCert
	// Only HTTP/1.1, so that truncated and lost responses are as in production.
	config.NextProtos = []string{"http/1.1"}
	config.GetConfigForClient = s.configFor(config.Clone())
	s.service = simctl.NewServer(options.Address, config, http.HandlerFunc(s.serve))
	if options.ControlAddress != "" {
		s.control = simctl.NewServer(options.ControlAddress, nil, s.ControlHandler())
	}
	return s, nil
}

// Start listens, and listens again after Stop.
func (s *Sim) Start() error {
	if err := s.service.Start(); err != nil {
		return fmt.Errorf("CAP simulator: %w", err)
	}
	if s.control != nil {
		if err := s.control.Start(); err != nil {
			return fmt.Errorf("control port of the CAP simulator: %w", err)
		}
	}
	return nil
}

// Stop makes the portal refuse connections; Start brings it back at the same address. The control port stays.
func (s *Sim) Stop() {
	s.service.Stop()
}

// Close ends the simulator and its control port.
func (s *Sim) Close() {
	s.service.Stop()
	if s.control != nil {
		s.control.Stop()
	}
}

// URL returns the service's URL without a path.
func (s *Sim) URL() string { return s.service.URL() }

// ControlURL returns the URL of the control port, empty when there is none.
func (s *Sim) ControlURL() string {
	if s.control == nil {
		return ""
	}
	return s.control.URL()
}

// Endpoint returns the URL of a dialect without the query.
func (s *Sim) Endpoint(dialect Dialect) string {
	path := C2SPath
	if dialect == SC2S {
		path = SC2SPath
	}
	return s.URL() + s.options.PathPrefix + path
}

// Query returns the correct parameters for a role in a dialect.
func (s *Sim) Query(dialect Dialect, role string) url.Values {
	names := parametersOf[dialect]
	query := url.Values{"agency": {s.options.Agency}, names.mission: {s.options.Mission}, names.role: {role}}
	for name, value := range s.options.RequiredParams {
		query.Set(name, value)
	}
	return query
}

// Handler serves the portal's requests without a port. The client certificate is that of the request's TLS.
func (s *Sim) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// CA returns the CA that signed the server's certificate.
func (s *Sim) CA() *simtls.CA { return s.ca }

// CAPEM returns that CA's certificate.
func (s *Sim) CAPEM() []byte { return s.ca.PEM() }

// Clock returns the time inside the simulator.
func (s *Sim) Clock() *simctl.Clock { return s.clock }

// Advance moves that time.
func (s *Sim) Advance(d time.Duration) { s.clock.Advance(d) }

// Configure changes the settings.
func (s *Sim) Configure(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
}

// AddRole adds a role. An empty account removes it.
func (s *Sim) AddRole(role, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if account == "" {
		delete(s.roles, role)
		return
	}
	s.roles[role] = account
}
