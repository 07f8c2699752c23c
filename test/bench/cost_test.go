package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

const (
	manySecrets = 1000
	manyRoles   = 100
	// statusLimit is the maximum size of a status, in bytes of JSON.
	statusLimit = 256 << 10
)

// namesPerNamespace are names that the shipped rights cover in every namespace.
var namesPerNamespace = []string{
	"cloud-credential-operator-iam-ro-creds", "ebs-cloud-credentials", "installer-cloud-credentials", "cloud-credentials",
	"aws-cloud-credentials", "capa-manager-bootstrap-credentials", "aws-efs-cloud-credentials", "node-aws-efs-cloud-credentials",
}

// A thousand Secrets that share a hundred roles: a refresh is a hundred requests to CAP, a thousand writes of Secrets and one of the
// status per round. Between refreshes nothing is written or requested, and no other Secret is read.
func TestCosts_AThousandSecretsOfAHundredRoles(t *testing.T) {
	roles := make([]string, manyRoles)
	for i := range roles {
		roles[i] = fmt.Sprintf("role-%02d", i)
	}
	w := newWorld(t, startControlPlane(t), roles...)
	w.createRequests(roles)
	// A short interval makes the test quick, and reconciles without a refresh cost nothing.
	w.start("--cap-max-sleep=250ms")
	must(t, w.cp.Client.Create(t.Context(), w.set))
	w.eventuallyFresh(manySecrets)
	w.wantRefresh("the first refresh")
	// One watch for each name, and one for the client certificate.
	if reads := w.forget(); reads != len(namesPerNamespace)+1 {
		t.Errorf("%d lists and watches of Secrets, want %d", reads, len(namesPerNamespace)+1)
	}

	w.requestRefresh()
	w.eventuallyWritten()
	w.eventuallyFresh(manySecrets)
	w.wantRefresh("a refresh of everything")
	w.forget()

	w.wantSilence()
	w.forget()

	must(t, w.cap.Break(cap.Fault{Kind: cap.FaultHTML}))
	w.requestRefresh()
	w.eventuallyFresh0()
	w.wantStatusSize()
	if n := len(w.secretWrites()); n != 0 {
		t.Errorf("%d Secrets were written while CAP issued no credential", n)
	}
	w.forget()
}

// createRequests replaces the payload's CredentialsRequests, and sets the role of each.
func (w *world) createRequests(roles []string) {
	w.t.Helper()
	ctx := w.t.Context()
	for _, r := range harness.PayloadRequests() {
		must(w.t, w.cp.Client.Delete(ctx, r.Object()))
	}
	namespace := func(i int) string { return fmt.Sprintf("component-%03d", i/len(namesPerNamespace)) }
	inParallel(w.t, manySecrets/len(namesPerNamespace), func(i int) error {
		return harness.CreateNamespace(ctx, w.cp.Client, namespace(i*len(namesPerNamespace)))
	})
	inParallel(w.t, manySecrets, func(i int) error {
		return w.cp.Client.Create(ctx, harness.CredentialsRequest(requestName(i), namespace(i), namesPerNamespace[i%len(namesPerNamespace)],
			map[string]any{"apiVersion": "cloudcredential.openshift.io/v1", "kind": "AWSProviderSpec"}))
	})
	for i := range manySecrets {
		w.set.Spec.CredentialsRequests.Roles = append(w.set.Spec.CredentialsRequests.Roles,
			v1alpha1.RequestRole{Name: requestName(i), Role: roles[i%len(roles)]})
	}
}

func requestName(i int) string { return fmt.Sprintf("request-%04d", i) }

// secretWrites counts the writes of target Secrets by Secret.
func (w *world) secretWrites() map[string]int {
	writes := map[string]int{}
	for _, r := range w.api.Writes() {
		if r.Resource == "secrets" && r.Namespace != w.installation.Namespace {
			writes[r.String()]++
		}
	}
	return writes
}

// wantRefresh checks the cost of a refresh of everything since the last count.
func (w *world) wantRefresh(what string) {
	w.t.Helper()
	calls := w.cap.Counts()
	if calls.Requests != manyRoles || len(calls.ByRole) != manyRoles {
		w.t.Errorf("%s: %d requests to CAP for %d roles, want one for each of %d", what, calls.Requests, len(calls.ByRole), manyRoles)
	}
	writes := w.secretWrites()
	for text, n := range writes {
		if n != 1 {
			w.t.Errorf("%s: %q happened %d times", what, text, n)
		}
	}
	if len(writes) != manySecrets {
		w.t.Errorf("%s: %d Secrets were written, want %d", what, len(writes), manySecrets)
	}
	rounds, err := w.rounds(w.t.Context())
	must(w.t, err)
	patches := 0
	for _, r := range w.api.Writes() {
		switch {
		case r.Resource == "secrets" && r.Verb == "patch" && r.Namespace != w.installation.Namespace:
		case r.Resource == "secrets" && r.Verb == "create" && r.Namespace == w.installation.Namespace: // the key of the content hash, once
		case r.Resource == "capcredentialsets" && r.Subresource == "status":
			patches++
		default:
			w.t.Errorf("%s: an unexpected write: %s", what, r)
		}
	}
	// A round that is under way is not counted yet.
	if patches < 1 || float64(patches) > rounds+1 {
		w.t.Errorf("%s: %d writes of the status in %v rounds, want at most one per round", what, patches, rounds)
	}
	// A refresh takes a few rounds, more on a slow machine, but not one per Secret or role.
	if patches > manyRoles/4 {
		w.t.Errorf("%s: %d writes of the status", what, patches)
	}
	w.t.Logf("%s: %d requests to CAP, %d Secrets written, %d writes of the status", what, calls.Requests, len(writes), patches)
	w.wantStatusSize()
	w.cap.ResetCounts()
}

// wantStatusSize checks the size of the status.
func (w *world) wantStatusSize() {
	w.t.Helper()
	set, err := w.read(w.t.Context())
	must(w.t, err)
	text, err := json.Marshal(set.Status)
	must(w.t, err)
	if len(text) >= statusLimit {
		w.t.Errorf("the status has %d bytes, want less than %d", len(text), statusLimit)
	}
	if listed := len(set.Status.Targets) + int(set.Status.TargetsNotListed); listed != manySecrets {
		w.t.Errorf("the status lists and counts %d Secrets, want %d", listed, manySecrets)
	}
	w.t.Logf("the status has %d bytes and %d rows", len(text), len(set.Status.Targets))
}

// wantSilence waits for five more reconciles, and checks that they had no effect.
func (w *world) wantSilence() {
	w.t.Helper()
	before, err := w.rounds(w.t.Context())
	must(w.t, err)
	w.eventually("the set has been reconciled several times", func(ctx context.Context) error {
		now, err := w.rounds(ctx)
		if err == nil && now < before+5 {
			err = fmt.Errorf("%v rounds", now-before)
		}
		return err
	})
	if n := w.cap.Counts().Requests; n != 0 {
		w.t.Errorf("%d requests to CAP while nothing was due", n)
	}
	for _, r := range w.api.Requests(nil) {
		missing := r.Resource == "apiservers" // a kind that this control plane does not have is looked for about once a minute
		if r.Verb != "watch" && !missing && !r.IsBookkeeping() {
			w.t.Errorf("%s, while nothing was due", r)
		}
	}
}

// requestRefresh requests a refresh of everything. Times in annotations have whole seconds, so it waits for the next one: everything until now is older.
func (w *world) requestRefresh() {
	w.t.Helper()
	called := time.Now()
	w.eventually("a refresh is requested", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		now := time.Now().Truncate(time.Second)
		if !now.After(called) {
			return errors.New("a Secret may have been refreshed within this second")
		}
		if written := len(w.secretWrites()); written > 0 {
			return fmt.Errorf("%d writes came after the count", written)
		}
		patch := client.MergeFrom(set.DeepCopy())
		set.Annotations = map[string]string{v1alpha1.RefreshRequestedAnnotation: now.UTC().Format(time.RFC3339)}
		return w.cp.Client.Patch(ctx, set, patch)
	})
}

// eventuallyWritten waits until all Secrets have been written since the last count, and that has been reported: the status was fresh before too.
func (w *world) eventuallyWritten() {
	w.t.Helper()
	w.eventually("all Secrets have been written", func(context.Context) error {
		if n := len(w.secretWrites()); n < manySecrets {
			return fmt.Errorf("%d of %d", n, manySecrets)
		}
		writes := w.api.Writes()
		if last := writes[len(writes)-1]; last.Resource != "capcredentialsets" {
			return fmt.Errorf("the last write is %s, and not a report", last)
		}
		return nil
	})
}

// eventuallyFresh0 waits until no credential is fresh.
func (w *world) eventuallyFresh0() {
	w.t.Helper()
	want := fmt.Sprintf("0/%d", manySecrets)
	w.eventually("every row shows a failure", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err == nil && set.Status.Credentials != want {
			err = fmt.Errorf("status.credentials is %q", set.Status.Credentials)
		}
		return err
	})
}
