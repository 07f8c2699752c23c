package pullsecretrotation

import (
	"testing"

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
