package capcredentialset

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/hosts"
)

func TestHosts_TheCertificateIsShownWhereTheInstallationAllows(t *testing.T) {
	for name, c := range map[string]struct {
		allowed string
		want    string
	}{
		"none given":   {"", v1alpha1.ReasonFresh},
		"the portal's": {"*.example.com,*.gov", v1alpha1.ReasonFresh},
		"another":      {"elsewhere.example", v1alpha1.ReasonHostNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			b := oneBench(t, func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.URL = "https://cap.example.com/api/v1/credentials" })
			b.r.CAPHosts = hosts.MustParse(c.allowed)
			b.round("cap")
			if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != c.want {
				t.Errorf("Ready is %s, want %s", got, c.want)
			}
			if asked := len(b.portal.calls); (asked > 0) != (c.want == v1alpha1.ReasonFresh) {
				t.Errorf("%d roles were requested from CAP", asked)
			}
		})
	}
}
