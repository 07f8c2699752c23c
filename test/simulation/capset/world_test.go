package capset

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	simcap "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"

	corev1 "k8s.io/api/core/v1"
)

func TestMain(m *testing.M) { history.Main(m) }

// start is when each history begins.
var start = time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)

const (
	portalHost = "cap.example.com"
	canary     = "CAP-CANARY"
	// foreignSecret is part of each content that somebody else writes.
	foreignSecret = "FOREIGN-CANARY"
)

// roles are those of the portal; unknownRole is not.
var (
	roles       = []string{"r0", "r1", "r2"}
	unknownRole = "r9"
)

// world is a history: the portal, a cluster, and what has happened.
type world struct {
	*history.Journal
	chance   *rand.Rand
	count    *history.Tally
	portal   *simcap.Sim
	cluster  *cluster
	broken   *mutation // nil: nothing is broken on purpose
	quiet    bool      // no more faults
	steps    int
	creates  bool          // people let the operator create Secrets
	adopts   bool          // and take over what others have put there
	maxSleep time.Duration // between two rounds
	poke     chan struct{} // something has become due

	down, expired bool // the portal
	stsAway       bool
}

// odds is true once in n times.
func (w *world) odds(n int) bool { return w.chance.IntN(n) == 0 }

func pick[T any](w *world, of ...T) T { return of[w.chance.IntN(len(of))] }

// delay is how long something takes, which depends on its name alone: no two things happen at the same time.
func (w *world) delay(name string, most time.Duration) time.Duration {
	return time.Millisecond + time.Duration(w.Draw(name, int64(most)))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var quietly = context.Background()

// authority and portalCertificate are expensive, and the same for all.
var (
	authority         = newAuthority()
	portalCertificate = newPortalCertificate()
)

func newAuthority() *simtls.CA {
	ca, err := simtls.NewCA("simulation")
	must(err)
	return ca
}

func newPortalCertificate() *x509.Certificate {
	pair, err := authority.Server(portalHost)
	must(err)
	return leafOf(pair)
}

func leafOf(pair tls.Certificate) *x509.Certificate {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	must(err)
	return leaf
}

func newWorld(seed uint64, broken *mutation, count *history.Tally) *world {
	w := &world{Journal: history.NewJournal(seed), chance: rand.New(rand.NewPCG(seed, 34)), count: count, broken: broken, poke: make(chan struct{}, 1)}
	var err error
	w.portal, err = simcap.New(simcap.Options{
		CA: authority, Agency: "A", Mission: "M", Canary: canary, Hosts: []string{portalHost},
		Roles: map[string]string{roles[0]: "111111111111", roles[1]: "222222222222", roles[2]: "333333333333"},
	})
	must(err)
	w.creates, w.adopts, w.maxSleep = !w.odds(3), !w.odds(3), pick(w, 30*time.Second, 2*time.Minute, 2*time.Minute, 2*time.Minute)
	w.cluster = newCluster(w)
	return w
}

// truth is what AWS knows of a Secret's content.
type truth struct {
	role            string
	issued, expires time.Time
	alive           bool
}

func (w *world) truth(s *corev1.Secret) truth {
	if s == nil {
		return truth{}
	}
	c, err := awscreds.Parse(s.Data)
	if err != nil {
		return truth{}
	}
	secret, token, arn, expires, ok := w.portal.Lookup(c.AccessKeyID)
	if !ok || secret != c.SecretAccessKey || token != c.SessionToken {
		return truth{}
	}
	_, role, _ := strings.Cut(arn, ":role/")
	is := truth{role: role, expires: expires, alive: expires.After(time.Now())}
	for _, key := range w.portal.Keys() {
		if key.AccessKeyID == c.AccessKeyID {
			is.issued = key.Issued
		}
	}
	return is
}

// run is one history.
func run(broken *mutation) history.Run {
	return func(t *testing.T, seed uint64, steps int, count *history.Tally) history.Outcome {
		t.Helper()
		var out history.Outcome
		history.Bubble(t, seed, start, func() {
			w := newWorld(seed, broken, count)
			for w.steps < steps && !w.Fails() {
				w.steps++
				w.step()
			}
			if !w.Fails() {
				w.settle()
			}
			for _, p := range w.cluster.processes {
				p.end()
			}
			time.Sleep(time.Hour) // what sleeps wakes up and finds the process gone
			synctest.Wait()
			out = w.Outcome(w.steps)
		})
		count.Count(history.Totals, "histories")
		count.Add(history.Totals, "steps", out.Steps)
		return out
	}
}

// String is the moment, for people.
func (w *world) String() string { return fmt.Sprint(time.Now()) }
