package capset

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// In a cluster in which CAP forbids one of the roles, the status must match the documentation's example.
func TestTheStatusInTheDocumentationIsThatOfACluster(t *testing.T) {
	const registryRole = "OpenShiftRegistry"
	example, err := harness.DocumentedExample("capcredentialset.md", "CAPCredentialSet")
	must(t, err)
	w := newCAPWorld(t, time.Hour, func(o *cap.Options) {
		maps.Copy(o.Roles, map[string]string{"OpenShiftOperators": "333333333333", "OpenShiftMachineAPI": "444444444444", registryRole: "555555555555"})
	})
	w.certificate("openshift")
	w.start()
	w.create(func(set *v1alpha1.CAPCredentialSet) {
		shown := &v1alpha1.CAPCredentialSet{}
		raw, err := json.Marshal(example)
		must(t, err)
		must(t, json.Unmarshal(raw, shown))
		set.Spec.CredentialsRequests = shown.Spec.CredentialsRequests
	})
	w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	must(t, w.cap.Break(cap.Fault{Kind: cap.FaultForbidden, Role: registryRole}))
	w.requestRefresh()
	set := w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "6/7")

	var live map[string]any
	raw, err := json.Marshal(set)
	must(t, err)
	must(t, json.Unmarshal(raw, &live))
	if problems := harness.NotExcerpt(example["status"], live["status"], nil); len(problems) > 0 {
		is, err := yaml.Marshal(live["status"])
		must(t, err)
		t.Errorf("docs/capcredentialset.md differs from the cluster:\n%s\nthe cluster has:\n%s", strings.Join(problems, "\n"), is)
	}
}
