package bootstrap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// installRole is the installer's role; the others are those of the pages.
const installRole = "OpenShiftInstaller"

// roleOf is the role of each CredentialsRequest in the pages.
var roleOf = map[string]string{
	"openshift-machine-api-aws":                     "OpenShiftMachineAPI",
	"openshift-ingress":                             "OpenShiftIngress",
	"openshift-image-registry":                      "OpenShiftRegistry",
	"aws-ebs-csi-driver-operator":                   "OpenShiftStorage",
	"openshift-cloud-network-config-controller-aws": "OpenShiftNetwork",
	"cloud-credential-operator-iam-ro":              "OpenShiftOperators",
	addon.Name:                                      "OpenShiftOperators",
}

// addon is an extracted CredentialsRequest whose Secret the operator's own rights do not cover.
var addon = harness.Request{Name: "example-addon", SecretNamespace: "openshift-example-addon", SecretName: "example-aws-keys"}

// manyRoles is how many different roles these are.
const manyRoles = 6

// payload are the CredentialsRequests of a cluster without tech preview.
func payload() []harness.Request {
	var requests []harness.Request
	for _, r := range harness.PayloadRequests() {
		if roleOf[r.Name] != "" {
			requests = append(requests, r)
		}
	}
	return requests
}

// portal is a CAP with a client certificate for it.
type portal struct {
	*cap.Sim
	certificate, key []byte
}

func newPortal(t testing.TB) *portal {
	t.Helper()
	roles := map[string]string{installRole: "111111111111"}
	for _, role := range roleOf {
		roles[role] = "222222222222"
	}
	sim, err := cap.New(cap.Options{Roles: roles, Canary: "cApCaNaRy"})
	must(t, err)
	must(t, sim.Start())
	t.Cleanup(sim.Close)
	p := &portal{Sim: sim}
	p.certificate, p.key, err = sim.ClientCertificate("openshift")
	must(t, err)
	return p
}

// values are those of the example's variables, as environment variables and as fields.
func (p *portal) values() map[string]string {
	query := p.Query(cap.C2S, installRole)
	return map[string]string{"CAP_URL": p.Endpoint(cap.C2S), "AGENCY": query.Get("agency"), "MISSION": query.Get("mission"), "INSTALL_ROLE": installRole}
}

// writeFiles puts the certificate where the pages expect it.
func (p *portal) writeFiles(s *shell) {
	s.write("cap.pem", p.certificate)
	s.write("cap.key", p.key)
	s.write("ca-chain.cert.pem", p.CAPEM())
}

// canaries are CAP's secrets and the certificate's key.
func (p *portal) canaries() harness.Canaries {
	c := harness.Canaries{"the key of the client certificate": strings.Split(string(p.key), "\n")[1]}
	for i, secret := range p.IssuedSecrets() {
		c[fmt.Sprintf("secret %d that CAP issued", i)] = secret
	}
	return c
}

// live returns the role of a valid credential, or an error.
func (p *portal) live(c awscreds.Credential) (role string, err error) {
	secret, _, arn, expires, known := p.Lookup(c.AccessKeyID)
	switch {
	case !known:
		return "", fmt.Errorf("the key %s is unknown", c.AccessKeyID)
	case secret != c.SecretAccessKey:
		return "", fmt.Errorf("the secret key of %s is wrong", c.AccessKeyID)
	case !expires.After(p.Clock().Now()):
		return "", fmt.Errorf("the key %s has expired", c.AccessKeyID)
	}
	return arn[strings.LastIndex(arn, "/")+1:], nil
}

// wantCalls fails the test unless CAP got this many requests, and at most one for each role, since the last count.
func (p *portal) wantCalls(t testing.TB, want int) {
	t.Helper()
	counts := p.Counts()
	if counts.Requests != want || len(counts.ByRole) != want {
		t.Errorf("%d requests to CAP: %v, want one for each of %d roles", counts.Requests, counts.ByRole, want)
	}
	p.ResetCounts()
}
