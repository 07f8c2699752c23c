package registry_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

const (
	user, password = "openshift-release-dev+ocm_access_1", "good"
	releaseRepo    = "openshift-release-dev/ocp-release"
	indexRepo      = "redhat/redhat-operator-index"
)

// directory knows one user everywhere.
type directory struct{}

func (directory) Alive(_, u, p string) bool { return u == user && p == password }

// rig is the registries behind the proxy, and a client that knows them by their real names.
type rig struct {
	*registry.Sim
	t     *testing.T
	clock *testingclock.FakeClock
	proxy *proxy.Proxy
	http  *http.Client
	// digest of the release image at quay.io
	digest string
}

func newRig(t *testing.T, dir registry.Directory) *rig {
	t.Helper()
	clk := testingclock.NewFakeClock(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	sim, err := registry.New(registry.Options{Directory: dir, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	p := proxy.New(sim.Routes())
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	proxyURL, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Sim: sim, t: t, clock: clk, proxy: p, http: &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyURL(proxyURL),
		TLSClientConfig:   &tls.Config{RootCAs: sim.CA().Pool(), MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // so that a changed certificate and a stopped server show at once
	}}}
	r.digest = r.image(registry.Quay, releaseRepo, registry.Subscribers)
	r.image(registry.Quay, "public/tools", registry.Public)
	r.image(registry.Quay, "secret/other", registry.Nobody)
	r.image(registry.RedHatRegistry, indexRepo, registry.Subscribers)
	r.image(registry.RedHatRegistry, "secret/other", registry.Nobody)
	return r
}

func (r *rig) image(host, repository string, access registry.Access) string {
	r.t.Helper()
	digest, err := r.AddImage(host, repository, "v1", access)
	if err != nil {
		r.t.Fatal(err)
	}
	return digest
}

// head is what go-containerregistry makes of a HEAD of the manifest, with the given credentials.
func (r *rig) head(image string, auth authn.Authenticator) error {
	r.t.Helper()
	ref, err := name.ParseReference(image)
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = remote.Head(ref, remote.WithAuth(auth), remote.WithTransport(r.http.Transport),
		remote.WithRetryStatusCodes(), remote.WithRetryPredicate(func(error) bool { return false }))
	return err
}

// status takes the HTTP status out of an error of go-containerregistry: 200 for nil, 0 when there was no answer.
func status(err error) int {
	var refusal *transport.Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refusal):
		return refusal.StatusCode
	}
	return 0
}

func good() authn.Authenticator { return &authn.Basic{Username: user, Password: password} }

// TestHead_AnswersAsEachRegistryDoes asks for manifests by the real names, through the proxy, with the library that the operator uses.
func TestHead_AnswersAsEachRegistryDoes(t *testing.T) {
	bad := &authn.Basic{Username: user, Password: "wrong"}
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name  string
		image string
		auth  authn.Authenticator
		want  int
	}{
		{"a living credential pulls by tag", "quay.io/" + releaseRepo + ":v1", good(), 200},
		{"a living credential pulls by digest", "quay.io/" + releaseRepo + "@DIGEST", good(), 200},
		{"a dead credential is refused at quay.io", "quay.io/" + releaseRepo + ":v1", bad, 401},
		{"a dead credential is refused even for a public repository", "quay.io/public/tools:v1", bad, 401},
		{"nobody may pull what is public", "quay.io/public/tools:v1", authn.Anonymous, 200},
		{"nobody may not pull what is not", "quay.io/" + releaseRepo + ":v1", authn.Anonymous, 401},
		{"a good login at quay.io that does not cover the repository is 401", "quay.io/secret/other:v1", good(), 401},
		{"an unknown repository at quay.io looks the same", "quay.io/no/such:v1", good(), 401},
		{"another tag is unknown", "quay.io/" + releaseRepo + ":v2", good(), 404},
		{"a living credential pulls from Red Hat's registry", "registry.redhat.io/" + indexRepo + ":v1", good(), 200},
		{"a dead credential is refused by Red Hat's registry", "registry.redhat.io/" + indexRepo + ":v1", bad, 401},
		{"a good login at Red Hat's registry that does not cover the repository is 403", "registry.redhat.io/secret/other:v1", good(), 403},
		{"Red Hat's registry knows no anonymous tokens", "registry.redhat.io/" + indexRepo + ":v1", authn.Anonymous, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, directory{})
			err := r.head(strings.Replace(tc.image, "DIGEST", r.digest, 1), tc.auth)
			if status(err) != tc.want {
				t.Errorf("got %d (%v), want %d", status(err), err, tc.want)
			}
			if refused := r.proxy.Refused(); len(refused) != 0 {
				t.Errorf("the client strayed to %v", refused)
			}
		})
	}
}

// realm asks the token endpoint of a registry itself.
func (r *rig) realm(host, path, query string, basic bool) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+host+path+"?"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if basic {
		req.SetBasicAuth(user, password)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body struct{ Token string }
	raw, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(raw, &body)
	return resp.StatusCode, body.Token
}

// TestQuayTokens_ProveLessThanTheySeem are the habits that mislead whoever takes a token for a proof.
func TestQuayTokens_ProveLessThanTheySeem(t *testing.T) {
	r := newRig(t, directory{})
	scope := func(repository string) string { return "service=quay.io&scope=repository:" + repository + ":pull" }
	for _, tc := range []struct {
		name, query string
		basic       bool
		want        int
	}{
		{"a good login without a scope", "service=quay.io", true, 200},
		{"a good login for what it may not have", scope("secret/other"), true, 200},
		{"nobody, for a public repository", scope("public/tools"), false, 200},
		{"nobody, for a private repository", scope(releaseRepo), false, 200},
		{"nobody, for nothing", "service=quay.io", false, 401},
	} {
		if got, token := r.realm(registry.Quay, "/v2/auth", tc.query, tc.basic); got != tc.want || (token != "") != (got == 200) {
			t.Errorf("%s: status %d, token %v; want %d", tc.name, got, token != "", tc.want)
		}
	}
	if got, _ := r.realm(registry.RedHatConnect, "/auth/realms/rhcc/protocol/redhat-docker-v2/auth", "", true); got != 200 {
		t.Errorf("a good login at registry.connect.redhat.com: status %d", got)
	}
	if len(r.Canaries()) == 0 {
		t.Error("tokens were given out and are not among the canaries")
	}
}

// A token opens a registry for as long as it says, and no longer.
func TestTokens_Expire(t *testing.T) {
	r := newRig(t, directory{})
	_, token := r.realm(registry.Quay, "/v2/auth", "service=quay.io&scope=repository:"+releaseRepo+":pull", true)
	ask := func() int {
		req, err := http.NewRequest(http.MethodHead, "https://"+registry.Quay+"/v2/"+releaseRepo+"/manifests/v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if got := ask(); got != http.StatusOK {
		t.Errorf("with a fresh token: status %d", got)
	}
	r.clock.Step(time.Hour)
	if got := ask(); got != http.StatusUnauthorized {
		t.Errorf("an hour later: status %d, want 401", got)
	}
}

// TestBooks_CountRequestsAndLogins is what cost assertions rely on.
func TestBooks_CountRequestsAndLogins(t *testing.T) {
	r := newRig(t, directory{})
	if err := r.head("quay.io/"+releaseRepo+":v1", good()); err != nil {
		t.Fatal(err)
	}
	_ = r.head("quay.io/"+releaseRepo+":v1", &authn.Basic{Username: user, Password: "wrong"})
	for endpoint, want := range map[string]int{
		registry.EndpointPing: 2, registry.EndpointToken: 2, registry.EndpointManifest: 1, registry.EndpointAny: 5,
	} {
		if got := r.Count(registry.Quay, endpoint); got != want {
			t.Errorf("%s: %d requests, want %d", endpoint, got, want)
		}
	}
	if logins := r.Logins(registry.Quay); len(logins) != 2 || !logins[0].Accepted || logins[1].Accepted || logins[0].User != user {
		t.Errorf("logins %+v", logins)
	}
	r.ResetCounts()
	if r.Count(registry.Quay, registry.EndpointAny) != 0 || len(r.Logins(registry.Quay)) != 0 {
		t.Error("the counts were not reset")
	}
}
