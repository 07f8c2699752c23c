package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// revoked is a world in which an account's first set of credentials has been deleted by OCM.
func revoked(t *testing.T) (*rig, *ocm.Sim, []byte) {
	t.Helper()
	sim := ocm.StartForTest(t, ocm.Options{})
	account := sim.AddAccount(ocm.AccountSpec{})
	r := newRig(t, sim)
	old := sim.PullSecret(account.ID)
	sim.StartRotationElsewhere(account.ID)
	sim.CompleteEverything()
	return r, sim, old
}

// TestRevocations_CanBeLateOrForgottenAtOneRegistry tries the old credentials at two registries.
func TestRevocations_CanBeLateOrForgottenAtOneRegistry(t *testing.T) {
	r, sim, old := revoked(t)
	ask := func(quay, redHat int) {
		t.Helper()
		for _, at := range []struct {
			host, repository string
			want             int
		}{{registry.Quay, releaseRepo, quay}, {registry.RedHatRegistry, indexRepo, redHat}} {
			if got := status(r.head(at.host+"/"+at.repository+":v1", login(t, old, at.host))); got != at.want {
				t.Errorf("%s responds to the old credentials with %d, want %d", at.host, got, at.want)
			}
		}
	}
	ask(401, 401)
	r.RevokeLate(registry.Quay, 6*time.Hour)
	ask(200, 401)
	sim.Advance(6 * time.Hour)
	ask(401, 401)
	r.RevokeLate(registry.RedHatRegistry, registry.Forgotten)
	sim.Advance(1000 * time.Hour)
	ask(401, 200)
	r.RevokeLate(registry.RedHatRegistry, 0)
	ask(401, 401)

	// Credentials that were never valid are not a forgotten revocation.
	r.RevokeLate(registry.Quay, registry.Forgotten)
	never := &authn.Basic{Username: "openshift-release-dev+ocm_access_0", Password: "never issued"}
	if got := status(r.head("quay.io/"+releaseRepo+":v1", never)); got != http.StatusUnauthorized {
		t.Errorf("credentials that were never issued: %d", got)
	}
}

// TestRevoke_EndsASetAtOneRegistryOnly covers a partial revocation.
func TestRevoke_EndsASetAtOneRegistryOnly(t *testing.T) {
	sim := ocm.StartForTest(t, ocm.Options{})
	account := sim.AddAccount(ocm.AccountSpec{})
	r := newRig(t, sim)
	document := sim.PullSecret(account.ID)
	sim.Revoke(account.ID, 0, ocm.RedHatRegistry)
	if got := status(r.head("quay.io/"+releaseRepo+":v1", login(t, document, registry.Quay))); got != 200 {
		t.Errorf("quay.io: %d", got)
	}
	if got := status(r.head("registry.redhat.io/"+indexRepo+":v1", login(t, document, registry.RedHatRegistry))); got != 401 {
		t.Errorf("registry.redhat.io: %d", got)
	}
	sim.Revoke(account.ID, 0)
	if got := status(r.head("quay.io/"+releaseRepo+":v1", login(t, document, registry.Quay))); got != 401 {
		t.Errorf("quay.io, after all of it was revoked: %d", got)
	}
}

// TestAccepts_JudgesByTheValueUnderAnyKey has a pull secret with the same credential under several keys.
func TestAccepts_JudgesByTheValueUnderAnyKey(t *testing.T) {
	r, sim, old := revoked(t)
	fresh := sim.PullSecret(sim.State().Accounts[0].ID)
	auth := func(document []byte, key string) string {
		var d struct {
			Auths map[string]struct{ Auth string }
		}
		if err := json.Unmarshal(document, &d); err != nil {
			t.Fatal(err)
		}
		return d.Auths[key].Auth
	}
	for _, key := range []string{"quay.io", "quay.io/openshift-release-dev", "https://quay.io/v1/", "quay.io:443"} {
		a, err := r.Accepts(key, auth(old, "quay.io"))
		b, err2 := r.Accepts(key, auth(fresh, "quay.io"))
		if a || !b || err != nil || err2 != nil {
			t.Errorf("%s: old %t (%v), new %t (%v)", key, a, err, b, err2)
		}
	}
	if ok, err := r.Accepts("registry.connect.redhat.com", auth(fresh, "registry.redhat.io")); !ok || err != nil {
		t.Errorf("both of Red Hat's registries know the same accounts: %t %v", ok, err)
	}
	if ok, err := r.Accepts("registry.redhat.io", auth(fresh, "quay.io")); ok || err != nil {
		t.Errorf("quay.io's robot at registry.redhat.io: %t %v", ok, err)
	}
	if ok, err := r.Accepts("quay.io", base64.StdEncoding.EncodeToString([]byte("no colon"))); ok || err != nil {
		t.Errorf("nonsense: %t %v", ok, err)
	}
	if _, err := r.Accepts("mirror.example.com", "x"); err == nil {
		t.Error("an unknown registry is not an error")
	}
	if n := r.Count(registry.Quay, registry.EndpointAny); n != 0 {
		t.Errorf("%d requests were counted, want 0", n)
	}
}
