package capset

// STS verifies a credential before it is written, at the cluster's own endpoint and with its trust.

import (
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

// partition moves CAP's keys to another partition of AWS, because the simulated portals have only two.
type partition struct {
	*cap.Sim
	name string
}

func (p partition) Lookup(accessKeyID string) (secret, token, roleARN string, expires time.Time, ok bool) {
	secret, token, roleARN, expires, ok = p.Sim.Lookup(accessKeyID)
	parts := strings.SplitN(roleARN, ":", 3)
	if ok {
		parts[1] = p.name
	}
	return secret, token, strings.Join(parts, ":"), expires, ok
}

// aws starts a region's STS with its own CA. It accepts CAP's keys, and no signature for another region.
func (w *capWorld) aws(region, partitionName string, hosts ...string) *sts.Sim {
	w.t.Helper()
	sim, err := sts.New(sts.Options{Keys: partition{w.cap, partitionName}, Clock: w.cap.Clock(), Region: region, Hosts: hosts})
	must(w.t, err)
	must(w.t, sim.Start())
	w.t.Cleanup(sim.Close)
	return sim
}

// awsCA creates the CA of the AWS API where a C2S installation has it.
func (w *capWorld) awsCA(bundle []byte) {
	w.t.Helper()
	must(w.t, harness.Ensure(w.t.Context(), w.client, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "kube-cloud-config"},
		Data:       map[string]string{"ca-bundle.pem": string(bundle), "cloud.conf": "[Global]\n"},
	}))
}

// serviceEndpoint gives the cluster a custom endpoint.
func (w *capWorld) serviceEndpoint(name, url string) {
	w.t.Helper()
	infrastructure := &configv1.Infrastructure{}
	must(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Name: "cluster"}, infrastructure))
	aws := infrastructure.Status.PlatformStatus.AWS
	aws.ServiceEndpoints = append(aws.ServiceEndpoints, configv1.AWSServiceEndpoint{Name: name, URL: url})
	must(w.t, w.client.Status().Update(w.t.Context(), infrastructure))
}

func verify(policy v1alpha1.STSPolicy) func(*v1alpha1.CAPCredentialSet) {
	return func(s *v1alpha1.CAPCredentialSet) { s.Spec.Verification.STS = policy }
}

func TestSTS_RefusedIsNotWrittenAndUnreachableIsUnknown(t *testing.T) {
	for _, policy := range []v1alpha1.STSPolicy{v1alpha1.STSOff, v1alpha1.STSBestEffort, v1alpha1.STSRequired} {
		t.Run(string(policy), func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			aws := w.aws("us-iso-east-1", "aws-iso") // the cluster's region
			w.awsCA(aws.CAPEM())
			w.serviceEndpoint("sts", aws.URL()) // the spec names neither endpoint nor region nor CA
			w.start()
			w.create(verify(policy))
			w.eventuallyFresh()
			if n := aws.Counts().ByOutcome["ok"]; policy == v1alpha1.STSOff && n != 0 || policy != v1alpha1.STSOff && n != 2 {
				t.Errorf("%d requests to STS for two credentials", n)
			}

			before := w.contents(machineRole)
			must(t, w.cap.Break(cap.Fault{Kind: cap.FaultDeadKeys, Role: machineRole}))
			requested := w.requestRefresh()
			if policy == v1alpha1.STSOff {
				w.eventuallyRefreshed(requested)
				return
			}
			row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonCredentialRefused)
			if err := missing(row.Message, "InvalidClientTokenId", "Nothing was written", "spec.verification"); err != nil {
				t.Error(err)
			}
			if !sameContents(before, w.contents(machineRole)) {
				t.Error("a credential that STS refuses replaced a working one")
			}
			w.cap.Heal()
			w.eventuallyRefreshed(w.requestRefresh())

			before = w.contents(machineRole)
			aws.Stop()
			requested = w.requestRefresh()
			if policy == v1alpha1.STSBestEffort {
				w.eventuallyRefreshed(requested)
				return
			}
			row = w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonSTSUnavailable)
			if err := missing(row.Message, "cannot be reached", "Required"); err != nil {
				t.Error(err)
			}
			if !sameContents(before, w.contents(machineRole)) {
				t.Error("a credential was written without the required check by STS")
			}
			must(t, aws.Start())
			w.eventuallyRefreshed(w.requestRefresh())
		})
	}
}

// The operator has the name of STS in each partition; no request goes to amazonaws.com.
func TestSTS_IsReachedByItsNameInEachPartition(t *testing.T) {
	for region, aws := range map[string]struct{ partition, host string }{
		"us-iso-east-1":   {"aws-iso", "sts.us-iso-east-1.c2s.ic.gov"},
		"us-isob-east-1":  {"aws-iso-b", "sts.us-isob-east-1.sc2s.sgov.gov"},
		"us-isof-south-1": {"aws-iso-f", "sts.us-isof-south-1.csp.hci.ic.gov"},
	} {
		t.Run(region, func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			service := w.aws(region, aws.partition, aws.host)
			w.awsCA(service.CAPEM())
			site := proxy.New(map[string]string{aws.host + ":443": strings.TrimPrefix(service.URL(), "https://")})
			must(t, site.Start())
			t.Cleanup(site.Close)
			w.config.Env = append(w.config.Env, "HTTPS_PROXY="+site.URL())
			w.start()
			w.create(verify(v1alpha1.STSRequired), func(s *v1alpha1.CAPCredentialSet) { s.Spec.Verification.Region = region })
			w.eventuallyFresh()
			if n := service.Counts().ByOutcome["ok"]; n != 2 || site.Count(aws.host+":443") == 0 {
				t.Errorf("STS accepted %d credentials, with %d tunnels to its name", n, site.Count(aws.host+":443"))
			}
		})
	}
}

// An endpoint in the spec takes precedence; an unknown region needs one, and without it no request is sent.
func TestSTS_AnUnknownRegionNeedsAnEndpoint(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	aws := w.aws("us-isog-east-1", "aws")
	w.awsCA(aws.CAPEM())
	w.start()
	w.create(verify(v1alpha1.STSRequired), func(s *v1alpha1.CAPCredentialSet) { s.Spec.Verification.Region = "us-isog-east-1" })
	row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonSTSUnavailable)
	if err := missing(row.Message, "us-isog-east-1", "endpoint must be given"); err != nil {
		t.Error(err)
	}
	w.edit(func(s *v1alpha1.CAPCredentialSet) { s.Spec.Verification.Endpoint = aws.URL() })
	w.eventuallyFresh()

	set := w.set()
	set.Name, set.Spec.Verification.Endpoint = "other", "http://sts.example"
	if err := w.client.Create(t.Context(), set); err == nil {
		t.Error("an endpoint without TLS is accepted: it would get session tokens")
	}
}
