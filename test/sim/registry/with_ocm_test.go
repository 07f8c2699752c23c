package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// TestRegistries_AcceptWhatOCMHasIssuedAndNotDeleted runs a rotation and checks the registries at every step.
func TestRegistries_AcceptWhatOCMHasIssuedAndNotDeleted(t *testing.T) {
	sim := ocm.StartForTest(t, ocm.Options{})
	account := sim.AddAccount(ocm.AccountSpec{})
	r := newRig(t, sim)
	images := map[string]string{
		registry.Quay:           "quay.io/" + releaseRepo + ":v1",
		registry.RedHatRegistry: "registry.redhat.io/" + indexRepo + ":v1",
	}
	check := func(station string, document []byte, want int) {
		t.Helper()
		for host, image := range images {
			if got := status(r.head(image, login(t, document, host))); got != want {
				t.Errorf("%s: %s responds with %d, want %d", station, host, got, want)
			}
		}
	}

	old := sim.PullSecret(account.ID)
	check("installed", old, 200)
	sim.StartRotationElsewhere(account.ID)
	sim.RunBatch()
	fresh := sim.PullSecret(account.ID)
	check("while both are alive, old", old, 200)
	check("while both are alive, new", fresh, 200)
	sim.CompleteEverything()
	check("completed, old", old, 401)
	check("completed, new", fresh, 200)
}

// login returns one registry's credentials from a pull secret.
func login(t *testing.T, document []byte, host string) authn.Authenticator {
	t.Helper()
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(d.Auths[host].Auth)
	if err != nil {
		t.Fatal(err)
	}
	u, p, _ := strings.Cut(string(raw), ":")
	return &authn.Basic{Username: u, Password: p}
}

// TestControlPort_DrivesTheRegistries covers the interface of the process.
func TestControlPort_DrivesTheRegistries(t *testing.T) {
	r := newRig(t, directory{})
	post := func(method, path, body string, want int) string {
		t.Helper()
		req, err := http.NewRequest(method, r.ControlURL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		raw, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, raw)
		}
		return string(raw)
	}
	const image = "quay.io/added/here:v7"
	step := func(path, body string, want int) {
		t.Helper()
		post(http.MethodPost, path, body, http.StatusOK)
		if got := status(r.head(image, good())); got != want {
			t.Errorf("after %s %s: %d, want %d", path, body, got, want)
		}
	}
	step("/images", `{"registry":"quay.io","repository":"added/here","tag":"v7"}`, 200)
	step("/refuse", `{"registry":"quay.io","user":"`+user+`","refuse":true}`, 401)
	step("/refuse", `{"registry":"quay.io","user":"`+user+`"}`, 200)
	step("/certificate", `{"registry":"quay.io","certificate":"OtherName"}`, 0)
	step("/certificate", `{"registry":"quay.io","certificate":"Good"}`, 200)
	step("/faults", `{"registry":"quay.io","kind":"Error500"}`, 500)
	post(http.MethodDelete, "/faults", "", http.StatusOK)
	step("/spread", `{"registry":"quay.io","after":"1m"}`, 200) // known already
	step("/service", `{"registry":"quay.io","running":false}`, 0)
	step("/service", `{"registry":"quay.io"}`, 200)
	step("/deny-pull", `{"registry":"quay.io","user":"`+user+`","repository":"added","deny":true}`, 401)
	step("/deny-pull", `{"registry":"quay.io","user":"`+user+`","repository":"added"}`, 200)
	step("/revocation", `{"registry":"quay.io","late":"1h"}`, 200)
	for _, wrong := range []string{`{"registry":"quay.io","kind":"Error501"}`, `{"registry":"quay.com","kind":"Error500"}`, `{"endpoint":"tokens","kind":"Error500"}`} {
		if answer := post(http.MethodPost, "/faults", wrong, http.StatusBadRequest); !strings.Contains(answer, "known are") {
			t.Errorf("the refusal of %s does not list the known values: %s", wrong, answer)
		}
	}
	post(http.MethodPost, "/certificate", `{"registry":"quay.io","certificate":"Bad"}`, http.StatusBadRequest)
	post(http.MethodPost, "/refuse", `{"registry":"docker.io"}`, http.StatusNotFound)

	state := post(http.MethodGet, "/state", "", http.StatusOK)
	if !strings.Contains(state, "added/here") || !strings.Contains(state, user) || strings.Contains(state, "CANARY") {
		t.Errorf("state: %s", state)
	}
}
