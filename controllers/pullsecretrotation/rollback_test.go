package pullsecretrotation

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// worker creates or changes the cluster's only pool.
func (m *meter) worker(change func(*machineconfigurationv1.MachineConfigPool)) {
	m.t.Helper()
	p := &machineconfigurationv1.MachineConfigPool{}
	err := m.client.Get(m.t.Context(), client.ObjectKey{Name: "worker"}, p)
	if err == nil {
		change(p)
		err = m.client.Update(m.t.Context(), p)
	} else {
		p.Name, p.Spec.Configuration.Name, p.Status.Configuration.Name = "worker", "old", "old"
		change(p)
		err = m.client.Create(m.t.Context(), p)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// refusing is a registry that refuses the newest credentials and accepts the older ones.
type refusing struct {
	Connector
	m *meter
}

func (r refusing) Registries(roots *x509.CertPool) Prober {
	return refusingProber{r.Connector.Registries(roots), r.m}
}

type refusingProber struct {
	Prober
	m *meter
}

func (p refusingProber) Check(ctx context.Context, c registry.Check) registry.Result {
	auth := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	if c.Registry == "quay.io" && auth == entryAuth(p.m.sim.PullSecret(p.m.account.ID), "quay.io") {
		return registry.Result{Outcome: registry.Unauthorized, Message: "refused"}
	}
	return p.Prober.Check(ctx, c)
}

// telemetryLags makes the cluster report with the token that it has now, whatever is written: OCM keeps its transfer open.
func (m *meter) telemetryLags() {
	m.lagging = entryAuth(m.document(m.t), telemetryRegistry)
}

// refusesTheNew makes quay.io refuse what OCM issues now, and the operator notice it soon.
func (m *meter) refusesTheNew() {
	m.t.Helper()
	m.r.Connect = refusing{m.r.Connect, m}
	object := m.get(m.t)
	object.Spec.HealthCheckInterval = &metav1.Duration{Duration: 10 * time.Minute}
	if err := m.client.Update(m.t.Context(), object); err != nil {
		m.t.Fatal(err)
	}
}

// A rollback that was interrupted, or that one of several targets refuses, must not be healed away.
func TestRollBack_GoesOnWhereItWasInterrupted(t *testing.T) {
	for name, fault := range map[string]v1alpha1.SecretReference{
		"the answer to the first write is lost": global, "the second target may not be written any more": hive,
	} {
		t.Run(name, func(t *testing.T) {
			forbidden := v1alpha1.SecretReference{}
			m := withSecondTarget(t, &forbidden)
			before := m.document(t)
			m.telemetryLags()
			m.worker(func(*machineconfigurationv1.MachineConfigPool) {})
			m.through(awaits(v1alpha1.ReasonRollingOut))
			inner, lost := m.r.Client, false
			if fault == hive {
				forbidden = hive
			}
			m.r.Client = interceptor.NewClient(inner.(client.WithWatch), interceptor.Funcs{
				Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
					err := c.Patch(ctx, o, p, opts...)
					if _, ok := o.(*corev1.Secret); ok && err == nil && fault == global && !lost {
						lost = true
						return errors.New("the answer was lost")
					}
					return err
				},
			})
			m.refusesTheNew()
			for range 60 {
				m.sim.Advance(time.Minute)
				m.look()
			}
			m.says(v1alpha1.ReasonRolledBack, "")
			if string(m.document(t)) != string(before) {
				t.Error("the old entries are not back")
			}
			if row := decide.TargetRow(&m.seen.Status, global); row.Healed != 0 {
				t.Errorf("the rollback was healed %d times", row.Healed)
			}
		})
	}
}

func TestBackUp_WorksForEveryNameThatAnObjectMayHave(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 49) + "-b", strings.Repeat("a", 48) + ".-b", strings.Repeat("a.", 100) + "a", "a"} {
		short := shortName(name)
		if last := short[len(short)-1]; last == '-' || last == '.' || len(short) > 50 {
			t.Errorf("%q becomes %q, which is not a valid label value", name, short)
		}
	}
}

func TestReadTarget_AnImmutableSecretIsNoTarget(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: global.Namespace, Name: global.Name}}
	if err := m.client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}
	yes := true
	secret.Immutable = &yes
	if err := m.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	m.look()
	if readyReason(m.seen) != v1alpha1.ReasonTargetInvalid || m.sim.Count(simocm.OpPostRotation) != 0 {
		t.Errorf("the object says %s, and %d rotations were requested", readyReason(m.seen), m.sim.Count(simocm.OpPostRotation))
	}
}

// The age is that of the credentials in use: of the new ones once they are applied, unknown once they are rolled back.
func TestTheAgeOfThePullSecret_IsThatOfWhatIsInUse(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.telemetryLags()
	m.worker(func(*machineconfigurationv1.MachineConfigPool) {})
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	if m.seen.Status.PullSecretIssuedAt != nil {
		t.Errorf("nothing was ever rotated, and the pull secret is of %s", m.seen.Status.PullSecretIssuedAt)
	}
	m.through(awaits(v1alpha1.ReasonRollingOut))
	if is, want := m.seen.Status.PullSecretIssuedAt, m.seen.Status.Rotation.RequestedAt; is == nil || is.Unix() != want.Unix() {
		t.Errorf("the applied pull secret is of %v, want %v", is, want)
	}
	m.refusesTheNew()
	for range 60 {
		m.sim.Advance(time.Minute)
		m.look()
	}
	if m.seen.Status.Rotation.RolledBackAt == nil || m.seen.Status.PullSecretIssuedAt != nil {
		t.Errorf("rolled back at %v, the pull secret is of %v, want an unknown age", m.seen.Status.Rotation.RolledBackAt, m.seen.Status.PullSecretIssuedAt)
	}
}
