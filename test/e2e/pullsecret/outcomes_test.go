package pullsecret

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// said is the last result of a registry.
func said(r *v1alpha1.PullSecretRotation, name string) v1alpha1.RegistryStatus {
	for _, s := range r.Status.Registries {
		if s.Registry == name {
			return s
		}
	}
	return v1alpha1.RegistryStatus{}
}

// user is the user name of OCM's current credential for a registry.
func (w *world) user(name string) string {
	w.t.Helper()
	pair, err := base64.StdEncoding.DecodeString(auth(w.ocm.PullSecret(w.account.ID), name))
	w.must(err)
	user, _, _ := strings.Cut(string(pair), ":")
	return user
}

func verification(list ...v1alpha1.RegistryVerification) func(*v1alpha1.PullSecretRotationSpec) {
	return func(s *v1alpha1.PullSecretRotationSpec) { s.Verification = list }
}

func TestEachRegistryIsVerifiedByTheBestAvailableProof(t *testing.T) {
	w := newWorld(t, living())
	w.create(rotation())
	w.start()
	r := w.waitFor("the rotation has ended", ended)
	for name, proof := range map[string]string{
		"quay.io":                     "serves quay.io/openshift-release-dev/ocp-release@sha256:", // the cluster's own release image
		"registry.redhat.io":          "serves registry.redhat.io/ubi8/ubi:latest",
		"registry.connect.redhat.com": "accepts the login",
		"cloud.openshift.com":         "the token is accepted", // by OCM, as the cluster's own
	} {
		if s := said(r, name); s.Result != "Accepted" || !strings.Contains(s.Message, proof) {
			t.Errorf("%s: %s, %q; want Accepted and %q", name, s.Result, s.Message, proof)
		}
	}
	if w.registry.Count(registry.RedHatConnect, registry.EndpointManifest) != 0 {
		t.Error("an unnamed image was requested from registry.connect.redhat.com")
	}
	for _, name := range registry.Hosts {
		if w.proxy.Count(name+":443") == 0 {
			t.Errorf("%s was not reached through the cluster's proxy", name)
		}
	}
}

// An unavailable registry is distinguished from a refusal: only the latter is evidence against the credential. In both cases the entry is
// not written, and the rotation continues once the fault is over. status.registries is about the credentials in use, so only the message
// reports the new ones.
func TestTheFailuresOfTheRegistriesAreDistinguished(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	// Only the registry of the case is reachable, because entries that others accept would be written.
	block := func(name string, on bool) { w.proxy.Block(name+":443", on) }
	for _, name := range registry.Hosts {
		block(name, true)
	}
	w.ocm.RunBatch()
	image := func(name string) {
		w.edit(func(r *v1alpha1.PullSecretRotation) {
			r.Spec.Verification = []v1alpha1.RegistryVerification{{Registry: registry.RedHatRegistry, Policy: v1alpha1.VerificationRequired, Image: name}}
		})
	}
	says := func(name, words, reasonWanted string) *v1alpha1.PullSecretRotation {
		return w.waitFor(fmt.Sprintf("%s %s (%s)", name, words, reasonWanted), func(r *v1alpha1.PullSecretRotation) bool {
			return reason(r) == reasonWanted && strings.Contains(r.Status.WaitingFor, name+" "+words)
		})
	}
	release := "openshift-release-dev/ocp-release"
	for _, c := range []struct {
		registry, words string
		refused         bool // evidence against the credential
		happen, end     func()
	}{
		{registry.Quay, "is rate limiting requests (429)", false, func() {
			w.registry.Break(registry.Fault{Registry: registry.Quay, Endpoint: registry.EndpointToken, Kind: registry.RateLimited})
		}, w.registry.Mend},
		{registry.RedHatRegistry, "cannot be reached: the server's certificate is signed by an unknown authority", false,
			func() { w.registry.Present(registry.RedHatRegistry, registry.OtherCA) },
			func() { w.registry.Present(registry.RedHatRegistry, registry.GoodCertificate) }},
		{registry.RedHatConnect, silence, false, func() { block(registry.RedHatConnect, true) }, func() {}},
		{registry.RedHatRegistry, "accepts the login and has no image", false, func() { image("registry.redhat.io/ubi8/ubi:no-such-tag") }, func() { image("registry.redhat.io/ubi8/ubi:latest") }},
		{registry.Quay, "accepts the login and refuses the pull of", true,
			func() { w.registry.DenyPull(registry.Quay, w.user("quay.io"), release, true) },
			func() { w.registry.DenyPull(registry.Quay, w.user("quay.io"), release, false) }},
		{registry.RedHatRegistry, "refuses the user name and password", true,
			func() { w.registry.Refuse(registry.RedHatRegistry, w.user("registry.redhat.io"), true) },
			func() { w.registry.Refuse(registry.RedHatRegistry, w.user("registry.redhat.io"), false) }},
	} {
		c.happen()
		block(c.registry, c.words == silence)
		want := v1alpha1.ReasonVerificationIncomplete
		if c.refused {
			want = v1alpha1.ReasonCredentialsRefused
		}
		if r := says(c.registry, c.words, want); !strings.Contains(r.Status.WaitingFor, "These entries have not been written") {
			t.Errorf("the message does not say that nothing was written: %s", r.Status.WaitingFor)
		}
		if !bytes.Equal(w.document(), w.before) {
			t.Fatalf("the pull secret was changed although %s %s", c.registry, c.words)
		}
		// The fault ends only when no request is under way, because otherwise the rotation would continue in between.
		block(c.registry, true)
		says(c.registry, silence, v1alpha1.ReasonVerificationIncomplete)
		c.end()
	}
	for _, name := range registry.Hosts {
		block(name, false)
	}
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.current()
}

// silence is the message about a registry that the proxy blocks.
const silence = "cannot be reached"

func TestThePolicyOfARegistryDecidesWhatAFailureMeans(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.proxy.Block("quay.io:443", true)
	w.create(rotation(verification(
		v1alpha1.RegistryVerification{Registry: registry.Quay, Policy: v1alpha1.VerificationBestEffort},
		v1alpha1.RegistryVerification{Registry: registry.RedHatConnect, Policy: v1alpha1.VerificationBestEffort},
		v1alpha1.RegistryVerification{Registry: registry.RedHatRegistry, Policy: v1alpha1.VerificationSkip},
	)))
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.registry.Break(registry.Fault{Registry: registry.RedHatConnect, Endpoint: registry.EndpointToken, Kind: registry.Unauthorized401})
	w.ocm.RunBatch()
	// BestEffort needs no response, but a refusal counts.
	r := w.waitForReason(v1alpha1.ReasonCredentialsRefused)
	if strings.Contains(r.Status.WaitingFor, "quay.io") {
		t.Errorf("an unreachable registry holds the rotation although its policy is BestEffort: %s", r.Status.WaitingFor)
	}
	w.registry.Mend()
	r = w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	for name, want := range map[string]string{registry.Quay: "Unreachable", registry.RedHatConnect: "Accepted", registry.RedHatRegistry: "Skipped"} {
		if got := said(r, name).Result; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if n := w.registry.Count(registry.RedHatRegistry, registry.EndpointAny); n != 0 {
		t.Errorf("%d requests to registry.redhat.io although its policy is Skip", n)
	}
	w.current()
}

func TestNewCredentialsMayNeedTimeToPropagate(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.config.Args = append(w.config.Args, "--pull-secret-verify-deadline=1h")
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.registry.Spread(registry.Quay, 1000, 0)
	w.registry.ResetCounts()
	w.ocm.RunBatch()
	r := w.waitForReason(v1alpha1.ReasonVerifying)
	if !strings.Contains(r.Status.WaitingFor, "need time to propagate") {
		t.Errorf("the message does not say why it waits: %s", r.Status.WaitingFor)
	}
	w.registry.Spread(registry.Quay, 0, 0)
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	accepted := ""
	for _, l := range w.registry.Logins(registry.Quay) {
		accepted += map[bool]string{true: "yes ", false: "no "}[l.Accepted]
	}
	if !regexp.MustCompile(`^(no )+yes `).MatchString(accepted) {
		t.Errorf("quay.io's results are %s, want refusals and then yes", accepted)
	}
	list := &eventsv1.EventList{}
	w.must(cp.Client.List(context.Background(), list))
	for _, e := range list.Items {
		if e.Reason == v1alpha1.ReasonCredentialsRefused {
			t.Error("refusals within the propagation time were counted as a refusal")
		}
	}
}
