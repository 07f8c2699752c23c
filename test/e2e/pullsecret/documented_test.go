package pullsecret

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// The spec of the documentation's example is applied to a cluster that has rotated before; the status must then match the page.
func TestTheStatusInTheDocumentationIsThatOfACluster(t *testing.T) {
	example, err := harness.DocumentedExample("pullsecretrotation.md", "PullSecretRotation")
	if err != nil {
		t.Fatal(err)
	}
	s := threeClusters
	s.document = func(issued []byte) []byte {
		return []byte(strings.Replace(string(issued), `{"auths":{`, `{"auths":{"mirror.example.com:5000":{"auth":"`+basic("mirror")+`"},`, 1))
	}
	w := newWorld(t, s)
	first := &v1alpha1.PullSecretRotation{}
	raw, err := json.Marshal(example)
	w.must(err)
	w.must(json.Unmarshal(raw, first))
	first.Spec.OCM = rotation().Spec.OCM
	first.Name = name
	w.create(first)
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.days(2)
	w.waitFor("the first rotation has ended", ended)

	second := w.get()
	patch := client.MergeFrom(second.DeepCopy())
	second.Spec.RotateAfter = &metav1.Time{Time: time.Now()}
	w.must(cp.Client.Patch(t.Context(), second, patch))
	r := w.waitForReason(v1alpha1.ReasonAwaitingIssue)

	var live map[string]any
	raw, err = json.Marshal(r)
	w.must(err)
	w.must(json.Unmarshal(raw, &live))
	problems := harness.NotExcerpt(example["status"], live["status"], map[string]string{w.account.Username: "platform-team"})
	if len(problems) > 0 {
		is, err := yaml.Marshal(live["status"])
		w.must(err)
		t.Errorf("docs/pullsecretrotation.md differs from the cluster:\n%s\nthe cluster has:\n%s", strings.Join(problems, "\n"), is)
	}
}
