package pullsecret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// entryOf is one entry of an issued document, optionally with more fields.
func entryOf(issued []byte, registry, more string) string {
	e := issuedEntry(issued, registry)
	return fmt.Sprintf(`%q:{"auth":%q,"email":%q%s}`, registry, e.Auth, e.Email, more)
}

func basic(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + ocm.Canary + "-of-the-customer"))
}

// lived is a pull secret after some years of use in a customer's cluster.
func lived(issued []byte) []byte {
	return []byte(`{"credsStore":"secretservice","credHelpers":{"public.ecr.aws":"ecr-login"},"auths":{` + strings.Join([]string{
		entryOf(issued, "quay.io", ""),
		// The customer's own registry service account, which the account did not issue.
		fmt.Sprintf(`"registry.redhat.io":{"auth":%q}`, basic("12345678|customer")),
		// A token beside user name and password takes precedence.
		entryOf(issued, "registry.connect.redhat.com", `,"identitytoken":"CANARY-identity-token"`),
		fmt.Sprintf(`"123456789012.dkr.ecr.us-east-1.amazonaws.com":{"auth":%q,"email":""}`, basic("AWS")),
		`"customer.azurecr.io":{"username":"00000000-0000-0000-0000-000000000000","password":"CANARY-of-acr"}`,
		fmt.Sprintf(`"arosvc.azurecr.io":{"auth":%q}`, basic("arosvc")),
		fmt.Sprintf(`"https://index.docker.io/v1/":{"auth":%q}`, basic("docker")),
		fmt.Sprintf(`"quay.io/customer":{"auth":%q}`, basic("customer+robot")),
	}, ",") + `},"HttpHeaders":{"X-Meta":"1"}}`)
}

// yearsOld is a cluster with such a pull secret. It has opted out of telemetry, so OCM ends a rotation when its transfer
// expires.
func yearsOld() settings {
	s := living()
	s.document, s.ocm.TransferLife = lived, 24*time.Hour
	return s
}

func actions(r *v1alpha1.PullSecretRotation) string {
	var list []string
	for _, t := range r.Status.Targets {
		for _, e := range t.Entries {
			list = append(list, e.Registry+" "+e.Action)
		}
	}
	return strings.Join(list, ", ")
}

func TestForeignEntriesAreKept(t *testing.T) {
	s := yearsOld()
	w := newWorld(t, s)
	w.create(rotation())
	w.start()
	r := w.waitFor("the rotation has ended", ended)

	// The document is unchanged except for the one entry.
	want := strings.Replace(string(w.before), entryOf(w.before, "quay.io", ""), entryOf(w.ocm.PullSecret(w.account.ID), "quay.io", ""), 1)
	if got := string(w.document()); got != want {
		t.Errorf("more than the quay.io entry has changed, first at byte %d of %d", firstDifference(got, want), len(want))
	}
	const wantActions = "quay.io Replaced, registry.redhat.io KeptForeign, registry.connect.redhat.com KeptForeign, " +
		"123456789012.dkr.ecr.us-east-1.amazonaws.com KeptForeign, customer.azurecr.io KeptForeign, arosvc.azurecr.io KeptForeign, " +
		"https://index.docker.io/v1/ KeptForeign, quay.io/customer KeptForeign, cloud.openshift.com KeptAbsent"
	if got := actions(r); got != wantActions {
		t.Errorf("the entries became\n%s, want\n%s", got, wantActions)
	}
	if n := w.secretWrites(); n != 1 {
		t.Errorf("the Secret was written %d times, want once", n)
	}
}

func TestTheSpecCanReplaceForeignEntriesAndAddMissingOnes(t *testing.T) {
	s := yearsOld()
	w := newWorld(t, s)
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Entries = v1alpha1.EntriesSpec{Foreign: v1alpha1.ForeignReplace, AddMissing: []string{"cloud.openshift.com", "registry.example.com"}}
	}))
	w.start()
	r := w.waitFor("the rotation has ended", ended)
	issued := w.ocm.PullSecret(w.account.ID)
	for _, registry := range []string{"quay.io", "registry.redhat.io", "cloud.openshift.com"} {
		if auth(w.document(), registry) != auth(issued, registry) {
			t.Errorf("the entry for %s is not the account's", registry)
		}
	}
	// But a token takes precedence over user name and password, and entries of other registries are never replaced.
	for _, registry := range []string{"registry.connect.redhat.com", "arosvc.azurecr.io", "https://index.docker.io/v1/", "quay.io/customer"} {
		if auth(w.document(), registry) != auth(w.before, registry) {
			t.Errorf("the entry for %s was changed", registry)
		}
	}
	if got := actions(r); !strings.HasSuffix(got, "cloud.openshift.com Added, registry.example.com KeptAbsent") {
		t.Errorf("the entries became %s, want cloud.openshift.com added and registry.example.com, which OCM does not issue, left absent", got)
	}
	var top map[string]json.RawMessage
	w.must(json.Unmarshal(w.document(), &top))
	if string(top["credHelpers"]) != `{"public.ecr.aws":"ecr-login"}` || string(top["HttpHeaders"]) != `{"X-Meta":"1"}` || string(top["credsStore"]) != `"secretservice"` {
		t.Error("fields beside auths were changed")
	}
}

// A document with the same content in another order and white space is not written, because a write would roll out a new
// configuration to every machine.
func TestAnEquivalentDocumentIsNotWritten(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.Suspend = true })
	w.waitUntilSuspended()
	w.ocm.RunBatch()
	theirs := odd(w.ocm.PullSecret(w.account.ID))
	w.put("insights-operator", theirs)
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.Suspend = false })
	r := w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	if got := result(r, own); got != v1alpha1.ReasonAlreadyCurrent {
		t.Errorf("the target's result is %s, want %s", got, v1alpha1.ReasonAlreadyCurrent)
	}
	if n := w.secretWrites(); n != 0 || string(w.document()) != string(theirs) {
		t.Errorf("the Secret was written %d times although its content was right", n)
	}
}
