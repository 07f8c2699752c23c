package capcredentialset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// twoRoles sets role B for machine-api and the registry, and role A for the other five.
func twoRoles(set *v1alpha1.CAPCredentialSet) {
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{
		{Name: "openshift-machine-api-aws", Role: roleB}, {Name: "openshift-image-registry", Role: roleB},
	}
}

func TestSevenRequestsWithTwoRoles_CostTwoCallsAndSevenWritesPerRefreshAndNothingBetween(t *testing.T) {
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")

	check := func(refresh int) {
		t.Helper()
		if n := w.portal.Counts().Requests; n != 2*refresh {
			t.Errorf("after refresh %d: %d calls of the portal, want %d: %v", refresh, n, 2*refresh, w.portal.Counts().ByRole)
		}
		for ref, n := range w.secretWrites() {
			if n != refresh {
				t.Errorf("after refresh %d: %s has been written %d times", refresh, ref, n)
			}
		}
		if n := len(w.secretWrites()); n != 7 {
			t.Errorf("%d Secrets have been written, want 7", n)
		}
	}
	check(1)
	for _, r := range harness.PayloadRequests() {
		s := w.secret(r.SecretNamespace, r.SecretName)
		c, err := awscreds.Parse(s.Data)
		if err != nil || c.SessionToken == "" {
			t.Errorf("%s/%s holds no credential with a token: %v", s.Namespace, s.Name, err)
		}
		if s.Type != corev1.SecretTypeOpaque {
			t.Errorf("%s/%s has type %s", s.Namespace, s.Name, s.Type)
		}
	}

	writes := w.statusWrites()
	w.passes()
	w.clock.Advance(15 * time.Minute) // before the earliest refresh: 50 % less 10 % of an hour is 24 minutes
	w.passes()
	check(1)
	if n := w.statusWrites() - writes; n != 0 {
		t.Errorf("the status was written %d times although there was no news", n)
	}

	w.clock.Advance(16 * time.Minute) // beyond the latest: 30 minutes
	w.eventually("the second refresh", func() error {
		if n := total(w.secretWrites()); n < 14 {
			return fmt.Errorf("%d writes", n)
		}
		return nil
	})
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	w.passes()
	check(2)
}

func TestARestart_CausesNoCallAndNoWrite(t *testing.T) {
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	w.stop()
	w.api.Forget()
	w.portal.ResetCounts()
	w.clock.Advance(10 * time.Minute)

	w.start()
	w.passes()
	if n := w.portal.Counts().Requests; n != 0 {
		t.Errorf("the restart caused %d calls of the portal", n)
	}
	for _, r := range w.api.Writes() {
		t.Errorf("the restart caused a write: %s", r)
	}
	for _, r := range w.api.Requests(func(r harness.Recorded) bool { return r.Resource == "secrets" && r.Verb == "list" && r.Name == "" }) {
		if r.Namespace == "" {
			t.Errorf("all Secrets of the cluster were listed: %s", r)
		}
	}
}

func TestNoSecretShows(t *testing.T) {
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	set := w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	secrets := w.portal.IssuedSecrets()
	if len(secrets) == 0 {
		t.Fatal("the portal has issued nothing")
	}
	all := &eventsv1.EventList{}
	w.eventually("the event of the refresh", func() error {
		w.must(cp.Client.List(t.Context(), all))
		for _, e := range all.Items {
			if e.Reason == v1alpha1.ReasonRefreshed && e.Regarding.Name == "cap" {
				return nil
			}
		}
		return fmt.Errorf("%d events", len(all.Items))
	})
	for _, s := range secrets {
		for where, text := range map[string]string{"the status": fmt.Sprint(set.Status), "the log": logs.String(), "an event": fmt.Sprint(all.Items)} {
			if strings.Contains(text, s) {
				t.Errorf("%s shows a secret", where)
			}
		}
	}
}
