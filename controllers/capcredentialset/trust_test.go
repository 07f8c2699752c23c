package capcredentialset

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// dialled is the configuration with which a set asks its portal, after a round.
func dialled(t *testing.T, b *bench) (cap.Config, *v1alpha1.CAPCredentialSet) {
	t.Helper()
	var got cap.Config
	b.r.dial.portal = func(c cap.Config) (portal, error) { got = c; return b.portal, nil }
	b.round("cap")
	return got, b.set("cap")
}

func TestTrust_ComesFromWhereTheSpecSaysAndElseFromBesideTheCertificateAndElseFromTheCluster(t *testing.T) {
	authorities := map[string]*simtls.CA{}
	for _, name := range []string{"beside the certificate", "config map", "secret", "cluster"} {
		ca, err := simtls.NewCA(name)
		if err != nil {
			t.Fatal(err)
		}
		authorities[name] = ca
	}
	named := func(key string) map[string]string {
		return map[string]string{key: string(authorities["config map"].PEM())}
	}
	byConfigMap := &v1alpha1.CAPTLS{CAConfigMapRef: &v1alpha1.LocalReference{Name: "ca"}}
	bySecret := &v1alpha1.CAPTLS{CASecretRef: &v1alpha1.LocalReference{Name: "ca"}}
	for _, test := range []struct {
		name      string
		tls       *v1alpha1.CAPTLS
		configMap map[string]string
		secret    map[string][]byte
		beside    bool
		// want is whose server is trusted, from how that is said, problem what the set says where it cannot ask.
		want, from, problem string
	}{
		{name: "beside the certificate", beside: true, want: "beside the certificate", from: "the CA in Secret operator/cap alone"},
		{name: "nothing", want: "cluster", from: "the cluster's trust bundle"},
		{name: "a ConfigMap", tls: byConfigMap, configMap: named("ca-bundle.crt"), beside: true, want: "config map", from: "ConfigMap operator/ca alone"},
		{name: "a ConfigMap as the cluster makes them", tls: byConfigMap, configMap: named("ca.crt"), beside: true, want: "config map", from: "ConfigMap operator/ca alone"},
		{name: "a Secret", tls: bySecret, secret: map[string][]byte{"ca.crt": authorities["secret"].PEM()}, beside: true, want: "secret", from: "Secret operator/ca alone"},
		{name: "a ConfigMap that does not exist", tls: byConfigMap, beside: true, problem: "ConfigMap operator/ca does not exist"},
		{name: "a Secret that does not exist", tls: bySecret, beside: true, problem: "Secret operator/ca does not exist"},
		{name: "a ConfigMap without a CA", tls: byConfigMap, configMap: map[string]string{"other": "x"}, beside: true, problem: "holds no certificate in PEM form under ca-bundle.crt, ca.crt"},
		{name: "TLS settings without a CA", tls: &v1alpha1.CAPTLS{MaxVersion: v1alpha1.VersionTLS12}, beside: true, want: "beside the certificate", from: "alone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := oneBench(t, func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.TLS = test.tls })
			certificate := clientCertificate(t)
			delete(certificate.Data, "ca.crt")
			if test.beside {
				certificate.Data["ca.crt"] = authorities["beside the certificate"].PEM()
			}
			b.secrets.put(ref(operatorNamespace, b.set("cap").Spec.Endpoint.ClientCertificateSecretRef.Name), certificate)
			if test.secret != nil {
				b.secrets.put(ref(operatorNamespace, "ca"), &corev1.Secret{Data: test.secret})
			}
			create := func(namespace, name string, data map[string]string) {
				if err := b.client.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}); err != nil {
					t.Fatal(err)
				}
			}
			create("openshift-config-managed", "trusted-ca-bundle", map[string]string{"ca-bundle.crt": string(authorities["cluster"].PEM())})
			if test.configMap != nil {
				create(operatorNamespace, "ca", test.configMap)
			}
			got, set := dialled(t, b)
			if test.problem != "" {
				if !slices.ContainsFunc(set.Status.Targets, func(row v1alpha1.CredentialTargetStatus) bool { return strings.Contains(row.Message, test.problem) }) {
					t.Errorf("no row says %q: %+v", test.problem, set.Status.Targets)
				}
				return
			}
			for name, ca := range authorities {
				if trusts(t, got, ca) != (name == test.want) {
					t.Errorf("a server of %q is trusted: %v", name, name != test.want)
				}
			}
			if !strings.Contains(got.RootsFrom, strings.TrimPrefix(test.from, "the CA in Secret operator/cap")) {
				t.Errorf("it is said to come from %q, want %q", got.RootsFrom, test.from)
			}
			if got.ProxyRootCAs == nil {
				t.Error("a proxy is checked without the cluster's trust bundle")
			}
		})
	}
}

// trusts says whether a server with a certificate of an authority would be trusted.
func trusts(t *testing.T, c cap.Config, ca *simtls.CA) bool {
	t.Helper()
	server, err := ca.Server("cap.example.com")
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Leaf.Verify(x509.VerifyOptions{Roots: c.RootCAs})
	return err == nil
}

func TestEndpoint_TheSpecsTLSAndProxyReachTheClient(t *testing.T) {
	request := &http.Request{URL: &url.URL{Scheme: "https", Host: "cap.example.com"}}
	for _, test := range []struct {
		spec  string
		want  string // the proxy that is gone through; empty: none
		fails bool
	}{
		{"none", "", false}, {"http://proxy.example.com:3128", "http://proxy.example.com:3128", false}, {"https://proxy.example.com", "https://proxy.example.com", false},
		{"http://u:p@proxy.example.com", "", true}, {"socks5://proxy.example.com", "", true}, {"proxy", "", true}, {"http://%zz", "", true},
	} {
		proxy, err := proxyOf(test.spec)
		switch {
		case (err != nil) != test.fails:
			t.Errorf("%s: error %v", test.spec, err)
		case err != nil && strings.Contains(err.Error(), "u:p"):
			t.Errorf("the error shows a password: %v", err)
		case err == nil && test.want == "" && proxy != nil:
			t.Errorf("%s goes through a proxy", test.spec)
		case test.want != "":
			if u, err := proxy(request); err != nil || u.String() != test.want {
				t.Errorf("%s goes through %v, %v", test.spec, u, err)
			}
		}
	}
	if proxy, err := proxyOf(""); err != nil || proxy == nil {
		t.Errorf("by default the cluster's proxy counts: %v", err)
	}
	b := oneBench(t, func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.Endpoint.TLS = &v1alpha1.CAPTLS{MinVersion: v1alpha1.VersionTLS12, MaxVersion: v1alpha1.VersionTLS13, AllowRSAKeyExchange: true}
	})
	if got, _ := dialled(t, b); got.TLS != (cap.TLS{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13, RSAKeyExchange: true}) {
		t.Errorf("TLS is spoken as %+v", got.TLS)
	}
}

func TestAdvice_EveryBadAnswerEndsWithWhatToDoInThreeSentencesAtMost(t *testing.T) {
	for _, class := range cap.Classes() {
		if advice[string(class)] == "" {
			t.Errorf("nothing is advised about %s", class)
		}
		if message := tell(&cap.Error{Class: class, Message: "It is. It was."}); strings.Count(message, ". ")+1 > 3 {
			t.Errorf("%s: %q has more than three sentences", class, message)
		}
	}
	for cause, words := range causes {
		if message := tell(&cap.Error{Class: cap.Untrusted, Cause: cause, Message: "It is. It was."}); !strings.HasSuffix(message, words) || strings.Count(message, ". ")+1 > 3 {
			t.Errorf("%s: %q", cause, message)
		}
	}
	untrustedProxy := tell(&cap.Error{Class: cap.ProxyUnavailable, Cause: cap.CauseProxyUntrusted, Message: "x."})
	if !strings.Contains(untrustedProxy, "CA of the proxy") {
		t.Errorf("an untrusted proxy is reported as %q", untrustedProxy)
	}
}
