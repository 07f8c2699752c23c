package capset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
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

// capWorld is a cluster with CAP.
type capWorld struct {
	*world
	cap *cap.Sim
	// key is that of the client certificate, PEM.
	key []byte
	// more are canaries in addition to CAP's credentials and the key.
	more harness.Canaries
}

// sub is the same world for a subtest.
func (w *capWorld) sub(t testing.TB) *capWorld {
	other, inner := *w, *w.world
	inner.t, other.world = t, &inner
	return &other
}

// newCAPWorld creates one whose CAP issues credentials with the given lifetime.
func newCAPWorld(t testing.TB, lifetime time.Duration, change ...func(*cap.Options)) *capWorld {
	t.Helper()
	w := &capWorld{world: newWorld(t, harness.Cluster{})}
	options := cap.Options{
		Roles:    map[string]string{machineRole: "111111111111", platformRole: "222222222222"},
		Canary:   "cApCaNaRy",
		Settings: cap.Settings{Lifetime: simctl.Duration(lifetime)},
	}
	for _, f := range change {
		f(&options)
	}
	sim, err := cap.New(options)
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
		// A line from its middle, because the first and last are the same in every key.
		c["the key of the client certificate"] = strings.Split(string(w.key), "\n")[1]
		maps.Copy(c, w.more)
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
			CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{DefaultRole: platformRole},
		},
	}
	for _, name := range machineRequests {
		set.Spec.CredentialsRequests.Roles = append(set.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: name, Role: machineRole})
	}
	return set
}

// create makes the set.
func (w *capWorld) create(change ...func(*v1alpha1.CAPCredentialSet)) {
	w.t.Helper()
	set := w.set()
	for _, f := range change {
		f(set)
	}
	must(w.t, w.client.Create(w.t.Context(), set))
}

// edit changes the set as a user.
func (w *capWorld) edit(change func(*v1alpha1.CAPCredentialSet)) {
	w.t.Helper()
	w.eventually("the set is edited", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		change(set)
		return w.client.Update(ctx, set)
	})
}

// read reads the set.
func (w *capWorld) read(ctx context.Context) (*v1alpha1.CAPCredentialSet, error) {
	set := &v1alpha1.CAPCredentialSet{}
	return set, w.client.Get(ctx, client.ObjectKey{Name: setName}, set)
}

// eventuallyFresh waits until all Secrets of the payload are fresh.
func (w *capWorld) eventuallyFresh() {
	w.t.Helper()
	w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
}

// eventuallyReady waits until the set has this status for its current spec, and returns it.
func (w *capWorld) eventuallyReady(reason, credentials string) *v1alpha1.CAPCredentialSet {
	w.t.Helper()
	var set *v1alpha1.CAPCredentialSet
	w.eventually(reason+" "+credentials, func(ctx context.Context) (err error) {
		if set, err = w.read(ctx); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case ready == nil || set.Status.ObservedGeneration != set.Generation:
			return errors.New("the set has not been reconciled")
		case ready.Reason != reason || set.Status.Credentials != credentials:
			return fmt.Errorf("it is %s %s: %s", ready.Reason, set.Status.Credentials, ready.Message)
		}
		return nil
	})
	return set
}

// eventuallyRow waits until a Secret has this result in the status, and returns its row.
func (w *capWorld) eventuallyRow(namespace, name, result string) v1alpha1.CredentialTargetStatus {
	w.t.Helper()
	var row v1alpha1.CredentialTargetStatus
	w.eventually(namespace+"/"+name+" is "+result, func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		if row = rowOf(set, namespace, name); row.Result != result {
			return fmt.Errorf("it is %q: %s", row.Result, row.Message)
		}
		return nil
	})
	return row
}

// eventuallyCondition waits until a condition of the set has the reason and its message all parts, and returns it.
func (w *capWorld) eventuallyCondition(condition, reason string, parts ...string) metav1.Condition {
	w.t.Helper()
	var got metav1.Condition
	w.eventually(condition+" is "+reason, func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(set.Status.Conditions, condition)
		if c == nil || c.Reason != reason {
			return fmt.Errorf("it is %v", c)
		}
		got = *c
		return missing(c.Message, parts...)
	})
	return got
}

// rowOf is the row of a Secret; empty when there is none.
func rowOf(set *v1alpha1.CAPCredentialSet, namespace, name string) v1alpha1.CredentialTargetStatus {
	for _, row := range set.Status.Targets {
		if row.Namespace == namespace && row.Name == name {
			return row
		}
	}
	return v1alpha1.CredentialTargetStatus{}
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

// secretWrites are the writes of Secrets outside the operator's own namespace.
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

// requestRefresh requests a refresh of everything older than the next full second by the annotation, and returns that
// second: everything until now is older.
func (w *capWorld) requestRefresh() time.Time {
	w.t.Helper()
	requested := time.Now().Truncate(time.Second).Add(time.Second)
	w.edit(func(s *v1alpha1.CAPCredentialSet) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, requested.UTC().Format(time.RFC3339))
	})
	return requested
}

// eventuallyRefreshed waits until all Secrets have been refreshed since a time.
func (w *capWorld) eventuallyRefreshed(since time.Time) {
	w.t.Helper()
	w.eventually("everything is refreshed", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		for _, row := range set.Status.Targets {
			if row.Result != v1alpha1.ReasonFresh || row.RefreshedAt == nil || row.RefreshedAt.Time.Before(since) {
				return fmt.Errorf("%s/%s is %s, refreshed at %s", row.Namespace, row.Name, row.Result, row.RefreshedAt)
			}
		}
		return nil
	})
}

// subjectIs waits for a client certificate in the status.
func (w *capWorld) subjectIs(subject string) func(context.Context) error {
	return func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		if c := set.Status.ClientCertificate; c == nil || c.Subject != subject {
			return fmt.Errorf("status.clientCertificate is %+v", c)
		}
		return nil
	}
}

// sameContents compares without showing anything.
func sameContents(a, b map[string]map[string][]byte) bool { return reflect.DeepEqual(a, b) }

// wantCalls checks the number of requests to CAP for each role.
func wantCalls(counts cap.Counts, machines, platform int) error {
	if counts.ByRole[machineRole] != machines || counts.ByRole[platformRole] != platform {
		return fmt.Errorf("%v requests to CAP, want %d and %d", counts.ByRole, machines, platform)
	}
	return nil
}
