package ocm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Canary is part of every secret value that is not a signed token, for the detection of leaks.
const Canary = "CANARY"

// The registries of a pull secret, in the order in which the service lists them.
const (
	CloudOpenShift = "cloud.openshift.com"
	Quay           = "quay.io"
	RedHatConnect  = "registry.connect.redhat.com"
	RedHatRegistry = "registry.redhat.io"
)

// Registries lists the four registries of a pull secret.
var Registries = []string{CloudOpenShift, Quay, RedHatConnect, RedHatRegistry}

// generation is one set of registry credentials of an account. An account has one current generation and, while a
// rotation is pending, older ones that still work.
type generation struct {
	number  int
	account *account
	logins  map[string]login // by registry
	// rotating is true once a newer generation exists; the service marks the rows so (external_resource_id "rotating").
	rotating bool
	// died is when it was deleted at each registry, in virtual time; normally at all of them at once.
	died map[string]time.Time
	// dying is when it will be deleted at registries with a late revocation.
	dying map[string]time.Time
	// registered is true once a cluster has reported with it.
	registered bool
}

type login struct{ user, password string }

func (l login) auth() string {
	return base64.StdEncoding.EncodeToString([]byte(l.user + ":" + l.password))
}

// issue creates the next generation of an account and marks those before it as rotating.
func (s *Sim) issue(a *account) *generation {
	g := &generation{number: len(a.generations) + 1, account: a, died: map[string]time.Time{}, dying: map[string]time.Time{}}
	for _, older := range a.generations {
		older.rotating = true
	}
	// quay.io and cloud.openshift.com share one robot account; the two Red Hat registries one service account.
	number := random(32, "0123456789abcdef")
	robot := login{
		user:     "openshift-release-dev+ocm_access_" + number,
		password: Canary + random(58, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
	}
	pool := login{user: "uhc-pool-" + newUUID(), password: s.registryJWT(a)}
	if g.number%2 == 0 { // both forms are in use
		pool.user = fmt.Sprintf("%d|uhc-%s", 50000000+len(s.accounts), s.newID())
	}
	g.logins = map[string]login{CloudOpenShift: robot, Quay: robot, RedHatConnect: pool, RedHatRegistry: pool}
	s.canary(robot.password, robot.auth(), pool.password, pool.auth())
	s.private = append(s.private, number, pool.user)
	a.generations = append(a.generations, g)
	return g
}

// registryJWT creates a password like those of service accounts at Red Hat's registry. Its signature is never checked.
func (s *Sim) registryJWT(a *account) string {
	part := func(v any) string {
		raw, _ := json.Marshal(v) // maps of strings always marshal
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	return part(map[string]string{"alg": "RS512"}) + "." +
		part(map[string]string{"sub": a.id, "jti": newUUID()}) + "." +
		Canary + random(80, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
}

// document renders the generation as the service does: docker's format with sorted registries.
func (g *generation) document() []byte {
	type entry struct {
		Auth  string `json:"auth"`
		Email string `json:"email"`
	}
	auths := map[string]entry{}
	for registry, l := range g.logins {
		auths[registry] = entry{Auth: l.auth(), Email: g.account.email}
	}
	raw, _ := json.Marshal(map[string]any{"auths": auths}) // strings always marshal
	return raw
}

func (g *generation) alive(registry string) bool { return g.died[registry].IsZero() }

// dead is true if no registry accepts it.
func (g *generation) dead() bool { return len(g.died) == len(g.logins) }

// kill deletes it at some registries, or at all when none is named.
func (g *generation) kill(now time.Time, registries ...string) {
	if len(registries) == 0 {
		registries = Registries
	}
	for _, registry := range registries {
		if g.alive(registry) {
			g.died[registry] = now
		}
	}
}

// current returns the generation that the service issues now.
func (a *account) current() *generation { return a.generations[len(a.generations)-1] }

// byCloudAuth finds the valid generation of a cluster's token, the auth of cloud.openshift.com.
func (s *Sim) byCloudAuth(auth string) *generation {
	s.bury()
	for _, a := range s.accounts {
		for _, g := range a.generations {
			if g.alive(CloudOpenShift) && g.logins[CloudOpenShift].auth() == auth {
				return g
			}
		}
	}
	return nil
}

// Alive reports whether a registry must accept these credentials: those that OCM has issued and not deleted. The two
// registries of Red Hat have the same accounts. It is the directory of the registry simulator.
func (s *Sim) Alive(registry, user, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bury()
	g := s.byLogin(registry, user, password)
	return g != nil && g.alive(registry) && !g.account.banned
}

// DeadFor returns how long ago, in virtual time, credentials were deleted; false if they were never issued or are
// alive. The registry simulator uses it for late revocations.
func (s *Sim) DeadFor(registry, user, password string) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bury()
	g := s.byLogin(registry, user, password)
	if g == nil || g.alive(registry) {
		return 0, false
	}
	return s.virtual().Sub(g.died[registry]), true
}

// byLogin finds the generation of these credentials, dead or alive.
func (s *Sim) byLogin(registry, user, password string) *generation {
	for _, a := range s.accounts {
		for _, g := range a.generations {
			if l, ok := g.logins[registry]; ok && l.user == user && l.password == password {
				return g
			}
		}
	}
	return nil
}

// KnownUser reports whether the user ever existed: quay.io's messages differ.
func (s *Sim) KnownUser(registry, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		for _, g := range a.generations {
			if g.logins[registry].user == user {
				return true
			}
		}
	}
	return false
}

// PullSecret returns the account's current pull secret, as a cluster gets it at installation.
func (s *Sim) PullSecret(accountID string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustAccount(accountID).current().document()
}

// CloudAuth returns the current cloud.openshift.com auth of an account, the token of its clusters.
func (s *Sim) CloudAuth(accountID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustAccount(accountID).current().logins[CloudOpenShift].auth()
}

// Private are personal data that are not secret, e-mail addresses and last names, and the user names of registries. They must appear only in
// Secrets, unlike OCM's user names.
func (s *Sim) Private() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.private)
}

// Canaries returns every secret value that was ever issued: passwords, auths, tokens, client secrets, and the signature of
// each token in case only its end leaks.
func (s *Sim) Canaries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{Canary}, s.canaries...)
}

func (s *Sim) canary(values ...string) {
	for _, v := range values {
		s.canaries = append(s.canaries, v)
		if parts := strings.Split(v, "."); len(parts) == 3 {
			s.canaries = append(s.canaries, parts[2])
		}
	}
}
