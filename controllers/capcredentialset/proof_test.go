package capcredentialset

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// calmBench has all fresh, and nothing due for long.
func calmBench(t *testing.T, change func(*v1alpha1.CAPCredentialSet)) *bench {
	t.Helper()
	b := oneBench(t, change)
	b.caConfigMap()
	b.portal.lifetime = 12 * time.Hour
	b.drive(time.Minute)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Fatalf("Ready says %s", got)
	}
	return b
}

// caConfigMap puts a CA into the ConfigMap that the spec names.
func (b *bench) caConfigMap() {
	b.t.Helper()
	ca, err := simtls.NewCA("another")
	if err != nil {
		b.t.Fatal(err)
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}, Data: map[string]string{"ca.crt": string(ca.PEM())}}
	if err := b.client.Update(b.t.Context(), m); err != nil {
		err = b.client.Create(b.t.Context(), m)
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// edits change the requests to CAP, but make nothing due.
var edits = map[string]func(*bench){
	"the spec": func(b *bench) {
		b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.Endpoint.Mission = "another" })
	},
	"the client certificate": func(b *bench) { b.secrets.put(ref(operatorNamespace, "cert"), clientCertificate(b.t)) },
	"the CA beside it": func(b *bench) {
		ca, err := simtls.NewCA("another")
		if err != nil {
			b.t.Fatal(err)
		}
		s, _, _ := b.secrets.Get(operatorNamespace, "cert")
		s.Data["ca.crt"] = ca.PEM()
		b.secrets.put(ref(operatorNamespace, "cert"), s)
	},
	"a CA in a ConfigMap": func(b *bench) { b.caConfigMap() },
}

func proofBench(t *testing.T, edit string) *bench {
	t.Helper()
	if edit != "a CA in a ConfigMap" {
		return calmBench(t, nil)
	}
	return calmBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.Endpoint.TLS = &v1alpha1.CAPTLS{CAConfigMapRef: &v1alpha1.LocalReference{Name: "ca"}}
	})
}

func TestAnEdit_IsProvenByOneQuestionThatWritesNothing(t *testing.T) {
	for name, edit := range edits {
		for _, restarted := range []bool{false, true} {
			b := proofBench(t, name)
			calls, writes := total(b.portal.calls), len(b.secrets.writes)
			edit(b)
			if restarted {
				b.start()
			}
			b.drive(time.Hour)
			if n := total(b.portal.calls) - calls; n != 1 {
				t.Errorf("%s, restarted %v: %d requests to CAP, want one", name, restarted, n)
			}
			if n := len(b.secrets.writes) - writes; n != 0 {
				t.Errorf("%s: %d Secrets were written", name, n)
			}
			set := b.set("cap")
			if got := conditionOf(set, v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
				t.Errorf("%s: Ready says %s", name, got)
			}
			if p := set.Status.Proof; p == nil || p.Generation != set.Generation || len(p.Certificate) != 64 || len(p.Authorities) != 64 || !p.At.After(noon) {
				t.Errorf("%s: the proof is %+v", name, p)
			}
		}
	}
}

func TestAnEdit_ThatIsWrongIsToldAtOnceAndNotWhenARefreshIsDue(t *testing.T) {
	for name, edit := range edits {
		b := proofBench(t, name)
		writes := len(b.secrets.writes)
		edit(b)
		b.portal.answers["r0"], b.portal.answers["r1"] = refuse(cap.AuthenticationRefused), refuse(cap.AuthenticationRefused)
		calls := total(b.portal.calls)
		b.drive(6 * time.Minute)
		set := b.set("cap")
		if got := conditionOf(set, v1alpha1.ConditionReady); got != v1alpha1.ReasonEditNotProven || conditionOf(set, v1alpha1.ConditionStalled) == "" {
			t.Errorf("%s: Ready says %s, Stalled %q", name, got, conditionOf(set, v1alpha1.ConditionStalled))
		}
		if set.Status.Credentials != "4/4" || len(b.secrets.writes) != writes {
			t.Errorf("%s: %s are fresh, %d writes", name, set.Status.Credentials, len(b.secrets.writes)-writes)
		}
		b.start() // a crash does not lose it
		b.drive(time.Hour)
		if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonEditNotProven {
			t.Errorf("%s: after a restart Ready says %s", name, got)
		}
		if n := total(b.portal.calls) - calls; n > 30 {
			t.Errorf("%s: %d requests to CAP in an hour", name, n)
		}
		clear(b.portal.answers)
		b.drive(6 * time.Minute)
		if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
			t.Errorf("%s: Ready says %s after it was put right", name, got)
		}
	}
}

// The role that was asked for speaks for the edit: that another one works does not make it right.
func TestAnEdit_IsNotProvenByAnotherRole(t *testing.T) {
	b := calmBench(t, nil)
	b.portal.answers["r1"] = refuse(cap.RoleRefused) // that of the most important Secret
	edits["the spec"](b)
	b.round("cap")
	b.secrets.put(ingress, nil)
	b.r.states["cap"].held = map[string]awscreds.Credential{}
	clear(b.r.states["cap"].memory.Held)
	b.secrets.put(storage, nil)
	b.drive(time.Minute)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonEditNotProven || b.set("cap").Status.Credentials != "4/4" {
		t.Errorf("Ready says %s, %s", got, b.set("cap").Status.Credentials)
	}
	clear(b.portal.answers)
	b.drive(11 * time.Minute)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready says %s", got)
	}
}

func TestAnEdit_IsNotReadyBeforeItsAnswerHasCome(t *testing.T) {
	b := calmBench(t, nil)
	release := make(chan struct{})
	b.r.AnswerWait = time.Millisecond
	b.r.dial.portal = func(cap.Config) (portal, error) { return hanging{b.portal, release}, nil }
	edits["the spec"](b)
	b.round("cap")
	set := b.set("cap")
	if got := conditionOf(set, v1alpha1.ConditionReady); got != v1alpha1.ReasonEditNotProven || conditionOf(set, v1alpha1.ConditionReconciling) == "" {
		t.Errorf("Ready says %s while the answer is awaited", got)
	}
	close(release)
	b.r.AnswerWait = time.Hour
	b.r.states["cap"].flights.underWay.Wait()
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready says %s after the answer", got)
	}
}

// A CA that cannot be read now is not a changed CA; a deleted one will fail the next refresh.
func TestACA_ThatIsGoneIsToldAndOneThatCannotBeReadIsNoEdit(t *testing.T) {
	b := proofBench(t, "a CA in a ConfigMap")
	calls, away := total(b.portal.calls), true
	b.r.reader = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if away {
				return apierrors.NewInternalError(errors.New("away"))
			}
			return c.Get(ctx, key, o, opts...)
		},
	})
	b.drive(time.Hour)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh || total(b.portal.calls) != calls {
		t.Errorf("Ready is %s, with %d requests to CAP", got, total(b.portal.calls)-calls)
	}
	away = false
	if err := b.client.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}}); err != nil {
		t.Fatal(err)
	}
	b.drive(6 * time.Minute)
	set := b.set("cap")
	ready := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Reason != v1alpha1.ReasonEditNotProven || !strings.Contains(ready.Message, "does not exist") {
		t.Errorf("Ready says %s: %s", ready.Reason, ready.Message)
	}
}
