package pullsecretrotation

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/trust"
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
		t.Fatal("a request was sent to a server with an untrusted CA")
	}
	roots := trust.Pool(sim.CA().PEM())
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
		s.noteCredential(shown(c.given))
		if got := s.obj.Status.OCMCredential; got.Type != c.want || (got.IssuedAt != nil) != c.dated {
			t.Errorf("noted as %+v, want a %s", got, c.want)
		}
	}
}

// OpenShift's network operator keeps the CAs of the cluster, that of a proxy among them, in one ConfigMap.
func TestRoots_AreThoseOfTheClusterAndOfTheSpecAsTheyAreNow(t *testing.T) {
	sim := simocm.StartForTest(t, simocm.Options{})
	bundle := func(namespace, name string, pem []byte) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string]string{"ca-bundle.crt": string(pem)}}
	}
	ofCluster := func(pem []byte) *corev1.ConfigMap {
		return bundle("openshift-config-managed", "trusted-ca-bundle", pem)
	}
	named := func(pem []byte) *corev1.ConfigMap { return bundle("own", "named", pem) }
	for _, tc := range []struct {
		name string
		// exist are the ConfigMaps of the cluster; spec says whether the spec names one.
		exist []client.Object
		spec  bool
		// trusted is whether the service is trusted, refused whether the spec is refused.
		trusted, refused bool
	}{
		{"a CA that is not configured", nil, false, false, false},
		{"the cluster's bundle is empty", []client.Object{ofCluster(nil)}, false, false, false},
		{"the cluster's bundle has it", []client.Object{ofCluster(sim.CA().PEM())}, false, true, false},
		{"the spec's bundle has it", []client.Object{named(sim.CA().PEM())}, true, true, false},
		{"the cluster's bundle is used in addition to the spec's", []client.Object{ofCluster(sim.CA().PEM()), named(nil)}, true, true, false},
		{"the spec's bundle holds no certificate", []client.Object{ofCluster(sim.CA().PEM()), named([]byte("CANARY"))}, true, false, true},
		{"the spec names a bundle that is not there", []client.Object{ofCluster(sim.CA().PEM())}, true, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &Reconciler{Reader: fake.NewClientBuilder().WithObjects(tc.exist...).Build(), Options: Options{Namespace: "own"}}
			s := &scope{r: r, obj: &v1alpha1.PullSecretRotation{}, clients: &clients{}, log: logr.Discard()}
			if tc.spec {
				s.obj.Spec.OCM.CABundleConfigMapRef = &v1alpha1.LocalReference{Name: "named"}
			}
			roots, err := s.roots(t.Context())
			if (err != nil) != tc.refused || err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Fatalf("got %v, want refused %t", err, tc.refused)
			}
			if err == nil && trusts(sim, roots) != tc.trusted {
				t.Errorf("trusted is %t, want %t", !tc.trusted, tc.trusted)
			}
		})
	}
}

// trusts reports whether a client with these roots can talk to OCM.
func trusts(sim *simocm.Sim, roots *x509.CertPool) bool {
	c, err := tls.Dial("tcp", sim.API().Address(), &tls.Config{RootCAs: roots, ServerName: simocm.APIHost, MinVersion: tls.VersionTLS12})
	if err != nil {
		return false
	}
	return c.Close() == nil
}
