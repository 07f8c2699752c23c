package ocm

import (
	"crypto/rand"
	"net/http"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/test/contract"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// The names of the real services; the servers' certificates are valid for them and for 127.0.0.1.
const (
	APIHost = "api.openshift.com"
	SSOHost = "sso.redhat.com"
	// TokenPath is the path of the token endpoint at SSOHost.
	TokenPath = "/auth/realms/redhat-external/protocol/openid-connect/token"
)

// The servers of a Sim, by name.
const (
	apiServer     = "api"
	ssoServer     = "sso"
	controlServer = "control"
)

// SecondPost is the response to a POST while a rotation of the account is pending; the real one is not publicly known.
type SecondPost string

const (
	// SecondPostNewRecord creates a second rotation with its own transfers, so that a duplicate POST is visible. The default.
	SecondPostNewRecord SecondPost = ""
	// SecondPostSame responds with 201 and the pending one.
	SecondPostSame SecondPost = "Same"
	// SecondPostForbidden responds with 403, the only refusal in the contract.
	SecondPostForbidden SecondPost = "Forbidden"
)

// SiblingTransfers is what an account may list of its clusters' transfers; its real right is not publicly known.
type SiblingTransfers string

const (
	// SiblingTransfersAll lists those of all its clusters. The default.
	SiblingTransfersAll SiblingTransfers = ""
	// SiblingTransfersForbidden responds with 403 unless the search names a cluster.
	SiblingTransfersForbidden SiblingTransfers = "Forbidden"
	// SiblingTransfersNone responds with 204 unless the search names a cluster.
	SiblingTransfersNone SiblingTransfers = "None"
	// SiblingTransfersOpen lists only those that are not completed, unless the search names a cluster.
	SiblingTransfersOpen SiblingTransfers = "Open"
)

// Habits are the service's behaviour where the real one is not publicly known, or where reports contradict each other. The zero value is the more
// demanding choice in each case.
type Habits struct {
	// SecondPost is the response to a POST while a rotation is pending.
	SecondPost SecondPost `json:"secondPost"`
	// AccessTokenCompletes lets any API call with a cluster's new token complete its transfer, as telemetry does.
	AccessTokenCompletes bool `json:"accessTokenCompletes"`
	// OldTokenCompletes lets telemetry with the old token complete a transfer: published excerpts do not exclude it.
	OldTokenCompletes bool `json:"oldTokenCompletes"`
	// CompleteWithoutClusters completes a rotation without transfers at the second pass. In published excerpts such a
	// rotation stays pending.
	CompleteWithoutClusters bool `json:"completeWithoutClusters"`
	// NeverComplete skips the second pass: a rotation stays pending and the old credentials stay valid, even after all clusters
	// have switched.
	NeverComplete bool `json:"neverComplete"`
	// DropEnded removes the record of a rotation, and its transfers, when it ends.
	DropEnded bool `json:"dropEnded"`
	// RefuseUnregistered makes the API refuse a cluster's own token until a cluster has reported with it: OCM has issued
	// it and quay.io accepts it, but current_account is a 401. An account's first credentials count as reported.
	RefuseUnregistered bool `json:"refuseUnregistered"`
	// SiblingTransfers is what an account may list of its clusters' transfers.
	SiblingTransfers SiblingTransfers `json:"siblingTransfers"`
}

// Options of a Sim; the zero value is valid.
type Options struct {
	// CA signs the certificates of both servers; default: a new one.
	CA *simtls.CA
	// Clock is the clock of SSO and API, and the start of the virtual clock; default: the machine's.
	Clock clock.PassiveClock
	// AccessTokenLife is 5 minutes by default; the real one is 5 to 15.
	AccessTokenLife time.Duration
	// RefreshTokenLife is 10 hours by default. Offline tokens end only when they are not used, see OfflineTokenIdle.
	RefreshTokenLife time.Duration
	// OfflineTokenIdle is how long an offline token lives without use, in virtual time; 30 days by default, as published.
	OfflineTokenIdle time.Duration
	// BatchInterval is the virtual time between two batches; 6 hours by default ("four times each day").
	BatchInterval time.Duration
	// RegistrationLimit is how many unknown clusters cluster_registrations may add to an account; 0: any number.
	RegistrationLimit int
	// StepPerLook, if set, advances virtual time by this whenever a client has polled a rotation that OCM should continue:
	// until it has issued, and again once the clusters with a Token have switched. So time waits for a slow client.
	StepPerLook time.Duration
	// PresentStamps stamps records with the time of Clock instead of virtual time, so that none is in the future of
	// a client that uses Clock.
	PresentStamps bool
	// TransferLife is how long a transfer can be completed, in virtual time; 5 days by default. See ClusterSpec.TransferLife.
	TransferLife time.Duration
	// Habits are behaviour that is not publicly known; Configure changes them while it runs.
	Habits
	// OnlyRequests has the requests checked against the API contract, and not the responses, for tests that ask very often.
	OnlyRequests bool
	// OnViolation is called for every violation of the API contract, in addition to Violations.
	OnViolation func(violation string)
	// ControlAddr is the address of the control port; default: one chosen by the system on 127.0.0.1.
	ControlAddr string
}

// Sim is one simulated OCM. All methods are safe for concurrent use.
type Sim struct {
	opts Options
	key  []byte // signs tokens

	mu         sync.Mutex
	offset     time.Duration // virtual time minus opts.Clock
	nextBatch  time.Time     // virtual
	ids        int           // issued so far; keeps ids of one second in order
	accounts   []*account
	clusters   []*cluster
	rotations  []*rotation
	transfers  []*transfer
	sessions   map[string]*session // by session id
	clients    map[string]*account // service accounts, by client id
	canaries   []string
	private    []string
	violations []string
	ssoSkew    time.Duration
	late       map[string]time.Duration // how late credentials are deleted, by registry
	apiSkew    time.Duration

	traffic traffic
	faults  simctl.Faults[Fault]
	holds   simctl.Holds
	servers map[string]*simctl.Server
}

// New creates a Sim that does not listen yet.
func New(opts Options) (*Sim, error) {
	setDefault(&opts.Clock, clock.PassiveClock(clock.RealClock{}))
	setDefault(&opts.AccessTokenLife, 5*time.Minute)
	setDefault(&opts.RefreshTokenLife, 10*time.Hour)
	setDefault(&opts.OfflineTokenIdle, 30*24*time.Hour)
	setDefault(&opts.BatchInterval, 6*time.Hour)
	setDefault(&opts.TransferLife, 5*24*time.Hour)
	setDefault(&opts.ControlAddr, "127.0.0.1:0")
	if opts.CA == nil {
		ca, err := simtls.NewCA("OCM simulator")
		if err != nil {
			return nil, err
		}
		opts.CA = ca
	}
	s := &Sim{
		opts:     opts,
		key:      make([]byte, 32),
		sessions: map[string]*session{}, late: map[string]time.Duration{},
		clients: map[string]*account{},
		servers: map[string]*simctl.Server{},
	}
	_, _ = rand.Read(s.key) // never fails: see crypto/rand
	s.nextBatch = s.virtual().Add(opts.BatchInterval)
	return s, nil
}

// Handlers are the two services by the host that they have, for tests that need no sockets.
func (s *Sim) Handlers() map[string]http.Handler {
	unjudged := s.withFaults(s.apiMux())
	judge := contract.Middleware
	if s.opts.OnlyRequests {
		judge = contract.Requests
	}
	judged := judge(unjudged, s.violation)
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUnjudged(r) {
			unjudged.ServeHTTP(w, r)
			return
		}
		judged.ServeHTTP(w, r)
	})
	return map[string]http.Handler{SSOHost: s.counted(s.withFaults(s.ssoMux()), &s.ssoSkew), APIHost: s.counted(api, &s.apiSkew)}
}

// Start listens on 127.0.0.1 until Close.
func (s *Sim) Start() error {
	handlers := s.Handlers()
	for name, host := range map[string]string{ssoServer: SSOHost, apiServer: APIHost} {
		config, err := s.opts.CA.ServerConfig(host, "127.0.0.1", "localhost")
		if err != nil {
			return err
		}
		s.servers[name] = simctl.NewServer("127.0.0.1:0", config, handlers[host])
	}
	s.servers[controlServer] = simctl.NewServer(s.opts.ControlAddr, nil, s.controlMux())
	for _, server := range s.servers {
		if err := server.Start(); err != nil {
			s.Close()
			return err
		}
	}
	return nil
}

// Close ends the servers, held requests included, and waits for them.
func (s *Sim) Close() {
	for _, server := range s.servers {
		server.Stop()
	}
}

// StartForTest creates and starts a Sim that ends with the test, and fails the test for every violation of the contract.
func StartForTest(t testing.TB, opts Options) *Sim {
	t.Helper()
	s, err := New(opts)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatalf("start the OCM simulator: %v", err)
	}
	t.Cleanup(func() {
		s.Close()
		for _, v := range s.Violations() {
			t.Errorf("violation of the accounts_mgmt API contract: %s", v)
		}
	})
	return s
}

// Configure changes the service's behaviour from now on.
func (s *Sim) Configure(change func(*Habits)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.opts.Habits)
}

func (s *Sim) violation(v string) {
	s.mu.Lock()
	s.violations = append(s.violations, v)
	s.mu.Unlock()
	if s.opts.OnViolation != nil {
		s.opts.OnViolation(v)
	}
}

// Violations returns every violation of the API contract so far.
func (s *Sim) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// ForgetViolations returns and clears the violations, for tests that provoke some.
func (s *Sim) ForgetViolations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.violations
	s.violations = nil
	return v
}

// CA returns the authority that signed the servers' certificates.
func (s *Sim) CA() *simtls.CA { return s.opts.CA }

// API returns the server of the API, for a proxy that maps APIHost to its address and for tests that stop it.
func (s *Sim) API() *simctl.Server { return s.servers[apiServer] }

// SSO returns the server of the single sign-on, as API does.
func (s *Sim) SSO() *simctl.Server { return s.servers[ssoServer] }

// Routes maps the real names of both servers to their addresses, for the simulated proxy.
func (s *Sim) Routes() map[string]string {
	return map[string]string{APIHost + ":443": s.API().Address(), SSOHost + ":443": s.SSO().Address()}
}

// URL returns the base URL of the API without any proxy.
func (s *Sim) URL() string { return s.API().URL() }

// TokenURL returns the URL of the token endpoint without any proxy.
func (s *Sim) TokenURL() string { return s.SSO().URL() + TokenPath }

// ControlURL returns the base URL of the control port.
func (s *Sim) ControlURL() string { return s.servers[controlServer].URL() }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
