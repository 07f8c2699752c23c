package registry_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	ocmsim "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	registrysim "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

const release, index = "openshift-release-dev/ocp-release", "redhat/redhat-operator-index"

// world is the simulated registries, which know the credentials of a simulated OCM, and a prober that reaches them by
// their real names.
type world struct {
	*registrysim.Sim
	t       *testing.T
	ocm     *ocmsim.Sim
	account ocmsim.Account
	prober  *registry.Prober
	digest  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ocm := ocmsim.StartForTest(t, ocmsim.Options{Habits: ocmsim.Habits{CompleteWithoutClusters: true}})
	registries, err := registrysim.New(registrysim.Options{Directory: ocm})
	if err != nil {
		t.Fatal(err)
	}
	if err := registries.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registries.Close)
	routes := registries.Routes()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: registries.CA().Pool(), MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, routes[address])
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	w := &world{Sim: registries, t: t, ocm: ocm, account: ocm.AddAccount(ocmsim.AccountSpec{}),
		prober: &registry.Prober{Transport: transport, Timeout: 5 * time.Second}}
	if w.digest, err = registries.AddImage(registrysim.Quay, release, "4.20", registrysim.Subscribers); err != nil {
		t.Fatal(err)
	}
	if _, err = registries.AddImage(registrysim.RedHatRegistry, index, "v4.20", registrysim.Subscribers); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) pullSecret() *pullsecret.Document {
	w.t.Helper()
	document, err := pullsecret.Parse(w.ocm.PullSecret(w.account.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	return document
}

// check asks one registry about one document, and makes sure that no secret is in the result.
func (w *world) check(document *pullsecret.Document, host, image string) registry.Result {
	w.t.Helper()
	entry, ok := document.Entry(host)
	if !ok {
		w.t.Fatalf("no entry for %s", host)
	}
	result := w.prober.Check(context.Background(),
		registry.Check{Registry: host, Image: image, Username: entry.Username, Password: entry.Password})
	for _, canary := range append(w.ocm.Canaries(), w.Canaries()...) {
		if strings.Contains(fmt.Sprintf("%+v", result), canary) {
			w.t.Errorf("the result holds a secret: %+v", result)
		}
	}
	return result
}

func (w *world) expect(got registry.Result, want registry.Outcome) {
	w.t.Helper()
	if got.Outcome != want {
		w.t.Errorf("got %s (%s), want %s", got.Outcome, got.Message, want)
	}
}

func (w *world) releaseImage() string { return registrysim.Quay + "/" + release + "@" + w.digest }

func TestSimulatedRegistries_KnowACredentialUntilItsRotationHasCompleted(t *testing.T) {
	w := newWorld(t)
	before := w.pullSecret()
	everywhere := func(document *pullsecret.Document, want registry.Outcome) {
		t.Helper()
		w.expect(w.check(document, registrysim.Quay, w.releaseImage()), want)
		w.expect(w.check(document, registrysim.RedHatRegistry, registrysim.RedHatRegistry+"/"+index+":v4.20"), want)
		w.expect(w.check(document, registrysim.RedHatConnect, ""), want)
	}
	everywhere(before, registry.Accepted)

	w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.RunBatch()
	after := w.pullSecret()
	everywhere(before, registry.Accepted) // both are good while the clusters switch
	everywhere(after, registry.Accepted)

	w.ocm.RunBatch()
	everywhere(before, registry.Unauthorized)
	everywhere(after, registry.Accepted)
}

func TestSimulatedRegistries_ALoginThatMayNotPullIsDenied(t *testing.T) {
	w := newWorld(t)
	document := w.pullSecret()
	for host, image := range map[string]string{
		registrysim.Quay:           release, // a down-scoped token, then 401
		registrysim.RedHatRegistry: index,   // 403
	} {
		entry, _ := document.Entry(host)
		w.DenyPull(host, entry.Username, image, true)
		w.expect(w.check(document, host, host+"/"+image+":4.20"), registry.Denied)
		w.expect(w.check(document, host, ""), registry.Accepted)
	}
}

func TestSimulatedRegistries_OtherTroubleIsNoEvidence(t *testing.T) {
	w := newWorld(t)
	document := w.pullSecret()
	w.expect(w.check(document, registrysim.Quay, registrysim.Quay+"/"+release+":4.99"), registry.NotFound)
	for kind, want := range map[registrysim.FaultKind]registry.Outcome{
		registrysim.RateLimited: registry.RateLimited,
		registrysim.Error500:    registry.Unreachable,
		registrysim.HTML502:     registry.Unreachable,
		registrysim.Dropped:     registry.Unreachable,
		registrysim.Denied403:   registry.Unreachable, // at the ping, before any credential
	} {
		w.Break(registrysim.Fault{Kind: kind, Registry: registrysim.Quay, RetryAfter: simctl.Duration(time.Minute)})
		got := w.check(document, registrysim.Quay, w.releaseImage())
		w.expect(got, want)
		if want == registry.RateLimited && got.RetryAfter != time.Minute {
			t.Errorf("RetryAfter: got %s", got.RetryAfter)
		}
		w.Mend()
	}
	for _, certificate := range []registrysim.Certificate{registrysim.OtherName, registrysim.OtherCA} {
		w.prober.Transport.(*http.Transport).CloseIdleConnections()
		w.Present(registrysim.Quay, certificate)
		w.expect(w.check(document, registrysim.Quay, ""), registry.TLSError)
	}
	w.Server(registrysim.RedHatConnect).Stop()
	w.prober.Transport.(*http.Transport).CloseIdleConnections()
	w.expect(w.check(document, registrysim.RedHatConnect, ""), registry.Unreachable)
}
