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

// directory has one user for all registries.
type directory struct{}

func (directory) Alive(_, u, p string) bool { return u == user && p == password }

// rig has the registries behind the proxy, and a client that uses their real names.
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
		DisableKeepAlives: true, // so that a changed certificate or a stopped server takes effect at once
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

// head sends a HEAD of the manifest with go-containerregistry and the given credentials.
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

// status returns the HTTP status of go-containerregistry's error: 200 for nil, 0 without a response.
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

// TestHead_AnswersAsEachRegistryDoes requests manifests by the real names, through the proxy, with the operator's library.
func TestHead_AnswersAsEachRegistryDoes(t *testing.T) {
	bad := &authn.Basic{Username: user, Password: "wrong"}
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name  string
		image string
		auth  authn.Authenticator
		want  int
	}{
		{"a valid credential pulls by tag", "quay.io/" + releaseRepo + ":v1", good(), 200},
		{"a valid credential pulls by digest", "quay.io/" + releaseRepo + "@DIGEST", good(), 200},
		{"a deleted credential is refused at quay.io", "quay.io/" + releaseRepo + ":v1", bad, 401},
		{"a deleted credential is refused even for a public repository", "quay.io/public/tools:v1", bad, 401},
		{"an anonymous client may pull a public image", "quay.io/public/tools:v1", authn.Anonymous, 200},
		{"an anonymous client may not pull a private image", "quay.io/" + releaseRepo + ":v1", authn.Anonymous, 401},
		{"a valid login at quay.io that does not cover the repository is 401", "quay.io/secret/other:v1", good(), 401},
		{"an unknown repository at quay.io looks the same", "quay.io/no/such:v1", good(), 401},
		{"another tag is unknown", "quay.io/" + releaseRepo + ":v2", good(), 404},
		{"a valid credential pulls from Red Hat's registry", "registry.redhat.io/" + indexRepo + ":v1", good(), 200},
		{"a deleted credential is refused by Red Hat's registry", "registry.redhat.io/" + indexRepo + ":v1", bad, 401},
		{"a valid login at Red Hat's registry that does not cover the repository is 403", "registry.redhat.io/secret/other:v1", good(), 403},
		{"Red Hat's registry has no anonymous tokens", "registry.redhat.io/" + indexRepo + ":v1", authn.Anonymous, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, directory{})
			err := r.head(strings.Replace(tc.image, "DIGEST", r.digest, 1), tc.auth)
			if status(err) != tc.want {
				t.Errorf("got %d (%v), want %d", status(err), err, tc.want)
			}
			if refused := r.proxy.Refused(); len(refused) != 0 {
				t.Errorf("the client used unknown targets %v", refused)
			}
		})
	}
}

// realm sends a request to a registry's token endpoint.
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

// TestQuayTokens_ProveLessThanTheySeem shows why a token does not prove access.
func TestQuayTokens_ProveLessThanTheySeem(t *testing.T) {
	r := newRig(t, directory{})
	scope := func(repository string) string { return "service=quay.io&scope=repository:" + repository + ":pull" }
	for _, tc := range []struct {
		name, query string
		basic       bool
		want        int
	}{
		{"a valid login without a scope", "service=quay.io", true, 200},
		{"a valid login for a repository without access", scope("secret/other"), true, 200},
		{"anonymous, for a public repository", scope("public/tools"), false, 200},
		{"anonymous, for a private repository", scope(releaseRepo), false, 200},
		{"anonymous, without a scope", "service=quay.io", false, 401},
	} {
		if got, token := r.realm(registry.Quay, "/v2/auth", tc.query, tc.basic); got != tc.want || (token != "") != (got == 200) {
			t.Errorf("%s: status %d, token %v; want %d", tc.name, got, token != "", tc.want)
		}
	}
	if got, _ := r.realm(registry.RedHatConnect, "/auth/realms/rhcc/protocol/redhat-docker-v2/auth", "", true); got != 200 {
		t.Errorf("a valid login at registry.connect.redhat.com: status %d", got)
	}
	if len(r.Canaries()) == 0 {
		t.Error("issued tokens are not among the canaries")
	}
}

// A token expires after its declared lifetime.
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

// TestCounts_HaveRequestsAndLogins is what cost assertions rely on.
func TestCounts_HaveRequestsAndLogins(t *testing.T) {
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
