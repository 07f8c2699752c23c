package capset

// Requests to CAP, and the trust in its certificate.

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Both dialects by their real names through the cluster's proxy, with a port, a path and parameters of the site, and values that
// must be encoded. CAP compares each value with the expected one.
func TestDialects_WorkThroughTheProxyWithEveryValueEncoded(t *testing.T) {
	const oddRole = `Rôle & more/than=one?#100% +"x"`
	for _, tc := range []struct {
		dialect cap.Dialect
		// host and port by which CAP is known at the site, prefix of its path.
		host, port, prefix string
	}{
		{cap.C2S, "cap.c2s.ic.gov", "8443", "/CAP/v2%20beta"},
		{cap.SC2S, "scap.sc2s.sgov.gov", "443", ""},
	} {
		t.Run(string(tc.dialect), func(t *testing.T) {
			w := newCAPWorld(t, time.Hour, func(o *cap.Options) {
				o.Hosts, o.PathPrefix = []string{tc.host}, strings.ReplaceAll(tc.prefix, "%20", " ")
				o.Agency, o.Mission = "Ägency & Söhne", "mission/1+1 = 2;3"
				o.RequiredParams = map[string]string{"ticket": "a b&role=other", "durée": "3600"}
				o.Roles[oddRole] = "333333333333"
			})
			address := strings.TrimPrefix(w.cap.URL(), "https://")
			site := proxy.New(map[string]string{tc.host + ":" + tc.port: address})
			must(t, site.Start())
			t.Cleanup(site.Close)
			w.config.Env = append(w.config.Env, "HTTPS_PROXY="+site.URL(), "NO_PROXY=.cluster.local,.svc")
			w.start()
			w.create(func(s *v1alpha1.CAPCredentialSet) {
				path := strings.TrimPrefix(w.cap.Endpoint(tc.dialect), w.cap.URL()+strings.ReplaceAll(tc.prefix, "%20", " "))
				s.Spec.Endpoint.URL, s.Spec.Endpoint.Dialect = "https://"+tc.host+":"+tc.port+tc.prefix+path, v1alpha1.CAPDialect(tc.dialect)
				s.Spec.Endpoint.Agency, s.Spec.Endpoint.Mission = "Ägency & Söhne", "mission/1+1 = 2;3"
				s.Spec.Endpoint.ExtraParameters = map[string]string{"ticket": "a b&role=other", "durée": "3600"}
				s.Spec.CredentialsRequests.DefaultRole = oddRole
			})
			w.eventuallyFresh()
			counts := w.cap.Counts()
			if counts.ByOutcome[cap.OutcomeIssued] != 2 || counts.ByRole[oddRole] != 1 || counts.Requests != 2 {
				t.Errorf("CAP's counts are %+v, want one successful request for each of two roles", counts)
			}
			if site.Count(tc.host+":"+tc.port) == 0 {
				t.Error("the proxy was not used")
			}
			for _, r := range w.cap.Requests() {
				if r.Method != "GET" || r.Client != "operator" {
					t.Errorf("the client was %s with the certificate of %q", r.Method, r.Client)
				}
			}
		})
	}
}

func TestEndpoint_IsHTTPSOnlyAndHasNoQueryOfItsOwn(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	for _, url := range []string{
		"http://cap.example.ic.gov/api", "https://cap.example.ic.gov/api?agency=x", "https://user:password@cap.example.ic.gov/api",
		"https://cap.example.ic.gov/api#x", "cap.example.ic.gov", "file:///etc/passwd",
	} {
		set := w.set()
		set.Spec.Endpoint.URL = url
		if err := w.client.Create(t.Context(), set); err == nil || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: the error is %v, want the rule", url, err)
		}
	}
	set := w.set()
	set.Spec.Endpoint.ExtraParameters = map[string]string{"roleName": "another"}
	if err := w.client.Create(t.Context(), set); err == nil || !strings.Contains(err.Error(), "their own fields") {
		t.Errorf("a role among the extra parameters: the error is %v", err)
	}
}

// As with curl's --cacert: a CA beside the certificate replaces the system's, even if those signed CAP's certificate. Without one
// the cluster's trust bundle and the system's CAs are used.
func TestTrust_APrivateAuthorityReplacesTheSystemsElseTheClustersBundleCounts(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	other, err := simtls.NewCA("another site's")
	must(t, err)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	must(t, os.WriteFile(roots, w.cap.CAPEM(), 0o600))
	w.config.Env = append(w.config.Env, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR=/nonexistent")
	certificate, key, err := w.cap.ClientCertificate("operator")
	must(t, err)
	w.key = key
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": other.PEM()})
	w.start()
	w.create()
	row := w.eventuallyRow("openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonCAPUntrusted)
	if err := missing(row.Message, "CA in Secret", clientCertificate, "spec.endpoint.tls"); err != nil {
		t.Error(err)
	}
	if n := w.cap.Counts().Requests; n != 0 {
		t.Errorf("%d requests were sent to an untrusted server", n)
	}
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": certificate, "tls.key": key})
	w.eventuallyFresh() // by the system's
	w.stop()

	must(t, os.WriteFile(roots, other.PEM(), 0o600)) // now they trust another CA
	w.start()
	w.requestRefresh()
	w.eventuallyRow("openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonCAPUntrusted)
	must(t, harness.Ensure(t.Context(), w.client, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "trusted-ca-bundle"},
		Data:       map[string]string{"ca-bundle.crt": string(w.cap.CAPEM())},
	}))
	w.requestRefresh()
	w.eventuallyFresh()
}

// pemBlock is a PEM document of one block.
func pemBlock(blockType string, headers map[string]string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Headers: headers, Bytes: content})
}

// derOf is the content of a PEM document.
func derOf(document []byte) []byte {
	block, _ := pem.Decode(document)
	return block.Bytes
}

// notAfter is when a certificate ends, as a Unix time.
func notAfter(t testing.TB, document []byte) float64 {
	t.Helper()
	c, err := x509.ParseCertificate(derOf(document))
	must(t, err)
	return float64(c.NotAfter.Unix())
}
