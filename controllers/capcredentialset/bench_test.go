package capcredentialset

import (
	"context"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// bench is a reconciler among fakes, whose process can be killed at any of its effects and started again.
type bench struct {
	t       testing.TB
	ctx     context.Context
	clock   *testingclock.FakePassiveClock // the cluster's, which may be wrong
	truth   time.Time                      // AWS's
	portal  *fakePortal
	sts     *fakeSTS
	secrets *fakeSecrets
	facts   *fakeFacts
	client  client.Client
	fuse    *fuse
	r       *reconciler
	// tidied is how often memory was returned.
	tidied int
	// blindness is true where a round may fail, because the key of the content hash cannot be had.
	blindness bool
}

const operatorNamespace = "operator"

func newBench(t testing.TB, set *v1alpha1.CAPCredentialSet, objects ...client.Object) *bench {
	t.Helper()
	b := &bench{t: t, clock: testingclock.NewFakePassiveClock(noon), truth: noon, fuse: &fuse{left: -1}}
	b.portal = newFakePortal(func() time.Time { return b.truth }, b.clock, b.fuse)
	b.sts = &fakeSTS{portal: b.portal}
	b.secrets = &fakeSecrets{
		objects: map[types.NamespacedName]*corev1.Secret{}, owners: map[types.NamespacedName]owners{}, fuse: b.fuse,
	}
	b.facts = &fakeFacts{mode: cluster.CredentialsMode{Known: true, Installed: true, Mode: "Manual"}, missing: map[string]bool{}}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, configv1.Install, corev1.AddToScheme, appsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b.client = newFakeSets(fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), set)
	b.secrets.put(ref(operatorNamespace, set.Spec.Endpoint.ClientCertificateSecretRef.Name), clientCertificate(t))
	b.start()
	return b
}

// clientCertificate is one that is valid for years around noon.
func clientCertificate(t testing.TB) *corev1.Secret {
	t.Helper()
	ca, err := simtls.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := ca.Client("npe", simtls.Valid(noon.AddDate(-1, 0, 0), noon.AddDate(5, 0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{Data: map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": ca.PEM()}}
}

// start is a new process: nothing in memory.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.ctx = ctx
	b.fuse.left, b.fuse.dead, b.fuse.kill = -1, false, cancel
	booted := b.truth
	opts := Options{Namespace: operatorNamespace, Writers: 1, Clock: b.clock, Monotonic: func() time.Duration { return b.truth.Sub(booted) }}
	opts.SetDefaults()
	opts.AnswerWait = time.Hour // nothing here takes time
	b.r = &reconciler{
		Options: opts, client: b.client, reader: b.client, secrets: b.secrets, store: b.secrets, facts: b.facts,
		recorder: &events.FakeRecorder{}, states: map[string]*state{}, wake: func(string) {}, tidy: func() { b.tidied++ },
		dial: dialer{
			portal:  func(cap.Config) (portal, error) { return b.portal, nil },
			checker: func(awscreds.STSChecker) checker { return b.sts },
		},
	}
}

// settle waits for the requests to CAP that are still on their way.
func (b *bench) settle() {
	for _, st := range b.r.states {
		st.flights.underWay.Wait()
	}
}

// round is one round of a set; after a crash the next process takes over.
func (b *bench) round(name string) time.Duration {
	b.t.Helper()
	result, err := b.r.Reconcile(b.ctx, reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
	if b.fuse.dead {
		b.settle() // what a dead process has on its way does not touch the next one
		b.start()
		return 0
	}
	if err != nil && b.blindness {
		return 5 * time.Second
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return result.RequeueAfter
}

// drive lets time go by as the process spends it: it sleeps as long as each round says.
func (b *bench) drive(d time.Duration) {
	b.t.Helper()
	for end := b.truth.Add(d); b.truth.Before(end); {
		b.pass(max(b.round("cap"), time.Millisecond))
	}
}

// pass lets time go by for both clocks.
func (b *bench) pass(d time.Duration) {
	b.truth = b.truth.Add(d)
	b.clock.SetTime(b.clock.Now().Add(d))
}

func (b *bench) set(name string) *v1alpha1.CAPCredentialSet {
	b.t.Helper()
	set := &v1alpha1.CAPCredentialSet{}
	if err := b.client.Get(b.t.Context(), client.ObjectKey{Name: name}, set); err != nil {
		b.t.Fatal(err)
	}
	return set
}
