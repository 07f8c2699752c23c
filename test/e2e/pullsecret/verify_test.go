package pullsecret

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

func TestNewCredentialsThatARegistryRefusesAreNotWritten(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.registry.Break(registry.Fault{Registry: registry.RedHatRegistry, Endpoint: registry.EndpointToken, Kind: registry.Unauthorized401})
	w.ocm.RunBatch()
	r := w.waitForReason(v1alpha1.ReasonCredentialsRefused)
	// An entry is written when its registry accepts it. The token for OCM comes last: telemetry with it tells OCM that this cluster has switched.
	for name, written := range map[string]bool{"quay.io": true, "registry.connect.redhat.com": true, "registry.redhat.io": false, "cloud.openshift.com": false} {
		if now := auth(w.document(), name); written != (now != auth(w.before, name)) {
			t.Errorf("the entry for %s was written: %t, want %t", name, !written, written)
		}
	}
	message := conditionsOf(r)
	for _, part := range []string{"registry.redhat.io", "These entries have not been written"} {
		if !strings.Contains(message, part) {
			t.Errorf("the condition does not say %q: %s", part, message)
		}
	}
	// The rotation continues once the registry accepts them.
	w.registry.Mend()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.current()
}

// odd is an unusual pull secret: mirrors, a namespaced key, unknown fields at every level, unsorted keys, white space,
// numbers beyond float64.
func odd(issued []byte) []byte {
	var d struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if err := json.Unmarshal(issued, &d); err != nil {
		panic(err)
	}
	one := func(name string) string {
		var e map[string]string
		if err := json.Unmarshal(d.Auths[name], &e); err != nil {
			panic(err)
		}
		return fmt.Sprintf(`{ "email":%q,"note": {"n": 12345678901234567890.10, "u": "\u00e4"},  "auth"  : %q }`, e["email"], e["auth"])
	}
	return []byte(`{"credHelpers": {"ecr.example.com":"ecr-login"},
  "auths" : {
	"zz-mirror.example.com:5000": {"auth":"bWlycm9yOnNlY3JldC1vZi10aGUtbWlycm9y"},
	"registry.redhat.io": ` + one("registry.redhat.io") + `,
	"quay.io/my-org": {"auth":"bXktb3JnK3JvYm90OnNlY3JldC1vZi1teS1vcmc=", "email":""},
	"quay.io": ` + one("quay.io") + `, "cloud.openshift.com":` + one("cloud.openshift.com") + `
  ,"https://index.docker.io/v1/":{"auth":"ZG9ja2VyOnNlY3JldC1vZi1kb2NrZXI="}},
 "x-unknown": [1, 2 ,3]}
`)
}

func TestOnlyTheAccountsEntriesChangeByteForByte(t *testing.T) {
	s := living()
	s.document = odd
	w := newWorld(t, s)
	w.create(rotation())
	w.start()
	w.waitFor("the rotation has ended", ended)

	// The expected document is the old one with only the account's auths replaced.
	want := string(w.before)
	issued := w.ocm.PullSecret(w.account.ID)
	for _, name := range []string{"registry.redhat.io", "quay.io", "cloud.openshift.com"} {
		want = strings.ReplaceAll(want, fmt.Sprintf("%q", auth(w.before, name)), fmt.Sprintf("%q", auth(issued, name)))
	}
	if got := string(w.document()); got != want {
		// Never print the documents, although they are only a simulator's secrets.
		t.Errorf("the document differs from the old one in more than the account's auths, first at byte %d of %d", firstDifference(got, want), len(want))
	}
	if auth(w.document(), "registry.connect.redhat.com") != "" {
		t.Error("an entry was added that was absent before")
	}
}

func firstDifference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestNoCredentialLeaks(t *testing.T) {
	w := newWorld(t, living())
	w.ocm.Break(ocm.Fault{Endpoint: ocm.OpAccessToken, Kind: ocm.HTML502, Times: 1})
	w.ocm.Break(ocm.Fault{Endpoint: ocm.OpListRotations, Kind: ocm.Error500, Times: 1})
	w.registry.Break(registry.Fault{Endpoint: registry.EndpointToken, Kind: registry.Unauthorized401, Times: 2})
	w.create(rotation())
	p := w.start()
	w.waitFor("the rotation has ended", ended)

	canaries := harness.Canaries{}
	for i, c := range append(w.ocm.Canaries(), w.registry.Canaries()...) {
		if len(c) >= 12 {
			canaries[fmt.Sprintf("secret %d", i)] = c
		}
	}
	if len(canaries) < 8 {
		t.Fatalf("only %d canaries, the test would prove little", len(canaries))
	}
	metrics, err := p.Metrics(t.Context())
	w.must(err)
	log, err := p.Logs()
	w.must(err)
	found, err := canaries.Scan(t.Context(), cp.Client, map[string]string{"the log at its most verbose level": string(log), "the metrics": metrics})
	w.must(err)
	for _, f := range found {
		t.Error(f)
	}
	if !strings.Contains(metrics, "credential_rotation_ocm_requests_total") {
		t.Error("the metrics do not count the requests to OCM")
	}
}
