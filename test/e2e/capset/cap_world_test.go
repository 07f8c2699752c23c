package capset

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

const (
	setName = "aws"
	// machineRole is that of machine-api and of what belongs to its CredentialsRequests, platformRole that of the others.
	machineRole  = "machines"
	platformRole = "platform"
	// clientCertificate is the Secret of the certificate for CAP.
	clientCertificate = "cap-client"
)

// machineRequests are the CredentialsRequests that share machineRole; the other four share platformRole.
var machineRequests = []string{"openshift-machine-api-aws", "openshift-cluster-api-aws", "aws-ebs-csi-driver-operator"}

// capWorld is a cluster with CAP beside it.
type capWorld struct {
	*world
	cap *cap.Sim
	// key is that of the client certificate, PEM.
	key []byte
}

// newCAPWorld makes one: CAP's credentials live for the given time.
func newCAPWorld(t testing.TB, lifetime time.Duration) *capWorld {
	t.Helper()
	w := &capWorld{world: newWorld(t, harness.Cluster{})}
	sim, err := cap.New(cap.Options{
		Roles:    map[string]string{machineRole: "111111111111", platformRole: "222222222222"},
		Canary:   "cApCaNaRy",
		Settings: cap.Settings{Lifetime: simctl.Duration(lifetime)},
	})
	must(t, err)
	must(t, sim.Start())
	t.Cleanup(sim.Close)
	w.cap = sim
	w.certificate("operator")
	w.canaries = func() harness.Canaries {
		c := harness.Canaries{}
		for i, secret := range sim.IssuedSecrets() {
			c[fmt.Sprintf("secret %d that CAP issued", i)] = secret
		}
		// A line from its middle: the frame is in every key.
		c["the key of the client certificate"] = strings.Split(string(w.key), "\n")[1]
		return c
	}
	return w
}

// certificate puts a client certificate that CAP accepts into the operator's namespace.
func (w *capWorld) certificate(commonName string) {
	w.t.Helper()
	certPEM, keyPEM, err := w.cap.ClientCertificate(commonName)
	must(w.t, err)
	w.key = keyPEM
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": certPEM, "tls.key": keyPEM, "ca.crt": w.cap.CAPEM()})
}

// set is a CAPCredentialSet for the whole payload: seven requests that share two roles.
func (w *capWorld) set() *v1alpha1.CAPCredentialSet {
	query := w.cap.Query(cap.C2S, platformRole)
	set := &v1alpha1.CAPCredentialSet{
		ObjectMeta: metav1.ObjectMeta{Name: setName},
		Spec: v1alpha1.CAPCredentialSetSpec{
			Endpoint: v1alpha1.CAPEndpoint{
				URL: w.cap.Endpoint(cap.C2S), Dialect: v1alpha1.DialectC2S,
				Agency: query.Get("agency"), Mission: query.Get("mission"),
				ClientCertificateSecretRef: v1alpha1.LocalReference{Name: clientCertificate},
			},
			CredentialsRequests: v1alpha1.CredentialsRequestsSpec{DefaultRole: platformRole},
		},
	}
	for _, name := range machineRequests {
		set.Spec.CredentialsRequests.Roles = append(set.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: name, Role: machineRole})
	}
	return set
}

// create makes the set.
func (w *capWorld) create() {
	w.t.Helper()
	must(w.t, w.client.Create(w.t.Context(), w.set()))
}

// read reads the set.
func (w *capWorld) read(ctx context.Context) (*v1alpha1.CAPCredentialSet, error) {
	set := &v1alpha1.CAPCredentialSet{}
	return set, w.client.Get(ctx, client.ObjectKey{Name: setName}, set)
}

// eventuallyFresh waits until all Secrets are fresh.
func (w *capWorld) eventuallyFresh() {
	w.t.Helper()
	w.eventually("all seven credentials are fresh", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err == nil && set.Status.Credentials != "7/7" {
			err = fmt.Errorf("status.credentials is %q", set.Status.Credentials)
		}
		return err
	})
}

// contents are the data of the Secrets of a role, by namespace and name; those of both roles when it is empty.
func (w *capWorld) contents(role string) map[string]map[string][]byte {
	w.t.Helper()
	out := map[string]map[string][]byte{}
	for _, r := range harness.PayloadRequests() {
		if role == "" || roleOf(r.Name) == role {
			out[r.SecretNamespace+"/"+r.SecretName] = w.secret(r.SecretNamespace, r.SecretName).Data
		}
	}
	return out
}

func roleOf(request string) string {
	for _, name := range machineRequests {
		if name == request {
			return machineRole
		}
	}
	return platformRole
}

// secretWrites are the writes to Secrets outside the operator's own namespace.
func (w *capWorld) secretWrites() []string {
	var out []string
	for _, r := range w.api.Writes() {
		if r.Resource == "secrets" && r.Namespace != w.installation.Namespace {
			out = append(out, r.String())
		}
	}
	return out
}

// statusWrites are the writes to the status of the set.
func (w *capWorld) statusWrites() []string {
	var out []string
	for _, r := range w.api.Writes() {
		if r.Resource == "capcredentialsets" {
			out = append(out, r.String())
		}
	}
	return out
}
