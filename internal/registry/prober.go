package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/openshift/credential-rotation-operator/internal/echo"
)

// DefaultTimeout bounds one check: three or four small requests. Registries answer each within a second; twenty seconds leave room for a proxy
// and a distant region.
const DefaultTimeout = 20 * time.Second

// Prober checks credentials. It is safe for concurrent use.
type Prober struct {
	// Transport carries the requests, with the cluster's proxy and certificate authorities; default
	// http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout of one check; default DefaultTimeout.
	Timeout time.Duration
	// UserAgent of every request; default go-containerregistry's.
	UserAgent string
}

// Check logs in at a registry as its challenge demands and, when an image is named, asks for the head of its manifest. It changes nothing and
// never retries.
func (p *Prober) Check(ctx context.Context, check Check) Result {
	target, err := parse(check.Registry, check.Image)
	if err != nil {
		return Result{Outcome: Unreachable, Message: err.Error()}
	}
	if check.Username == "" || check.Password == "" {
		// Without both no login is sent, and a registry that serves everybody would seem to accept it.
		return Result{Outcome: Unauthorized, Message: "the entry for " + target.registry.RegistryStr() +
			" holds no user name and password to log in with"}
	}
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	inner := p.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	wire := &wire{inner: inner}
	stage, err := p.ask(ctx, target, wire, check)
	last, loggedIn := wire.look()
	result := judge(target, findings{stage: stage, err: err, last: last, loggedIn: loggedIn})
	if registry := target.registry.RegistryStr(); last.host != registry && echo.Repeats(last.host, check.Password) {
		// A registry that has seen a password may redirect to a host whose name contains it.
		result.Message = registry + " redirects to a host whose name repeats a part of the credential and is therefore not shown"
	}
	return result
}

// stage is how far a check got.
type stage int

const (
	// login: the challenge and, if it demands one, the token exchange.
	login stage = iota
	// proof: the first request with the credential, or the token it was exchanged for.
	proof
)

// ask does a check and returns how far it got; the error is nil if the last request was answered.
func (p *Prober) ask(ctx context.Context, target target, wire *wire, check Check) (stage, error) {
	var scopes []string
	if target.image != nil {
		scopes = []string{target.image.Scope(transport.PullScope)}
	}
	var carrier http.RoundTripper = wire
	if p.UserAgent != "" {
		carrier = transport.NewUserAgent(wire, p.UserAgent)
	}
	auth := authn.FromConfig(authn.AuthConfig{Username: check.Username, Password: check.Password})
	// This logs in only for a Bearer challenge; for Basic, and without a challenge, it sends no credential yet.
	authenticated, err := transport.NewWithContext(ctx, target.registry, auth, carrier, scopes)
	if err != nil {
		return login, err
	}
	client := &http.Client{Transport: authenticated, CheckRedirect: checkRedirect}
	request, err := proofRequest(ctx, target)
	if err != nil {
		return login, err
	}
	response, err := client.Do(request)
	if err != nil {
		return proof, err
	}
	return proof, response.Body.Close()
}

// proofRequest is a HEAD of the manifest or, without an image, a GET of the registry's base.
func proofRequest(ctx context.Context, target target) (*http.Request, error) {
	base := "https://" + target.registry.RegistryStr() + "/v2/"
	if target.image == nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	}
	repository := target.image.Context().RepositoryStr()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead,
		base+repository+"/manifests/"+target.image.Identifier(), nil)
	if err != nil {
		return nil, errors.New("the image's name does not make a valid URL")
	}
	request.Header.Set("Accept", manifestKinds)
	return request, nil
}

// manifestKinds is a single header line, because some registries read only the first.
var manifestKinds = strings.Join([]string{
	string(types.OCIImageIndex), string(types.DockerManifestList), string(types.OCIManifestSchema1), string(types.DockerManifestSchema2),
}, ",")
