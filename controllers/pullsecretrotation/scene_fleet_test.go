package pullsecretrotation_test

import (
	"fmt"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/test/fakeapi"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// sceneFleet is many clusters of one account with clocks of their own.
type sceneFleet struct {
	t      *testing.T
	sim    *simocm.Sim
	scenes []*scene
}

func newSceneFleet(t *testing.T, size int, skew func(int) time.Duration) *sceneFleet {
	t.Helper()
	first := newScene(t, simocm.Options{})
	f := &sceneFleet{t: t, sim: first.sim, scenes: []*scene{first}}
	first.skew = skew(0)
	for i := 1; i < size; i++ {
		f.scenes = append(f.scenes, first.sibling(i, skew(i)))
	}
	return f
}

// sibling is another cluster of the scene's account.
func (s *scene) sibling(i int, skew time.Duration) *scene {
	s.t.Helper()
	o := &scene{t: s.t, sim: s.sim, account: s.account, id: fmt.Sprintf("00000000-0000-4000-8000-%012d", 100+i), events: &eventLog{}, skew: skew}
	o.registries = &registries{sim: s.sim, down: map[string]bool{}, logins: map[string]string{}, refuses: map[string]func(string) bool{}}
	o.services = newServices(s.t, o)
	o.api = fakeapi.NewClientBuilder().WithObjects(
		&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(o.id)}},
		&configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operator", Name: "ocm"}, Data: map[string][]byte{"token": []byte(s.sim.OfflineToken(s.account.ID))}},
	).Build()
	o.putTarget(global, s.sim.PullSecret(s.account.ID))
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{ID: o.id, Name: o.id, Token: func() string { return o.entries(global)[simocm.CloudOpenShift] }})
	options := pullsecretrotation.Options{Namespace: "operator", Clock: sceneClock{o}}
	options.SetDefaults()
	o.r = &pullsecretrotation.Reconciler{Client: o.operatorClient(), Reader: o.operatorClient(), Options: options, Connect: o.services, Recorder: o.events}
	return o
}

func (f *sceneFleet) create(spec v1alpha1.PullSecretRotationSpec) {
	for _, s := range f.scenes {
		s.create(*spec.DeepCopy())
	}
}

// run advances time, and reconciles each operator when it is due.
func (f *sceneFleet) run(d time.Duration) {
	f.t.Helper()
	end := f.sim.Now().Add(d)
	for f.sim.Now().Before(end) {
		next := end
		for _, s := range f.scenes {
			if !s.next.After(f.sim.Now()) {
				s.look()
			}
			if s.next.Before(next) {
				next = s.next
			}
		}
		f.sim.Advance(max(next.Sub(f.sim.Now()), time.Second))
	}
}
