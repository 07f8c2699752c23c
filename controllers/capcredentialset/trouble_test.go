package capcredentialset

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

func TestARoundThatFails_IsTriedAgainNoLaterThanOneThatFoundNothingDue(t *testing.T) {
	opts := Options{}
	opts.SetDefaults()
	limiter := errorRhythm(opts)
	request := reconcile.Request{NamespacedName: types.NamespacedName{Name: "cap"}}
	first := limiter.When(request)
	for range 100 {
		if wait := limiter.When(request); wait > opts.MaxSleep {
			t.Fatalf("after failures in a row it waits for %s, want at most %s", wait, opts.MaxSleep)
		}
	}
	if first > time.Second {
		t.Errorf("after the first failure it waits for %s", first)
	}
}

func TestAClockThatIsOff_ShowsWhileItIsAndIsToldOnce(t *testing.T) {
	b := oneBench(t, nil)
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	message := func() string {
		for _, c := range b.set("cap").Status.Conditions {
			if c.Type == v1alpha1.ConditionClockSkewed {
				return c.Message
			}
		}
		return ""
	}
	b.round("cap")
	if m := message(); m != "" {
		t.Errorf("a portal that has sent no time: %s", m)
	}
	b.portal.skew, b.portal.skewKnown = 3*time.Hour, true
	b.round("cap")
	b.round("cap")
	if m := message(); !strings.Contains(m, "3h0m0s ahead of") || !strings.Contains(m, "chrony") {
		t.Errorf("the condition says %q", m)
	}
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready is %s, although credentials are refreshed in time", got)
	}
	told := 0
	for len(recorder.Events) > 0 {
		if strings.Contains(<-recorder.Events, v1alpha1.ReasonClockSkew) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d events, want one", told)
	}
	b.portal.skewKnown = false
	b.start() // a new process has sent no request yet
	b.round("cap")
	if message() == "" {
		t.Error("a new process removes the condition")
	}
	b.portal.skew, b.portal.skewKnown = 0, true
	b.pass(40 * time.Minute)
	b.round("cap")
	if m := message(); m != "" {
		t.Errorf("the clocks agree again, and the condition says %s", m)
	}
}

func TestARequestThatIsNoTimeOrStillToCome_IsToldOf(t *testing.T) {
	for request, test := range map[string]struct {
		says string
		// next is when something is due by the status, from noon on; zero: as without the request.
		next time.Duration
	}{
		"now, please":          {says: "is ignored"},
		"2026-11-20 12:05":     {says: "is ignored"},
		"2026-11-20T12:05:00Z": {says: "2026-11-20T12:05:00Z", next: 5 * time.Minute},
		"2026-11-20T11:00:00Z": {},
	} {
		t.Run(request, func(t *testing.T) {
			b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
				set.Annotations = map[string]string{v1alpha1.RefreshRequestedAnnotation: request}
			})
			b.round("cap")
			set := b.set("cap")
			ready := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
			if ready.Reason != v1alpha1.ReasonFresh || !strings.Contains(ready.Message, test.says) || test.says == "" && strings.Contains(ready.Message, "efresh-requested-at") {
				t.Errorf("Ready is %s: %q, want it to say %q", ready.Reason, ready.Message, test.says)
			}
			if next := set.Status.NextRefresh.Sub(noon); test.next != 0 && next != test.next || test.next == 0 && next < 20*time.Minute {
				t.Errorf("the next refresh is in %s", next)
			}
		})
	}
}

// kubectl replace, and a GitOps tool that replaces, take the bookkeeping away together with the content.
func TestASecretThatIsReplacedAllTheTime_IsAFightLikeAnyOther(t *testing.T) {
	b := oneBench(t, nil)
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	b.round("cap")
	for range plan.FightAfter + 1 {
		b.pass(10 * time.Second)
		b.secrets.put(machines, &corev1.Secret{Data: map[string][]byte{"role": []byte("r1")}})
		b.round("cap")
	}
	set := b.set("cap")
	if row := rowOf(set, machines.Namespace); row.Result != v1alpha1.ReasonWriterFight {
		t.Errorf("the row is %+v", row)
	}
	if got := conditionOf(set, v1alpha1.ConditionSecondWriter); got != v1alpha1.ReasonWriterFight {
		t.Errorf("SecondWriter is %s", got)
	}
	healed := 0
	for len(recorder.Events) > 0 {
		if strings.Contains(<-recorder.Events, v1alpha1.ReasonSecretEdited) {
			healed++
		}
	}
	if healed != plan.FightAfter {
		t.Errorf("%d events about edits, want %d", healed, plan.FightAfter)
	}
}

// Reinstalling the operator, or restoring its namespace, gives another key, which is not an edit by anybody.
func TestAHashKeyThatWasLost_RefreshesEverythingOnceAndTellsOfNoEdit(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(5 * time.Minute)
	b.secrets.put(ref(operatorNamespace, hashKeySecret), nil)
	b.start()
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	writes := len(b.secrets.writes)
	for range 3 {
		b.round("cap")
	}
	if n := len(b.secrets.writes) - writes; n != 4 {
		t.Errorf("%d writes, want each Secret's bookkeeping under the new key", n)
	}
	for len(recorder.Events) > 0 {
		if e := <-recorder.Events; strings.Contains(e, v1alpha1.ReasonSecretEdited) {
			t.Errorf("reported as an edit: %s", e)
		}
	}
	s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
	s.Data["credentials"] = []byte("edited")
	b.secrets.put(machines, s)
	b.round("cap")
	if e := <-recorder.Events; !strings.Contains(e, v1alpha1.ReasonSecretEdited) {
		t.Errorf("an edit under the new key is reported as %s", e)
	}
}

func TestASecretThatIsDeletedAtTheMomentOfTheWrite_StaysAwayWhereThatIsWanted(t *testing.T) {
	for _, create := range []bool{true, false} {
		b := oneBench(t, nil)
		b.round("cap")
		set := b.set("cap")
		set.Spec.CreateMissingSecrets = &create
		if err := b.client.Update(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		b.pass(40 * time.Minute)
		b.meanwhile(machines, func() { b.secrets.put(machines, nil) })
		b.round("cap")
		if _, found, _ := b.secrets.Get(machines.Namespace, machines.Name); found != create {
			t.Errorf("createMissingSecrets %v: the Secret is there: %v", create, found)
		}
		want := v1alpha1.ReasonFresh
		if !create {
			want = v1alpha1.ReasonSecretMissing
		}
		if row := rowOf(b.set("cap"), machines.Namespace); row.Result != want {
			t.Errorf("createMissingSecrets %v: the row is %+v, want %s", create, row, want)
		}
	}
}

// unreadable is a store that may not read the Secrets of the operator's namespace.
type unreadable struct {
	*fakeSecrets
	err error
}

func (u unreadable) Get(namespace, name string) (*corev1.Secret, bool, bool) {
	if namespace == operatorNamespace {
		return nil, false, false
	}
	return u.fakeSecrets.Get(namespace, name)
}

func (u unreadable) Err(namespace, _ string) error {
	if namespace == operatorNamespace {
		return u.err
	}
	return nil
}

func TestAClientCertificateThatMayNotBeRead_IsNotToldAsOneToReplace(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"a right that is missing":  {apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "cert", errors.New("no")), "Restore"},
		"an API server in trouble": {errors.New("connection refused"), "it cannot be read"},
	} {
		b := oneBench(t, nil)
		b.r.store = unreadable{b.secrets, test.err}
		b.round("cap")
		ready := meta.FindStatusCondition(b.set("cap").Status.Conditions, v1alpha1.ConditionReady)
		if ready.Reason != v1alpha1.ReasonCertificateMissing || !strings.Contains(ready.Message, test.says) || strings.Contains(ready.Message, "replaced") {
			t.Errorf("%s: Ready is %s: %s", name, ready.Reason, ready.Message)
		}
	}
}
