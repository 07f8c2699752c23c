package pullsecretrotation

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

func TestCheck_WhatCannotBeAskedForLackOfAClusterIDIsNotCalledAccepted(t *testing.T) {
	doc, err := pullsecret.Parse([]byte(`{"auths":{"cloud.openshift.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	if err != nil {
		t.Fatal(err)
	}
	// No Connector: asking would be a panic.
	s := &scope{r: &Reconciler{Options: Options{Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))}}, obj: &v1alpha1.PullSecretRotation{}}
	s.facts.Cluster = &decide.Cluster{}
	if err := s.check(t.Context(), doc, doc.Registries()); err != nil {
		t.Fatal(err)
	}
	if got := s.obj.Status.Registries; len(got) != 1 || got[0].Result != "Skipped" {
		t.Errorf("the registries are %+v, want cloud.openshift.com as Skipped", got)
	}
	if refused, unknown := decide.Judge(s.facts.Checks); len(refused)+len(unknown) != 0 {
		t.Errorf("what was not asked holds back the rotation: %v %v", refused, unknown)
	}
}

func TestRecordHealth_ClaimsNothingWhenNoRegistryWasAsked(t *testing.T) {
	m := newMeter(t, simocm.Options{}, v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow})
	m.put(global.Namespace, global.Name, ".dockerconfigjson", []byte(`{"auths":{"mirror.example.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	m.through(awaits(v1alpha1.ReasonFollowing))
	if c := meta.FindStatusCondition(m.seen.Status.Conditions, v1alpha1.ConditionPullSecretValid); c == nil || c.Status != metav1.ConditionUnknown {
		t.Errorf("nobody was asked, and the condition is %+v", c)
	}
}

func TestCheckTelemetry_TakesOCMAtItsWordAboutPatience(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	m.sim.RunBatch()
	// The first two questions are whose the credential and the cluster are.
	m.sim.Break(simocm.Fault{Endpoint: simocm.OpCurrentAccount, Skip: 2, Kind: simocm.RateLimited, RetryAfter: simctl.Duration(50 * time.Minute)})
	m.wait()
	m.look()
	if in := m.next.Sub(m.sim.Now()); readyReason(m.seen) != v1alpha1.ReasonVerificationIncomplete || in < 49*time.Minute {
		t.Errorf("%s: the next look is in %s although OCM asked for 50 minutes", readyReason(m.seen), in)
	}
}

// User names have had other shapes than those known today.
func TestBaseline_WhatOCMGivesOutNowIsTheAccountsWhateverItIsCalled(t *testing.T) {
	parse := func(text string) *pullsecret.Document {
		doc, err := pullsecret.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	const given = `"quay.io":{"auth":"b3BlbnNoaWZ0LXJlbGVhc2UtZGV2K2pkb2UxYTJiM2M6cGFzc3dvcmQ="},"registry.redhat.io":{"auth":"dWhjLXBvb2wtMTpwdw=="}`
	s := &scope{r: &Reconciler{}, obj: &v1alpha1.PullSecretRotation{}, issued: parse(`{"auths":{` + given + `}}`)}
	s.targets = []target{{doc: parse(`{"auths":{` + given + `,"mirror.example.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`)}}
	list := s.baseline(v1alpha1.RotationStatus{Salt: "salt", Adopted: true})
	if len(list) != 2 || list[0].Registry != "quay.io" || list[1].Registry != "registry.redhat.io" {
		t.Errorf("the baseline is %+v, want the two that OCM gives out", list)
	}
}
