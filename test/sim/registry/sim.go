package registry

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// The registries, by their real names.
const (
	Quay           = "quay.io"
	RedHatRegistry = "registry.redhat.io"
	RedHatConnect  = "registry.connect.redhat.com"
)

// Hosts lists the registries.
var Hosts = []string{Quay, RedHatRegistry, RedHatConnect}

// Options of a Sim; only Directory is required.
type Options struct {
	Directory Directory
	// CA signs the certificates of the servers; default: a new one.
	CA *simtls.CA
	// Clock is the clock for tokens and spreading; default: the machine's.
	Clock clock.PassiveClock
}

// Sim is the simulated registries. All methods are safe for concurrent use.
type Sim struct {
	opts    Options
	control *simctl.Server
	faults  simctl.Faults[Fault]
	hosts   map[string]*host

	mu sync.Mutex // guards all below and what is in hosts
	// canaries are all issued tokens.
	canaries []string
}

// host is one registry.
type host struct {
	sim    *Sim
	name   string
	habits habits
	server *simctl.Server
	store  store

	tokens  map[string]grant
	refused map[string]bool // users
	late    time.Duration   // how long it accepts what has been deleted
	counts  map[string]int  // by endpoint
	logins  []Login
	spread  spread
	certs   certificates
}

// habits are a registry's peculiarities.
type habits struct {
	realm, service string
	// badLogin is the message for invalid credentials; %s is the user.
	badLogin string
	// anonymous issues tokens without credentials for a requested scope.
	anonymous bool
	// notCovered is the status, notCoveredCode the error code of a manifest that a valid token does not cover.
	notCovered     int
	notCoveredCode string
	// unknown is the message about a repository that does not exist; empty if the response is the same as for one that is not covered.
	unknown   string
	tokenLife time.Duration
}

// The path of Red Hat's realms; the same server serves both registries.
const redHatRealm = "/auth/realms/rhcc/protocol/redhat-docker-v2/auth"

const redHatLogin = "Please login to the Red Hat Registry using your Customer Portal credentials. " +
	"Further instructions can be found here: https://access.redhat.com/RegistryAuthentication"

var habitsOf = map[string]habits{
	Quay: {
		realm: "/v2/auth", service: "quay.io", anonymous: true,
		badLogin:   "Could not find robot with username: %s and supplied password.",
		notCovered: http.StatusUnauthorized, notCoveredCode: "UNAUTHORIZED", tokenLife: time.Hour,
	},
	RedHatRegistry: {
		realm: redHatRealm, service: "docker-registry", badLogin: redHatLogin,
		notCovered: http.StatusForbidden, notCoveredCode: "DENIED", unknown: "Repo not found", tokenLife: 5 * time.Minute,
	},
	RedHatConnect: {
		realm: redHatRealm, service: "docker-registry", badLogin: redHatLogin,
		notCovered: http.StatusForbidden, notCoveredCode: "DENIED", unknown: "Image not found", tokenLife: 5 * time.Minute,
	},
}

// New creates a Sim that does not listen yet.
func New(opts Options) (*Sim, error) {
	if opts.Directory == nil {
		return nil, fmt.Errorf("the simulated registries need a directory of living credentials")
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.CA == nil {
		ca, err := simtls.NewCA("registry simulator")
		if err != nil {
			return nil, err
		}
		opts.CA = ca
	}
	s := &Sim{opts: opts, hosts: map[string]*host{}}
	s.control = simctl.NewServer("127.0.0.1:0", nil, s.controlMux())
	for _, name := range Hosts {
		h := &host{sim: s, name: name, habits: habitsOf[name], store: newStore(), tokens: map[string]grant{},
			refused: map[string]bool{}, counts: map[string]int{}, spread: newSpread()}
		if err := h.certs.make(opts.CA, name); err != nil {
			return nil, err
		}
		h.server = simctl.NewServer("127.0.0.1:0", h.certs.config(&s.mu), s.handler(h))
		s.hosts[name] = h
	}
	return s, nil
}

// Handlers are the registries by their hosts, for tests that need no sockets.
func (s *Sim) Handlers() map[string]http.Handler {
	handlers := map[string]http.Handler{}
	for name, h := range s.hosts {
		handlers[name] = s.handler(h)
	}
	return handlers
}

// Start listens on 127.0.0.1 until Close.
func (s *Sim) Start() error {
	for _, h := range s.hosts {
		if err := h.server.Start(); err != nil {
			s.Close()
			return err
		}
	}
	return s.control.Start()
}

// Close ends the servers.
func (s *Sim) Close() {
	for _, h := range s.hosts {
		h.server.Stop()
	}
	s.control.Stop()
}

// CA returns the authority that signed the servers' certificates.
func (s *Sim) CA() *simtls.CA { return s.opts.CA }

// Routes maps the real names of the registries to their addresses, for the simulated proxy.
func (s *Sim) Routes() map[string]string {
	routes := map[string]string{}
	for name, h := range s.hosts {
		routes[name+":443"] = h.server.Address()
	}
	return routes
}

// SetReachable makes a registry accept or refuse connections.
func (s *Sim) SetReachable(registry string, reachable bool) error {
	server := s.host(registry).server
	if reachable {
		return server.Start()
	}
	server.Stop()
	return nil
}

// Server returns the server of a registry, for tests that stop it.
func (s *Sim) Server(registry string) *simctl.Server { return s.host(registry).server }

// ControlURL returns the base URL of the control port.
func (s *Sim) ControlURL() string { return s.control.URL() }

// host panics for a registry that is not in Hosts, which is a mistake of the test.
func (s *Sim) host(name string) *host {
	h := s.hosts[name]
	if h == nil {
		panic(fmt.Sprintf("the registry simulator has no registry %q", name))
	}
	return h
}

// The endpoints of a registry, as counters and faults name them.
const (
	EndpointPing     = "ping"     // GET /v2/
	EndpointToken    = "token"    // the realm
	EndpointManifest = "manifest" // GET and HEAD of manifests
	EndpointBlob     = "blob"
	EndpointTags     = "tags" // GET of tags/list
	// EndpointAny stands for every endpoint in a fault.
	EndpointAny = "*"
)

// Count returns how many requests to an endpoint of a registry have arrived.
func (s *Sim) Count(registry, endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(registry)
	if endpoint != EndpointAny {
		return h.counts[endpoint]
	}
	total := 0
	for _, n := range h.counts {
		total += n
	}
	return total
}

// ResetCounts sets all counters to zero and forgets the logins.
func (s *Sim) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		h.counts, h.logins = map[string]int{}, nil
	}
}

// Login is one use of Basic credentials. It contains no password.
type Login struct {
	User     string    `json:"user"`
	Accepted bool      `json:"accepted"`
	At       time.Time `json:"at"`
}

// Logins returns the latest uses of Basic credentials at a registry, oldest first.
func (s *Sim) Logins(registry string) []Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.host(registry).logins)
}

// Canaries returns every issued token.
func (s *Sim) Canaries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.canaries)
}

// counts of all registries, for the control port.
func (s *Sim) allCounts() map[string]map[string]int {
	out := map[string]map[string]int{}
	for name, h := range s.hosts {
		out[name] = maps.Clone(h.counts)
	}
	return out
}
