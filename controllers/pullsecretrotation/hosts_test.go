package pullsecretrotation

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Otherwise the author of a spec could have the cluster's own token, or the account's credential, sent to any server.
func TestHosts_NoCredentialIsSentWhereOnlyTheSpecWantsIt(t *testing.T) {
	const public = "https://api.openshift.com"
	for name, c := range map[string]struct {
		follows       bool
		url, tokenURL string
		// field is what the message names; empty: it is allowed.
		field string
	}{
		"the cluster's token":             {follows: true, url: "https://ocm.evil.example", field: "spec.ocm.url"},
		"the account's credential to OCM": {url: "https://ocm.evil.example", field: "spec.ocm.url"},
		"and to an SSO":                   {url: public, tokenURL: "https://sso.evil.example/token", field: "spec.ocm.tokenURL"},
		"a host that looks alike":         {url: "https://api.openshift.com.evil.example", field: "spec.ocm.url"},
		"another port":                    {url: public + ":8443", field: "spec.ocm.url"},
		"without encryption":              {url: "http://api.openshift.com", field: "spec.ocm.url"},
		"the public hosts":                {url: public, tokenURL: "https://sso.redhat.com/token"},
		"FedRAMP's":                       {url: "https://api.openshiftusgov.com"},
		"a host that is allowed":          {url: "https://ocm.example.com"},
		"an unused SSO":                   {follows: true, url: public, tokenURL: "https://sso.evil.example/token"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := isDueNow()
			if c.follows {
				spec = v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow}
			}
			m := newMeter(t, simocm.Options{}, spec)
			m.r.Options.OCMHosts = hosts.MustParse(ocm.PublicHosts.String() + ",ocm.example.com")
			object := m.get(t)
			object.Spec.OCM.URL, object.Spec.OCM.TokenURL = c.url, c.tokenURL
			if c.follows {
				object.Spec.OCM.CredentialsSecretRef = nil
			}
			if err := m.client.Update(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			m.look()
			asked := 0
			for _, n := range m.sim.Counts() {
				asked += n
			}
			if c.field == "" {
				if readyReason(m.seen) == v1alpha1.ReasonHostNotAllowed || asked == 0 {
					t.Errorf("%d requests were sent; the reason is %s", asked, readyReason(m.seen))
				}
				return
			}
			m.says(v1alpha1.ReasonHostNotAllowed, c.field)
			if !meta.IsStatusConditionTrue(m.seen.Status.Conditions, v1alpha1.ConditionStalled) {
				t.Error("the condition Stalled is not True")
			}
			if asked != 0 {
				t.Errorf("%d requests were sent", asked)
			}
			for _, condition := range m.seen.Status.Conditions {
				if n := strings.Count(condition.Message, ". "); n > 2 {
					t.Errorf("a message of %d sentences: %s", n+1, condition.Message)
				}
			}
		})
	}
}
