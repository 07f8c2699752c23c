package simulation

import (
	"context"
	"crypto/fips140"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	simregistry "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

const day = 24 * time.Hour

// start is when each history begins, and longAgo a T before it.
var (
	start   = time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)
	longAgo = start.AddDate(-2, 0, 0)
)

// proofImage is what the operator pulls from Red Hat's registry to prove the right to.
const proofImage = "ubi8/ubi"

// world is a history: the services, the clusters of one account, and what has happened.
type world struct {
	chance     *rand.Rand
	ocm        *simocm.Sim
	registries *simregistry.Sim
	account    simocm.Account
	clusters   []*cluster
	network    *network
	broken     *mutation // nil: nothing is broken on purpose
	quiet      bool      // no more faults

	journal    []string
	violations []string
	said       []output // by the operator, not yet looked at
	count      *tally
	steps      int
}

// say adds a line to the journal.
func (w *world) say(format string, args ...any) {
	w.journal = append(w.journal, time.Now().UTC().Format("01-02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// violate notes that an invariant does not hold.
func (w *world) violate(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	w.say("VIOLATION: %s", sentence)
	w.violations = append(w.violations, sentence)
}

// odds is true once in n times.
func (w *world) odds(n int) bool { return w.chance.IntN(n) == 0 }

func pick[T any](w *world, of []T) T { return of[w.chance.IntN(len(of))] }

var (
	scheme    = newScheme()
	authority = newAuthority()
)

// newScheme has the kinds that occur and no others: the fake client goes through all of them at each write.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for group, kinds := range map[schema.GroupVersion][]runtime.Object{
		corev1.SchemeGroupVersion:           {&corev1.Secret{}, &corev1.SecretList{}, &corev1.ConfigMap{}},
		v1alpha1.GroupVersion:               {&v1alpha1.PullSecretRotation{}, &v1alpha1.PullSecretRotationList{}},
		configv1.GroupVersion:               {&configv1.ClusterVersion{}, &configv1.Infrastructure{}},
		operatorv1.GroupVersion:             {&operatorv1.MachineConfiguration{}},
		machineconfigurationv1.GroupVersion: {&machineconfigurationv1.MachineConfigPool{}, &machineconfigurationv1.MachineConfigPoolList{}, &machineconfigurationv1.MachineConfigNode{}, &machineconfigurationv1.MachineConfigNodeList{}},
	} {
		s.AddKnownTypes(group, kinds...)
		metav1.AddToGroupVersion(s, group)
	}
	return s
}

func newAuthority() *simtls.CA {
	ca, err := simtls.NewCA("simulation")
	if err != nil {
		panic(err)
	}
	return ca
}

// newWorld makes a world whose clusters are in order.
func newWorld(seed uint64, broken *mutation, count *tally) *world {
	w := &world{chance: rand.New(rand.NewPCG(seed, 12)), broken: broken, count: count}
	var err error
	w.ocm, err = simocm.New(simocm.Options{CA: authority, OfflineTokenIdle: 1000 * day})
	must(err)
	w.registries, err = simregistry.New(simregistry.Options{Directory: w.ocm, CA: authority})
	must(err)
	_, err = w.registries.AddImage(simregistry.RedHatRegistry, proofImage, "latest", simregistry.Subscribers)
	must(err)
	w.network = newNetwork(w)
	w.account = w.ocm.AddAccount(simocm.AccountSpec{})
	for i := range 1 + w.chance.IntN(2) {
		w.clusters = append(w.clusters, newCluster(w, i))
	}
	return w
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sleep lets time pass, and OCM act at its times.
func (w *world) sleep(d time.Duration) {
	for d > 0 {
		nap := min(d, time.Hour)
		time.Sleep(nap)
		w.ocm.Advance(0)
		d -= nap
	}
}

// outcome is what a history has come to.
type outcome struct {
	steps      int
	journal    []string
	violations []string
}

func (o outcome) text() string { return strings.Join(o.journal, "\n") + "\n" }

// history runs one seed for a number of steps, and then until everything is right again.
func history(t *testing.T, seed uint64, steps int, broken *mutation, count *tally) outcome {
	t.Helper()
	if v := fips140.Version(); v != "latest" {
		t.Skipf("random numbers cannot be seeded in the Go Cryptographic Module %s: `make test` runs this with GOFIPS140=off", v)
	}
	var out outcome
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		time.Sleep(time.Until(start))
		w := newWorld(seed, broken, count)
		for w.steps < steps && len(w.violations) == 0 {
			w.steps++
			w.step()
		}
		if len(w.violations) == 0 {
			w.settle()
		}
		w.end()
		out = outcome{steps: w.steps, journal: w.journal, violations: w.violations}
	})
	count.histories++
	count.steps += out.steps
	return out
}

// end kills what is still under way: a bubble must be left by all.
func (w *world) end() {
	for _, c := range w.clusters {
		for _, r := range c.replicas {
			r.kill(w)
		}
	}
	synctest.Wait()
}

var quietly = context.Background()
