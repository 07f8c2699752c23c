package pullsecretrotation

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestConnector_TrustsACAThatIsGivenLater(t *testing.T) {
	sim := simocm.StartForTest(t, simocm.Options{})
	account := sim.AddAccount(simocm.AccountSpec{})
	connect := &connector{userAgent: "test"}
	t.Cleanup(connect.closeAll)
	cfg := ocm.Config{URL: sim.URL(), TokenURL: sim.TokenURL(), Credential: ocm.Credential{Token: sim.OfflineToken(account.ID)}}
	ask := func() error {
		api, err := connect.OCM(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.CurrentAccount(t.Context())
		return err
	}
	if ask() == nil {
		t.Fatal("a server whose CA nobody trusts was asked")
	}
	roots, err := ocm.RootCAs(sim.CA().PEM())
	if err != nil {
		t.Fatal(err)
	}
	cfg.RootCAs = roots
	if err := ask(); err != nil {
		t.Errorf("the CA is given now, and still: %v", err)
	}
}

func TestNoteCredential_ATokenOfAnotherClientIsATokenAndHasAnAge(t *testing.T) {
	const token = "e30.eyJpYXQiOjE3MDAwMDAwMDAsInR5cCI6Ik9mZmxpbmUifQ.x"
	for _, c := range []struct {
		given ocm.Credential
		want  string
		dated bool
	}{
		{ocm.Credential{Token: token}, "Token", true},
		{ocm.Credential{Token: token, ClientID: "another-client"}, "Token", true},
		{ocm.Credential{ClientID: "id", ClientSecret: "secret"}, "ServiceAccount", false},
		{ocm.Credential{}, "ClusterToken", false},
	} {
		s := &scope{obj: &v1alpha1.PullSecretRotation{}}
		s.noteCredential(c.given)
		if got := s.obj.Status.OCMCredential; got.Type != c.want || (got.IssuedAt != nil) != c.dated {
			t.Errorf("noted as %+v, want a %s", got, c.want)
		}
	}
}

// OpenShift rewrites the file of the cluster's trust bundle while the operator runs; Go reads it once.
func TestRoots_FollowTheTrustBundleOfTheCluster(t *testing.T) {
	sim := simocm.StartForTest(t, simocm.Options{})
	bundle := filepath.Join(t.TempDir(), "ca-bundle.crt")
	t.Setenv("SSL_CERT_FILE", bundle)
	trusts := func() bool {
		s := &scope{obj: &v1alpha1.PullSecretRotation{}, clients: &clients{}}
		roots, err := s.roots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.Dial("tcp", sim.API().Address(), &tls.Config{RootCAs: roots, ServerName: simocm.APIHost, MinVersion: tls.VersionTLS12})
		if err != nil {
			return false
		}
		return c.Close() == nil
	}
	if trusts() {
		t.Fatal("a CA that nobody named is trusted")
	}
	if err := os.WriteFile(bundle, sim.CA().PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if !trusts() {
		t.Error("the CA that the cluster's trust bundle has now is not trusted")
	}
}
