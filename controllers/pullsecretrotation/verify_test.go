package pullsecretrotation

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

func TestCheck_WhatCannotBeAskedForLackOfAClusterIDIsNotCalledAccepted(t *testing.T) {
	doc, err := pullsecret.Parse([]byte(`{"auths":{"cloud.openshift.com":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`))
	if err != nil {
		t.Fatal(err)
	}
	// No Connector: asking would be a panic.
	s := &scope{r: &Reconciler{Options: Options{Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))}}, obj: &v1alpha1.PullSecretRotation{}}
	s.facts.Cluster = &cluster.Facts{}
	if err := s.check(t.Context(), doc, doc.Registries()); err != nil {
		t.Fatal(err)
	}
	if got := s.obj.Status.Registries; len(got) != 1 || got[0].Result != "Skipped" {
		t.Errorf("the registries are %+v, want cloud.openshift.com as Skipped", got)
	}
	if refused, unknown := judge(s.facts.Checks); len(refused)+len(unknown) != 0 {
		t.Errorf("what was not asked holds back the rotation: %v %v", refused, unknown)
	}
}
