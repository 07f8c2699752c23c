package pullsecretrotation

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/internal/trust"
	"github.com/openshift/credential-rotation-operator/test/fakeapi"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// fleet is many clusters of one account, each with an API server and an operator of its own and the same
// PullSecretRotation, as a repository brings it to them. They share one simulated OCM and its virtual time.
type fleet struct {
	t       *testing.T
	sim     *simocm.Sim
	account simocm.Account
	token   string
	members []*member
}

// member is one cluster of the fleet.
type member struct {
	id     string
	client client.Client
	r      *Reconciler
	next   time.Time // its operator's next reconcile
	seen   *v1alpha1.PullSecretRotation
	// lagging is what telemetry reports with for as long as it has not noticed a change; empty if it notices each.
	lagging string
}

// reportsWith is the token that the cluster's telemetry reports with.
func (m *member) reportsWith(t *testing.T) string {
	if m.lagging != "" {
		return m.lagging
	}
	return entryAuth(m.document(t), telemetryRegistry)
}

// fleetTime is the virtual time of the simulated OCM.
type fleetTime struct{ sim *simocm.Sim }

func (c fleetTime) Now() time.Time                  { return c.sim.Now() }
func (c fleetTime) Since(t time.Time) time.Duration { return c.sim.Now().Sub(t) }

// fleetServices connects to the simulator. Tokens live in real time there, so the client judges them by the real clock.
type fleetServices struct {
	sim   *simocm.Sim
	roots *x509.CertPool
	mu    sync.Mutex
	known map[[2]string]*ocm.Client // by credential, because a TLS handshake for each question would be most of the test
}

func (c *fleetServices) OCM(cfg ocm.Config) (OCM, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{cfg.Credential.Token, cfg.ClusterToken.ClusterID + cfg.ClusterToken.Auth}
	if made, ok := c.known[key]; ok {
		return shared{made}, nil
	}
	cfg.URL, cfg.TokenURL, cfg.RootCAs, cfg.Clock = c.sim.URL(), c.sim.TokenURL(), c.roots, nil
	made, err := ocm.New(cfg)
	if err != nil {
		return nil, err
	}
	c.known[key] = made
	return shared{made}, nil
}

func (c *fleetServices) close() {
	for _, made := range c.known {
		_ = made.Close()
	}
}

func (c *fleetServices) Registries(*x509.CertPool) Prober { return c }

func (c *fleetServices) Check(_ context.Context, check registry.Check) registry.Result {
	if c.sim.Alive(check.Registry, check.Username, check.Password) {
		return registry.Result{Outcome: registry.Accepted}
	}
	return registry.Result{Outcome: registry.Unauthorized}
}

func newFleet(t *testing.T, size int, spec v1alpha1.PullSecretRotationSpec) *fleet {
	t.Helper()
	return newFleetOn(t, simocm.StartForTest(t, simocm.Options{}), size, spec)
}

func newFleetOn(t *testing.T, sim *simocm.Sim, size int, spec v1alpha1.PullSecretRotationSpec) *fleet {
	t.Helper()
	f := &fleet{t: t, sim: sim}
	f.account = f.sim.AddAccount(simocm.AccountSpec{})
	f.token = f.sim.OfflineToken(f.account.ID)
	roots := trust.Pool(f.sim.CA().PEM())
	services := &fleetServices{sim: f.sim, roots: roots, known: map[[2]string]*ocm.Client{}}
	t.Cleanup(services.close)
	for i := range size {
		m := &member{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", i)}
		m.client = fakeapi.NewClientBuilder().WithObjects(
			&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(m.id)}},
			&configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operator", Name: "ocm"}, Data: map[string][]byte{"token": []byte(f.token)}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "pull-secret"}, Type: corev1.SecretTypeDockerConfigJson,
				Data: map[string][]byte{corev1.DockerConfigJsonKey: f.sim.PullSecret(f.account.ID)}},
		).Build()
		options := Options{Namespace: "operator", Clock: fleetTime{f.sim}}
		options.SetDefaults()
		m.r = &Reconciler{Client: m.client, Reader: m.client, Options: options, Connect: services}
		f.sim.AddCluster(f.account.ID, simocm.ClusterSpec{ID: m.id, Name: fmt.Sprintf("cluster-%d", i), Token: func() string { return m.reportsWith(t) }})
		f.members = append(f.members, m)
		f.apply(m, spec)
	}
	return f
}

// apply creates the object, or recreates it.
func (f *fleet) apply(m *member, spec v1alpha1.PullSecretRotationSpec) {
	f.t.Helper()
	ctx := f.t.Context()
	if err := m.client.Delete(ctx, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "account"}}); client.IgnoreNotFound(err) != nil {
		f.t.Fatal(err)
	}
	object := &v1alpha1.PullSecretRotation{
		ObjectMeta: metav1.ObjectMeta{Name: "account", UID: types.UID(fmt.Sprintf("%s/%d", m.id, f.sim.Now().UnixNano())), CreationTimestamp: metav1.NewTime(f.sim.Now())},
		Spec:       spec,
	}
	object.Spec.SiblingClusters = v1alpha1.SiblingsAllow
	object.Spec.Targets = []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}}
	object.Spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	if object.Spec.Mode == "" {
		object.Spec.Mode = v1alpha1.ModeRotate
	}
	if err := m.client.Create(ctx, object); err != nil {
		f.t.Fatal(err)
	}
	m.next = f.sim.Now()
}

func (m *member) get(t *testing.T) *v1alpha1.PullSecretRotation {
	t.Helper()
	object := &v1alpha1.PullSecretRotation{}
	if err := m.client.Get(context.Background(), client.ObjectKey{Name: "account"}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

func (m *member) document(t *testing.T) []byte {
	t.Helper()
	secret := &corev1.Secret{}
	if err := m.client.Get(context.Background(), client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}, secret); err != nil {
		t.Fatal(err)
	}
	return secret.Data[corev1.DockerConfigJsonKey]
}

func entryAuth(document []byte, name string) string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if json.Unmarshal(document, &d) != nil {
		return ""
	}
	return d.Auths[name].Auth
}

// look reconciles all operators that are due, at the same time.
func (f *fleet) look() {
	var all sync.WaitGroup
	now := f.sim.Now()
	for _, m := range f.members {
		if m.next.After(now) {
			continue
		}
		all.Go(func() {
			result, err := m.r.Reconcile(f.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "account"}})
			if err != nil {
				f.t.Errorf("cluster %s: %v", m.id, err)
			}
			m.next, m.seen = now.Add(result.RequeueAfter), m.get(f.t)
		})
	}
	all.Wait()
}

// until lets time pass from one reconcile to the next, until every cluster is as wanted. It gives up after longer than a rotation takes.
func (f *fleet) until(what string, is func(*v1alpha1.PullSecretRotation) bool) {
	f.t.Helper()
	deadline := f.sim.Now().Add(14 * 24 * time.Hour)
	for !f.t.Failed() {
		f.look()
		missing, next := 0, deadline
		for _, m := range f.members {
			if !is(m.seen) {
				missing++
			}
			if m.next.Before(next) {
				next = m.next
			}
		}
		if missing == 0 {
			return
		}
		if !next.Before(deadline) {
			f.t.Fatalf("%d of %d clusters never came to this: %s; the first says %+v", missing, len(f.members), what, f.members[0].seen.Status.Conditions)
		}
		if wait := next.Sub(f.sim.Now()); wait > 0 {
			f.sim.Advance(wait)
		}
	}
}

func (f *fleet) posts(want int) {
	f.t.Helper()
	if got := f.sim.Count(simocm.OpPostRotation); got != want {
		f.t.Errorf("the fleet has requested %d rotations so far, want %d", got, want)
	}
}

func takesPart(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.ID != ""
}

func hasEnded(o *v1alpha1.PullSecretRotation) bool {
	ready := readyReason(o)
	return ready == v1alpha1.ReasonNotDue && (o.Status.Rotation == nil || o.Status.Rotation.RevokedAt != nil)
}

func readyReason(o *v1alpha1.PullSecretRotation) string {
	for _, c := range o.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

// current fails unless every cluster uses what OCM issues now.
func (f *fleet) current() {
	f.t.Helper()
	for _, m := range f.members {
		if entryAuth(m.document(f.t), "quay.io") != entryAuth(f.sim.PullSecret(f.account.ID), "quay.io") {
			f.t.Errorf("cluster %s does not use OCM's current credentials", m.id)
		}
	}
}

func TestFiftyClustersOfOneAccountCauseOneRotation(t *testing.T) {
	// Long ago, so that nothing but the jitter keeps the clusters from asking all at once.
	after := metav1.NewTime(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	spec := v1alpha1.PullSecretRotationSpec{RotateAfter: &after}
	f := newFleet(t, 50, spec)
	old := f.members[7].document(t)
	f.until("it takes part in the rotation", takesPart)
	f.posts(1)
	f.sim.RunBatch()
	f.until("the rotation has ended", hasEnded)
	f.posts(1)
	f.current()
	requested := 0
	for _, m := range f.members {
		if h := m.get(t).Status.History; len(h) != 1 {
			t.Errorf("cluster %s has %d rotations in its history, want 1", m.id, len(h))
		} else if !h[0].Adopted {
			requested++
		}
	}
	if requested != 1 {
		t.Errorf("%d clusters say that they requested the rotation, want 1", requested)
	}

	// Recreating the same objects, as after a mishap with the repository, causes none.
	for _, m := range f.members {
		f.apply(m, spec)
	}
	f.until("the recreated object is satisfied", hasEnded)
	f.posts(1)

	// Nor does a cluster that is restored from a backup: an old pull secret, and an object without its status.
	restored := f.members[7]
	secret := &corev1.Secret{}
	if err := restored.client.Get(t.Context(), client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}, secret); err != nil {
		t.Fatal(err)
	}
	secret.Data[corev1.DockerConfigJsonKey] = old
	if err := restored.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	f.apply(restored, spec)
	f.until("the restored cluster has caught up", hasEnded)
	f.posts(1)
	f.current()

	// A later T is one more, and no more than one.
	later := metav1.NewTime(f.sim.Now().Add(-time.Second))
	for _, m := range f.members {
		o := m.get(t)
		o.Spec.RotateAfter = &later
		if err := m.client.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		m.next = f.sim.Now()
	}
	f.until("it takes part in the second rotation", func(o *v1alpha1.PullSecretRotation) bool { return takesPart(o) && o.Status.Rotation.RevokedAt == nil })
	f.posts(2)
}

// Whatever event all clusters of an account share, only one of them requests.
func TestAFleetThatStartsAtOneMomentRequestsOnce(t *testing.T) {
	longAgo := metav1.NewTime(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	for name, spec := range map[string]v1alpha1.PullSecretRotationSpec{
		"a tick of the schedule": {Schedule: &v1alpha1.RotationSchedule{Cron: "0 3 * * *", TimeZone: "Europe/Berlin"}},
		"the opening of a window": {RotateAfter: &longAgo,
			StartWindows: []v1alpha1.StartWindow{{Cron: "0 3 * * *", Duration: metav1.Duration{Duration: 5 * time.Minute}}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 20, spec)
			f.until("it takes part in the rotation", takesPart)
			f.posts(1)
		})
	}
}
