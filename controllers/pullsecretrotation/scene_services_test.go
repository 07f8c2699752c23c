package pullsecretrotation_test

import (
	"context"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/internal/trust"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// services lead the reconciler to the simulated OCM and to the scene's registries. Tokens live in real time in the simulator,
// so the client judges them by the real clock.
type services struct {
	accessTokens int // asked for
	s            *scene
	roots        *x509.CertPool
	mu           sync.Mutex
	known        map[[2]string]*ocm.Client

	// behind, if set, is the pull secret that OCM returns instead, like a replica that lags.
	behind []byte
	// listed, when set, changes OCM's list.
	listed func([]ocm.Rotation) []ocm.Rotation
	// transfers, when set, changes the cluster's transfers, and account the answer about whom a cluster's token is of.
	transfers func([]ocm.Transfer) []ocm.Transfer
	account   func() (ocm.Account, error)
	// beforePost, when set, happens right before the POST is sent, and afterPost right after its answer.
	beforePost, afterPost func()
}

func newServices(t *testing.T, s *scene) *services {
	t.Helper()
	c := &services{s: s, roots: trust.Pool(s.sim.CA().PEM()), known: map[[2]string]*ocm.Client{}}
	t.Cleanup(func() {
		for _, made := range c.known {
			_ = made.Close()
		}
	})
	return c
}

// OCM implements Connector.
func (c *services) OCM(cfg ocm.Config) (pullsecretrotation.OCM, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{cfg.Credential.Token, cfg.ClusterToken.ClusterID + cfg.ClusterToken.Auth}
	made, ok := c.known[key]
	if !ok {
		cfg.URL, cfg.TokenURL, cfg.RootCAs, cfg.Clock = c.s.sim.URL(), c.s.sim.TokenURL(), c.roots, nil
		var err error
		if made, err = ocm.New(cfg); err != nil {
			return nil, err
		}
		c.known[key] = made
	}
	return &sceneOCM{Client: made, services: c, asCluster: cfg.ClusterToken.Auth != ""}, nil
}

// Registries implements Connector.
func (c *services) Registries(*x509.CertPool) pullsecretrotation.Prober { return c.s.registries }

// sceneOCM is the client with what a test does to its answers.
type sceneOCM struct {
	*ocm.Client
	services  *services
	asCluster bool
}

func (o *sceneOCM) Close() error { return nil }

func (o *sceneOCM) AccessToken(ctx context.Context) ([]byte, error) {
	o.services.accessTokens++
	if o.services.behind != nil {
		return o.services.behind, nil
	}
	return o.Client.AccessToken(ctx)
}

func (o *sceneOCM) CurrentAccount(ctx context.Context) (ocm.Account, error) {
	if o.asCluster && o.services.account != nil {
		return o.services.account()
	}
	return o.Client.CurrentAccount(ctx)
}

func (o *sceneOCM) ClusterTransfers(ctx context.Context, clusterID string) ([]ocm.Transfer, error) {
	list, err := o.Client.ClusterTransfers(ctx, clusterID)
	if err == nil && o.services.transfers != nil {
		list = o.services.transfers(list)
	}
	return list, err
}

func (o *sceneOCM) Rotations(ctx context.Context, accountID string) ([]ocm.Rotation, error) {
	list, err := o.Client.Rotations(ctx, accountID)
	if err == nil && o.services.listed != nil {
		list = o.services.listed(list)
	}
	return list, err
}

func (o *sceneOCM) RequestRotation(ctx context.Context, accountID string) (ocm.Rotation, error) {
	if f := o.services.beforePost; f != nil {
		f()
	}
	made, err := o.Client.RequestRotation(ctx, accountID)
	if f := o.services.afterPost; f != nil {
		f()
	}
	return made, err
}

// registries are those of the simulated OCM, checked by value under any key, and others with their own logins.
type registries struct {
	sim *simocm.Sim
	mu  sync.Mutex
	// down are the hosts that cannot be reached.
	down map[string]bool
	// logins are the auths that hosts which are not Red Hat's accept.
	logins map[string]string
	// refuses, by host, refuses auths that OCM calls alive.
	refuses map[string]func(auth string) bool
	// asked records each check by key.
	asked []question
}

type question struct {
	key, auth string
	outcome   registry.Outcome
	at        time.Time
}

// Check implements Prober.
func (r *registries) Check(_ context.Context, c registry.Check) registry.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	host, _, _ := strings.Cut(c.Registry, "/")
	sent := auth(c.Username, c.Password)
	result := registry.Result{Outcome: registry.Unauthorized, Message: host + " refuses the user name and password (401)"}
	login, foreign := r.logins[host]
	switch {
	case r.down[host]:
		result = registry.Result{Outcome: registry.Unreachable, Message: host + " cannot be reached: connection timed out"}
	case r.refuses[host] != nil && r.refuses[host](sent):
	case foreign && login == sent, !foreign && r.sim.Alive(host, c.Username, c.Password):
		result = registry.Result{Outcome: registry.Accepted, Message: host + " accepts the login"}
	}
	r.asked = append(r.asked, question{c.Registry, sent, result.Outcome, r.sim.Now()})
	return result
}

// wasAsked returns whether a host checked an auth, under any key, and ever accepted it.
func (r *registries) wasAsked(host, auth string) (asked, accepted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.asked {
		if h, _, _ := strings.Cut(q.key, "/"); h == host && q.auth == auth {
			asked, accepted = true, accepted || q.outcome == registry.Accepted
		}
	}
	return asked, accepted
}

// refuseAllBut makes a host refuse everything but one auth.
func (r *registries) refuseAllBut(host, auth string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses[host] = func(sent string) bool { return sent != auth }
}

func (r *registries) reachable(host string, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down[host] = !is
}
