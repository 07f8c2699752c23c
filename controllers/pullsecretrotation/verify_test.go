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
)

func TestCheck_WhatCannotBeAskedForLackOfAClusterIDIsNotCalledAccepted(t *testing.T) {
	doc, err := pullsecret.Parse([]byte(`{"auths":{"cloud.openshift.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	if err != nil {
		t.Fatal(err)
	}
	// No Connector: asking would be a panic.
	s := &scope{r: &Reconciler{Options: Options{Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))}}, obj: &v1alpha1.PullSecretRotation{}}
	s.facts.Cluster = &decide.Cluster{}
	checks, err := s.check(t.Context(), doc, doc.Registries())
	if err != nil {
		t.Fatal(err)
	}
	s.noteRegistries(checks)
	if got := s.obj.Status.Registries; len(got) != 1 || got[0].Result != "Skipped" {
		t.Errorf("the registries are %+v, want cloud.openshift.com as Skipped", got)
	}
	if refused, unknown := decide.Judge(checks); len(refused)+len(unknown) != 0 {
		t.Errorf("an unchecked registry holds the rotation: %v %v", refused, unknown)
	}
}

func TestRecordHealth_ClaimsNothingWhenNoRegistryWasAsked(t *testing.T) {
	m := newMeter(t, simocm.Options{}, v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow})
	m.put(global.Namespace, global.Name, ".dockerconfigjson", []byte(`{"auths":{"mirror.example.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	m.through(awaits(v1alpha1.ReasonFollowing))
	if c := meta.FindStatusCondition(m.seen.Status.Conditions, v1alpha1.ConditionPullSecretValid); c == nil || c.Status != metav1.ConditionUnknown {
		t.Errorf("nothing was checked, but the condition is %+v", c)
	}
}
